"""Every route of pages and API, over a real socket."""

import logging
import re
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from hearing.events import Ended, GapMarked, QuietMarked, Redacted, RunEnded, WordsCommitted
from hearing.lang import NAMES
from hearing.log.base import Record
from hearing.site.headers import CONTENT_SECURITY_POLICY
from hearing.site.show import Track
from tests.site.serving import HOSTILE, MEETING, SPEECH, TOKEN, Serving, Speaker, hold_meeting, meeting, serving

STAFF = {"Authorization": f"Bearer {TOKEN}"}
RECORDED = [Track("audio", "en", 64_000), Track("audio", "fr", 32_000), Track("video", None, 900_000)]


@pytest.fixture
async def site() -> AsyncIterator[Serving]:
    async with serving() as running:
        yield running


@pytest.fixture
async def client(site: Serving) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=site.url, timeout=10) as http:
        yield http


async def test_an_empty_home_says_what_to_do(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert page.status_code == 200
    assert "No hearing has been announced here" in page.text
    assert "hearing meeting create" in page.text


async def test_home_lists_meetings_by_state(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    await site.keeper.create(meeting("coming", title="Teralund", starts_ms=1_794_300_000_000))
    await site.keeper.create(meeting("past", title="Veshtia"))
    await site.keeper.open("past")
    await site.keeper.close("past")
    text = (await client.get("/")).text
    places = [text.index(part) for part in ("On now", "Arlandia", "Coming", "Teralund", "Past", "Veshtia")]
    assert places == sorted(places)
    assert "Live since 10:02 in Geneva" in text


@pytest.mark.parametrize("language", NAMES)
async def test_every_page_speaks_every_language(site: Serving, client: httpx.AsyncClient, language: str) -> None:
    await hold_meeting(site)
    for path in ("/", f"/m/{MEETING}", f"/m/{MEETING}?q=48", "/nowhere"):
        page = await client.get(path, params={"l": language} if "?" not in path else {"q": "48", "l": language})
        assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in page.text
        own = re.findall(r'href="(/(?!static|media|listen)[^"#]*)"', page.text)
        kept = [link for link in own if not re.search(r"\.(txt|vtt|srt|md|docx|jsonl)$", link)]
        assert all(f"l={language}" in link or any(f"l={other}" in link for other in NAMES) for link in kept), kept


async def test_the_language_follows_the_browser_without_a_cookie(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    page = await client.get(f"/m/{MEETING}", headers={"Accept-Language": "fr-CH, fr;q=0.9"})
    assert "Ce qui se dit" in page.text
    assert 'id="fr.0"' in page.text, "who reads French gets the French channel"
    assert "set-cookie" not in page.headers


async def test_every_answer_carries_the_headers(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    for path in ("/", f"/m/{MEETING}", "/nowhere", "/api/meetings", "/api/nowhere", "/favicon.ico"):
        headers = (await client.get(path)).headers
        assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "microphone=()" in headers["permissions-policy"]


async def test_pages_hold_no_inline_script_style_or_other_origin(site: Serving, client: httpx.AsyncClient) -> None:
    site.tracks.extend(RECORDED)
    await hold_meeting(site)
    for path in ("/", f"/m/{MEETING}", f"/m/{MEETING}?mode=video", f"/m/{MEETING}?mode=audio"):
        text = (await client.get(path)).text
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
        assert all('type="application/json"' in tag or "src=" in tag for tag in re.findall(r"<script[^>]*>", text))
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text)


async def test_get_routes_answer_head(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    one = f"/api/meetings/{MEETING}"
    for path in (
        "/",
        f"/m/{MEETING}",
        f"/m/{MEETING}/text",
        f"/m/{MEETING}/en.vtt",
        "/api/meetings",
        one,
        f"{one}/segments",
        f"{one}/events",
        "/favicon.ico",
    ):
        answer = await client.head(path)
        assert (answer.status_code, answer.content) == (200, b""), path


async def test_the_page_holds_the_newest_and_links_to_the_earlier(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site, rounds=12)
    text = (await client.get(f"/m/{MEETING}?channel=en")).text
    shown = re.findall(r'id="(en\.\d+)"', text)
    assert shown == [f"en.{n}" for n in range(22, 72)]
    assert "Show 22 earlier passages" in text
    everything = (await client.get(f"/m/{MEETING}?channel=en&all=1")).text
    assert re.findall(r'id="(en\.\d+)"', everything) == [f"en.{n}" for n in range(72)]


async def test_times_are_genevas_with_media_time_as_title(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    text = (await client.get(f"/m/{MEETING}?channel=en")).text
    assert re.search(r'title="0:00:03"><time>10:02:03</time>', text)


async def test_the_choice_tells_what_it_costs_before_any_byte(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    before = (await client.get(f"/m/{MEETING}?mode=video")).text
    assert "mode=audio" not in before, "what was not recorded is not offered"
    site.tracks.extend(RECORDED)
    text = (await client.get(f"/m/{MEETING}")).text
    assert re.findall(r"about (\d+) MB", text) == ["1", "30", "430"]
    assert "<audio" not in text
    assert "<video" not in text
    french = (await client.get(f"/m/{MEETING}?mode=audio&hear=fr")).text
    assert re.findall(r"about (\d+) MB", french) == ["1", "14", "420"]
    assert f'preload="none" src="/listen/{MEETING}/fr"' in french


async def test_a_browser_that_saves_data_gets_no_drafts(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    assert 'data-lean="yes"' in (await client.get(f"/m/{MEETING}", headers={"Save-Data": "on"})).text


async def test_search_marks_what_matches_and_nothing_else(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    text = (await client.get(f"/m/{MEETING}?channel=fr&q=REPONSES+de+l’etat")).text
    assert "Les <mark>réponses de l’État</mark> partie" in text
    assert "1 passage with" in text
    nothing = (await client.get(f"/m/{MEETING}?channel=fr&q=%3Cscript%3E")).text
    assert "Nothing was found" in nothing
    assert "&lt;script&gt;" in nothing
    assert "<script>" not in nothing


async def test_hostile_words_stay_words_everywhere(site: Serving, client: httpx.AsyncClient) -> None:
    await site.keeper.create(meeting("hostile", title="<i>T</i> {n}", body="</p><script>b</script>"))
    await site.keeper.open("hostile")
    speaker = Speaker(site.log, "hostile")
    await speaker.begin()
    await speaker.words("en", HOSTILE)
    await speaker.tell(Ended(10_000))
    for path in ("/", "/m/hostile", "/m/hostile?q=script", "/m/hostile/text?channel=en"):
        text = (await client.get(path)).text
        assert not re.search(r"<script>|<b>|<i>T", text), path
        assert "49" not in re.findall(r"\{\{ (.*?) \}\}", text)
    cues = (await client.get("/m/hostile/en.vtt")).text
    assert cues.count("-->") == 1
    assert "--&gt;" in cues
    said = (await client.get("/api/meetings/hostile/segments")).json()["segments"][0]["text"]
    assert said == HOSTILE


async def test_downloads_hold_what_was_said_so_far(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    cues = await client.get(f"/m/{MEETING}/ar.vtt")
    assert cues.headers["content-type"] == "text/vtt; charset=utf-8"
    assert cues.headers["content-disposition"] == f'attachment; filename="{MEETING}-ar.vtt"'
    assert cues.text.startswith("WEBVTT\n\nNOTE\nArlandia\n")
    assert "\nنص آلي" in cues.text, "in the language of who reads it"
    assert SPEECH["ar"][0] in cues.text
    plain = await client.get(f"/m/{MEETING}/ar.txt")
    assert SPEECH["ar"][-1] in plain.text
    for path in ("ar.pdf", "xx.vtt", "vtt", ".vtt"):
        assert (await client.get(f"/m/{MEETING}/{path}")).status_code == 404


@pytest.mark.parametrize(
    ("reason", "said"), [("lost", "Interrupted since 10:03, we try again"), ("ended", "The source has ended")]
)
async def test_the_state_of_the_stream_is_said_in_words(
    site: Serving, client: httpx.AsyncClient, reason: str, said: str
) -> None:
    await hold_meeting(site)
    assert ">Live<" in (await client.get(f"/m/{MEETING}")).text
    await site.speaker.tell(msgspec.convert({"type": "run.ended", "run": 1, "t": 60_000, "reason": reason}, RunEnded))
    assert said in (await client.get(f"/m/{MEETING}")).text


async def test_a_meeting_waits_then_closes_and_stays_readable(site: Serving, client: httpx.AsyncClient) -> None:
    await site.keeper.create(meeting())
    assert "Not open yet" in (await client.get(f"/m/{MEETING}")).text
    await site.keeper.open(MEETING)
    assert "Waiting for the source" in (await client.get(f"/m/{MEETING}")).text
    await site.speaker.begin()
    await site.speaker.speak(12)
    await site.speaker.tell(Ended(700_000))
    await site.keeper.close(MEETING)
    text = (await client.get(f"/m/{MEETING}?channel=en")).text
    assert "Text and sound stay here." in text
    assert re.search(r"Sunday,? 8 November 2026, 10:02 to 10:\d\d in Geneva", text)
    assert 'id="en.0"' in text
    assert 'id="en.71"' in text


async def test_missing_words_are_said_to_be_missing(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    await site.speaker.tell(GapMarked("en", 90_000, 95_000, "worker-lost"))
    assert "Words are missing here." in (await client.get(f"/m/{MEETING}?channel=en")).text


@pytest.mark.parametrize("over", [False, True], ids=["live", "past"])
async def test_where_nobody_spoke_it_is_said_so_and_nothing_is_said_to_be_missing(
    site: Serving, client: httpx.AsyncClient, *, over: bool
) -> None:
    await hold_meeting(site)
    await site.speaker.tell(QuietMarked("en", 90_000, 150_000))
    await site.speaker.tell(QuietMarked("fr", 95_000, 150_000))
    await site.speaker.tell(WordsCommitted("en", "en.6", 0, ("Again.",), 152_000 * 16))
    if over:
        await site.speaker.tell(Ended(160_000))
        await site.keeper.close(MEETING)
    for path in (f"/m/{MEETING}?channel=en", *([f"/m/{MEETING}/text?channel=en"] if over else [])):
        text = (await client.get(path)).text
        places = [
            text.index(part, text.index('class="log')) for part in ('id="en.5"', "No speech was heard here.", "Again.")
        ]
        assert places == sorted(places)
        shown = text[text.index('class="log') :].split("<script", 1)[0]
        assert shown.count("No speech was heard here.") == 1, "what is said of another channel is not"
        assert "Words are missing" not in shown
        assert "10:04:30" in text, "the words after it were said after it"
    shown = (await client.get(f"/m/{MEETING}/en/5")).text
    assert "No speech was heard here." in shown
    assert "Words are missing" not in shown


async def test_captions_tell_how_late_they_are(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    await site.board.put(f"captions:{MEETING}:fr", b'{"state":"late","late_ms":12400}', 60)
    await site.board.put(f"captions:{MEETING}:ar", b'{"state":"paused","late_ms":0}', 60)
    text = (await client.get(f"/m/{MEETING}")).text
    assert '<small data-captions="fr">12 s late</small>' in text
    assert '<small data-captions="ar">paused</small>' in text


async def test_an_erased_record_leaves_every_page(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    position = await site.log.head(f"public:{MEETING}", "channel:en") - 1
    assert "forty-eight hours" in (await client.get(f"/m/{MEETING}?channel=en")).text
    await site.log.erase(f"public:{MEETING}", position)
    await site.speaker.tell(Redacted(position))
    for path in (f"/m/{MEETING}?channel=en", f"/m/{MEETING}/en.txt", f"/api/meetings/{MEETING}/segments?channel=en"):
        assert "forty-eight hours" not in (await client.get(path)).text


async def test_the_api_tells_about_meetings_and_segments(site: Serving, client: httpx.AsyncClient) -> None:
    await site.keeper.create(meeting())
    before = (await client.get(f"/api/meetings/{MEETING}")).json()
    assert (before["phase"], before["state"], before["media_zero_utc"]) == ("planned", "waiting", None)
    await site.keeper.open(MEETING)
    await site.speaker.begin()
    await site.speaker.speak()
    await site.speaker.words("en", "Not closed yet", more=True)
    listed = (await client.get("/api/meetings")).json()["meetings"]
    assert [one["id"] for one in listed] == [MEETING]
    assert listed[0]["media_zero_utc"] == "2026-11-08T09:02:00.000Z"
    assert [channel["id"] for channel in listed[0]["channels"]] == ["en", "fr", "ar", "zh"]
    assert "source" not in str(listed), "where the source is stays with staff"
    answer = (await client.get(f"/api/meetings/{MEETING}/segments?channel=en")).json()
    assert answer["cursor"] == f"1.{await site.log.head(f'public:{MEETING}')}"
    assert [one["closed"] for one in answer["segments"]] == [True] * 6 + [False]
    assert answer["segments"][0] == {
        "segment": "en.0",
        "channel": "en",
        "t0": 0,
        "t1": 2700,
        "text": SPEECH["en"][0],
        "closed": True,
        "hidden": False,
        "basis": "",
        "speaker": "",
        "mark": "machine",
        "version": 0,
        "machine": "",
        "language": "",
    }


async def test_what_is_not_there_is_said_in_the_language_of_who_asks(client: httpx.AsyncClient) -> None:
    for path in ("/nowhere", "/m/nobody", "/m/nobody/text", "/static/1/x.js"):
        page = await client.get(path, params={"l": "fr"})
        assert page.status_code == 404
        assert "Rien ici" in page.text
    wrong = await client.post("/", params={"l": "es"})
    assert wrong.status_code == 405
    assert "No ha funcionado" in wrong.text
    for path in ("/api/nowhere", "/api/meetings/nobody", "/api/meetings/nobody/events"):
        answer = await client.get(path)
        assert answer.status_code == 404
        assert answer.json()["code"] == "not-found"
    answer = await client.put("/api/meetings")
    assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")


async def test_staff_create_open_and_close(client: httpx.AsyncClient) -> None:
    wanted = msgspec.to_builtins(meeting("new"))
    made = await client.post("/api/meetings", json=wanted, headers=STAFF)
    assert (made.status_code, made.json()["phase"]) == (201, "planned")
    again = await client.post("/api/meetings", json=wanted, headers=STAFF)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    opened = await client.post("/api/meetings/new/open", headers=STAFF, content=b"{}")
    assert opened.json()["phase"] == "open"
    closed = await client.post("/api/meetings/new/close", headers=STAFF)
    assert closed.json()["phase"] == "closed"
    late = await client.post("/api/meetings/new/open", headers=STAFF)
    assert (late.status_code, late.json()["code"]) == (409, "conflict")
    nobody = await client.post("/api/meetings/nobody/open", headers=STAFF)
    assert (nobody.status_code, nobody.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "unauthorized"),
        ({"Authorization": "Basic abc"}, 401, "unauthorized"),
        ({"Authorization": "Bearer"}, 401, "unauthorized"),
        ({"Authorization": "Bearer wrong"}, 403, "forbidden"),
    ],
)
async def test_others_may_not_act(client: httpx.AsyncClient, headers: dict[str, str], status: int, code: str) -> None:
    for path in ("/api/meetings", "/api/meetings/x/open", "/api/meetings/x/close"):
        answer = await client.post(path, headers=headers, content=b"{}")
        assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"{}",
        b'{"meeting": 5}',
        msgspec.json.encode({**msgspec.to_builtins(meeting("x")), "meeting": "../x"}),
        msgspec.json.encode({**msgspec.to_builtins(meeting("x")), "channels": []}),
        msgspec.json.encode({**msgspec.to_builtins(meeting("x")), "profile": "none"}),
        msgspec.json.encode({**msgspec.to_builtins(meeting("x")), "source": ""}),
        msgspec.json.encode({**msgspec.to_builtins(meeting("x")), "title": ""}),
    ],
)
async def test_a_malformed_meeting_is_refused_with_a_reason(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/api/meetings", headers=STAFF, content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "refused")
    assert len(answer.json()["text"]) > 20


async def test_a_body_over_its_bound_is_not_read(client: httpx.AsyncClient) -> None:
    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(8):
            yield b" " * 4096

    for content in (b" " * 16_385, unannounced()):
        answer = await client.post("/api/meetings", headers=STAFF, content=content)
        assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


async def test_static_files_are_kept_for_ever_under_their_version(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text
    style = re.search(r'href="(/static/\w+/hearing\.css)"', page)
    assert style
    answer = await client.get(style[1])
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    old = await client.get("/static/0/hearing.css")
    assert old.headers["cache-control"] == "no-cache"
    for path in ("/static/0/../../pyproject.toml", "/static/0/%2e%2e/%2e%2e/pyproject.toml", "/static/0/src/live.js"):
        assert (await client.get(path)).status_code == 404


async def test_the_log_holds_no_token_address_or_text(
    site: Serving, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hearing")
    await hold_meeting(site)
    await client.get(f"/m/{MEETING}?q=secret-words")
    await client.post("/api/meetings", headers=STAFF, content=b"secret-body")
    written = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("hearing"))
    for secret in (TOKEN, "127.0.0.1", "secret", SPEECH["en"][0]):
        assert secret not in written


async def test_the_first_load_is_small(site: Serving, client: httpx.AsyncClient) -> None:
    site.tracks.extend(RECORDED)
    await hold_meeting(site, rounds=12)
    page = await client.get(f"/m/{MEETING}?mode=video")
    wanted = set(re.findall(r'(?:href|src)="(/static/[^"#]+)"', page.text))
    wanted |= {re.sub(r"live\.js$", name, path) for path in wanted for name in ("player.js", "audio.js", "times.js")}
    sizes = {path: await _bytes_on_the_wire(client, path) for path in wanted if path.endswith((".css", ".js", ".svg"))}
    total = await _bytes_on_the_wire(client, f"/m/{MEETING}?mode=video") + sum(sizes.values())
    assert total <= 30 * 1024, sizes


async def test_our_own_script_is_small(client: httpx.AsyncClient) -> None:
    names = ("audio", "captions", "feed", "live", "log", "player", "playlist", "times", "video", "words")
    assert sum([await _bytes_on_the_wire(client, f"/static/0/{name}.js") for name in names]) <= 15 * 1024


async def _bytes_on_the_wire(client: httpx.AsyncClient, path: str) -> int:
    async with client.stream("GET", path) as answer:
        return sum([len(chunk) async for chunk in answer.aiter_raw()])


async def test_an_address_with_a_slash_too_many_is_not_here_and_sends_nowhere(site: Serving) -> None:
    async with httpx.AsyncClient(base_url=site.url) as client:
        answer = await client.get(f"/m/{MEETING}/?q=name", headers={"Host": "elsewhere.example"})
        assert answer.status_code == 404
        assert "location" not in answer.headers


async def test_a_list_of_many_meetings_folds_each_of_them_once(site: Serving) -> None:
    async with httpx.AsyncClient(base_url=site.url, timeout=30) as client:
        for number in range(40):
            await site.keeper.create(meeting(f"m{number}"))
            await Speaker(site.log, f"m{number}").begin()
        first = await client.get("/api/meetings")
        read = []
        original = site.log.read

        async def counted(stream: str, after: int, limit: int = 256) -> list[Record]:
            read.append(stream)
            return await original(stream, after, limit)

        site.log.read = counted  # type: ignore[method-assign] # to count what is read again
        assert (await client.get("/api/meetings")).text == first.text
        assert (await client.get("/")).status_code == 200
        assert [stream for stream in read if stream.startswith("public:m")] == []
