"""Captions by hand over HTTP: what software posts, what the page takes, who may, and what everybody reads then."""

import contextlib
import html
import json
import logging
import re
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
from starlette.types import Receive, Scope, Send

from hearing.access import Capability
from hearing.errors import Unavailable
from hearing.events import Ended
from hearing.qa.invites import SESSION_MS, Place
from hearing.qa.office import Office
from hearing.site import captioning, i18n, web
from hearing.site.captioning import Pace, TooMany, read_text
from hearing.site.edge import Edge
from hearing.site.faults import Faults
from hearing.site.look import Look
from hearing.transcribe.dispatch import Ears
from hearing.transcribe.typed import Hand
from tests.site.desking import MEETING, QUIET, Desk, browser_of, desk, fields, take_seat
from tests.site.serving import TOKEN, Staffing
from tests.transcribe.relaying import nothing_recorded

STAFF = Capability("staff", "")
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
PAGE = f"/d/{QUIET}/caption"
HOLD = Hand(silence_s=3600.0)
SECOND = 16_000
CHANNEL = "fr"


class Live(msgspec.Struct):
    """A meeting whose sound is heard, and a caption URL to its French channel."""

    desk: Desk
    ears: Ears
    token: str

    @property
    def url(self) -> str:
        return f"{self.desk.site.url}{captioning.address(self.token)}"

    def play(self, seconds: int, channel: str = CHANNEL) -> None:
        """Let the source play so many seconds from the beginning."""
        self.ears.hear(channel, 1, 0, bytes(2 * SECOND * seconds))

    async def post(self, seq: int | str, text: str | bytes, **query: str) -> httpx.Response:
        """Post as the software does: to the URL with its number and language behind it."""
        body = text.encode() if isinstance(text, str) else text
        more = "".join(f"&{key}={value}" for key, value in query.items())
        async with httpx.AsyncClient(timeout=60) as client:
            kind = {"Content-Type": "text/plain; charset=utf-8"}
            return await client.post(f"{self.url}&seq={seq}&lang=fr-FR{more}", content=body, headers=kind)

    async def seq(self) -> httpx.Response:
        """Ask for the last number as the software does: with a word put into the URL."""
        async with httpx.AsyncClient(timeout=60) as client:
            return await client.get(self.url.replace("/closedcaption?", "/closedcaption/seq?"))

    async def typed(self, channel: str = CHANNEL) -> list[str]:
        """Return the passages that were typed, as the API tells them."""
        async with httpx.AsyncClient(timeout=60) as client:
            said = (await client.get(f"{self.desk.site.url}/api/meetings/{MEETING}/segments?channel={channel}")).json()
        return [one["text"] for one in said["segments"] if one["mark"] == "typed"]


@contextlib.asynccontextmanager
async def live(hand: Hand = HOLD) -> AsyncIterator[Live]:
    """Run it; the meeting has been heard for 200 seconds."""
    async with desk(hand) as here:
        dispatch, house = here.site.dispatch, here.site.keeper.house()
        ears = await dispatch.attach(house.meeting(MEETING), nothing_recorded)
        token = await here.office.invite(STAFF, QUIET, "captioner", "CART", Place(MEETING, CHANNEL, url=True))
        running = Live(here, ears, token)
        running.play(200)
        try:
            yield running
        finally:
            await ears.detach()


@pytest.fixture
async def on() -> AsyncIterator[Live]:
    async with live() as running:
        yield running


# --- what software posts ----------------------------------------------------------------------------------------------


async def test_software_posts_captions_and_each_counts_once(on: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "hearing.transcribe.carried._PAUSE_S", 3600.0
    )  # a busy machine may be slow to send the rest of the sentence
    assert (await on.seq()).text == "0"
    sent = await on.post(1, "Je vous remercie, ")
    assert (sent.status_code, sent.text, sent.headers["Content-Type"]) == (200, "1", "text/plain; charset=utf-8")
    assert sent.headers["Cache-Control"] == "no-store"
    for _ in range(2):  # the answer was lost
        assert (await on.post(2, "Madame la Présidente.\n")).text == "2"
    assert (await on.post(4, "Quatre.")).text == "4"
    assert (await on.post(3, "Trois, en retard.")).text == "4"
    assert (await on.post(1, "Je vous remercie, ")).status_code == 200
    assert await on.typed() == ["Je vous remercie, Madame la Présidente.", "Quatre.", "Trois, en retard."]
    assert (await on.seq()).text == "4"


async def test_a_number_that_was_used_for_another_text_is_refused_in_words(on: Live) -> None:
    for seq in (1, 2, 3):
        await on.post(seq, f"Phrase {seq}.")
    refused = await on.post(3, "Autre chose.")
    assert (refused.status_code, refused.text) == (400, "Number 3 was used for another caption. The last one was 3.\n")
    assert len(await on.typed()) == 3


async def test_what_youtube_wants_before_the_text_is_not_a_caption(on: Live) -> None:
    await on.post(1, "2026-11-28T10:00:00.000 region:reg1#cue1\nBonjour à tous.\n")
    assert await on.typed() == ["Bonjour à tous."]
    assert read_text(b"2026-11-28T10:00:00.000\nA") == ("A", False)
    assert read_text(b"2026-11-28 was a Saturday.\n") == ("2026-11-28 was a Saturday. ", True)
    assert read_text("\ufeffÀ\r\n".encode())[1] is True


async def test_nothing_that_is_no_caption_is_taken(on: Live) -> None:
    assert (await on.post("", "Sans numéro.")).status_code == 400
    for seq in ("-1", "1.5", "x", "9" * 17, "٣"):
        assert (await on.post(seq, "Mauvais numéro.")).status_code == 400
    assert (await on.post(1, b"\xff\xfe no UTF-8")).status_code == 400
    assert (await on.post(1, "x" * 2001)).status_code == 400
    assert (await on.post(1, "x" * 9000)).status_code == 413
    async with httpx.AsyncClient(timeout=60) as client:
        assert (await client.get(on.url)).status_code == 405
    assert await on.typed() == []
    assert not on.desk.site.dispatch.carried(MEETING, CHANNEL).hand.holds


async def test_what_would_reorder_or_break_a_page_is_taken_off(on: Live) -> None:
    await on.post(1, "<script>alert(1)</script> \u202ebad\u202c \x07bell.")
    assert await on.typed() == ["<script>alert(1)</script> bad bell."]
    async with httpx.AsyncClient(base_url=on.desk.site.url, timeout=60) as client:
        assert "<script>alert(1)" not in (await client.get(f"/m/{MEETING}?channel={CHANNEL}")).text


async def test_a_url_that_is_not_known_ended_old_or_of_a_closed_meeting_is_good_for_nothing(on: Live) -> None:
    good, on.token = on.token, on.token[:-1] + ("A" if on.token[-1] != "A" else "B")
    assert ((await on.post(1, "Non.")).status_code, (await on.seq()).status_code) == (404, 404)
    seat = on.token = await on.desk.office.invite(STAFF, QUIET, "captioner", "", Place(MEETING, CHANNEL))
    assert (await on.post(1, "Non.")).status_code == 404
    async with browser_of(on.desk) as client:
        taken = await client.post(f"/staff/{QUIET}/accept", data={"invite": good})
        assert taken.status_code == 404
    on.token = good
    on.desk.clock.ms += SESSION_MS
    assert (await on.post(1, "Trop vieux.")).status_code == 410
    on.desk.clock.ms -= SESSION_MS
    await on.desk.office.revoke(STAFF, QUIET, good.partition(".")[0])
    ended = await on.post(1, "Terminé.")
    assert (ended.status_code, "ask" in ended.text.lower()) == (410, True)
    assert (await on.desk.office.invited(seat)) == QUIET
    on.token = await on.desk.office.invite(STAFF, QUIET, "captioner", "", Place(MEETING, CHANNEL, url=True))
    await on.desk.site.keeper.close(MEETING)
    assert (await on.post(1, "Trop tard.")).status_code == 410
    assert await on.typed() == []


async def test_a_meeting_that_is_not_on_answers_as_zoom_does() -> None:
    async with desk(HOLD) as here:
        token = await here.office.invite(STAFF, QUIET, "captioner", "", Place(MEETING, CHANNEL, url=True))
        async with httpx.AsyncClient(timeout=60) as client:
            early = await client.post(f"{here.site.url}{captioning.address(token)}&seq=1", content=b"Trop.")
        assert (early.status_code, early.text) == (400, "This meeting is not open. Captions are taken while it is.\n")


@pytest.mark.parametrize("path", ["/closedcaption?id=a.b&seq=1", "/closedcaption/seq?id=a.b"])
async def test_an_edge_whose_home_is_away_tells_software_in_plain_text_when_to_send_again(path: str) -> None:
    async def nobody(_scope: Scope, _receive: Receive, _send: Send) -> None:
        pytest.fail("nothing is taken in here")

    files = web.load()
    refuse = Faults(Look(files, i18n.load(files.folder / "locale"))).expected
    edge = Edge(nobody, lambda: "", None, Staffing(None), refuse)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url="http://edge.test") as client:
        answer = await client.request("GET" if "/seq" in path else "POST", path, content=b"Bonjour.")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == (
        "text/plain; charset=utf-8",
        "no-store",
    )
    assert answer.text.startswith("The server that does this does not answer just now. Send it again in a minute")
    assert answer.text.endswith(".\n")


async def test_what_the_router_refuses_of_a_caption_url_is_plain_text_too(on: Live) -> None:
    async with httpx.AsyncClient(timeout=60) as client:
        read, odd = await client.get(on.url), await client.post(on.url.replace("?", "/x?"))
        paged = await client.post(on.url, headers={"Origin": "https://elsewhere.example"})
    assert [(one.status_code, one.headers["Content-Type"]) for one in (read, odd, paged)] == [
        (status, "text/plain; charset=utf-8") for status in (405, 404, 403)
    ]
    assert "Allow" in read.headers


async def test_software_is_told_when_to_send_again(on: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_office: Office, _token: str) -> Capability:
        raise Unavailable("Try again in a moment.")

    monkeypatch.setattr(Office, "captioner", away)
    answer = await on.post(1, "Bonjour.")
    assert (answer.status_code, answer.text, answer.headers["Retry-After"]) == (503, "Try again in a moment.\n", "5")


def test_more_posts_than_anybody_types_are_not_taken_and_a_pause_makes_good() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    for _ in range(100):
        pace.count("a")
    with pytest.raises(TooMany):
        pace.count("a")
    pace.count("b")
    now[0] += 1.0
    for _ in range(10):
        pace.count("a")
    with pytest.raises(TooMany):
        pace.count("a")


async def test_too_many_posts_are_answered_429(on: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pace: Pace, _invite: str) -> None:
        raise TooMany("At most 10 captions a second are taken. Send this one again.")

    monkeypatch.setattr(Pace, "count", refuse)
    fast = await on.post(1, "Vite.")
    assert (fast.status_code, fast.headers["Retry-After"]) == (429, "1")


async def test_the_secret_of_a_url_reaches_no_log_no_answer_and_no_stored_byte(
    on: Live, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = on.token.partition(".")[2]
    answers = [
        await on.post(1, "Bonjour."),
        await on.post(1, "Bonjour."),
        await on.post("x", "Faux."),
        await on.post(2, b"\xff"),
        await on.post(3, "x" * 9000),
        await on.seq(),
    ]
    await on.desk.office.revoke(STAFF, QUIET, on.token.partition(".")[0])
    answers.append(await on.post(4, "Fini."))
    for answer in answers:
        assert secret not in answer.text + str(answer.headers)
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    others = ("httpx", "httpcore", "uvicorn.access")  # of the test: it is the test that gives the last one a handler
    ours = [one for one in caplog.records if not one.name.startswith(others)]
    assert secret not in "".join(one.getMessage() + str(one.args) for one in ours)
    for stream in ("house", f"public:{MEETING}"):
        stored = b"".join(record.body for record in await on.desk.site.log.read(stream, 0, 10_000))
        assert secret.encode() not in stored
        assert (on.token.partition(".")[0].encode() in stored) == (stream == "house")


# --- who makes them ---------------------------------------------------------------------------------------------------


async def test_staff_make_a_url_and_an_invitation_over_the_api_and_end_them(on: Live) -> None:
    path = f"/api/meetings/{MEETING}/captioners"
    async with httpx.AsyncClient(base_url=on.desk.site.url, timeout=60) as client:
        made = (await client.post(path, headers=HEADERS, json={"channel": CHANNEL, "url": True})).json()
        assert re.fullmatch(r"/closedcaption\?id=[0-9a-f]{16}\.[\w-]{43}", made["path"])
        assert (await client.post(f"{made['path']}&seq=1", content=b"Par le programme.")).text == "1"
        ended = await client.post(f"{path}/{made['invite']}/end", headers=HEADERS)
        assert ended.status_code == 204
        assert (await client.post(f"{made['path']}&seq=2", content=b"Fini.")).status_code == 410
        seat = (await client.post(path, headers=HEADERS, json={"channel": CHANNEL, "label": "Captions"})).json()
        assert seat["path"].startswith(f"/staff/{QUIET}/accept#{seat['invite']}.")
        for wrong in ({"channel": "xx"}, {"channel": ""}):
            refused = await client.post(path, headers=HEADERS, json={**wrong, "url": True})
            assert refused.status_code in (400, 404)
        assert (await client.post(path, headers=HEADERS, content=b"{}")).status_code == 400
        assert (await client.post(path, json={"channel": CHANNEL})).status_code == 401


async def test_staff_make_them_on_the_page_and_see_what_each_is_for(on: Live) -> None:
    page = f"/d/{QUIET}/invitations"
    async with browser_of(on.desk) as staff:
        token = await on.desk.office.invite(STAFF, "", "staff", "Secretariat")
        asked = await staff.post("/staff/accept", data={"invite": token})
        await staff.post("/staff/accept", data=fields(asked.text))
        form = {"act": "make", "label": "CART", "place": f"{MEETING} {CHANNEL}", "url": "yes", "role": "moderator"}
        made = await staff.post(page, data=form)
        found = re.search(r'value="(http[^"]*/closedcaption\?id=[^"]*)"', made.text)
        assert found
        assert "whoever has it can write this channel" in made.text
        async with httpx.AsyncClient(timeout=60) as software:
            assert (await software.post(f"{found[1]}&seq=1", content=b"Bonjour.")).text == "1"
        listed = (await staff.get(page)).text
        assert "Caption URL" in listed
        assert f"{MEETING}, {CHANNEL}" in listed
        assert found[1].rpartition(".")[2] not in listed
        nowhere = await staff.post(page, data={**form, "place": ""})
        assert (nowhere.status_code, "Choose the channel" in nowhere.text) == (400, True)
        seats = [one for one in await on.desk.office.seats(STAFF, QUIET) if one.role == "moderator"]
        assert seats == []


# --- the page ---------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def captioner(on: Live, place: Place | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Be a captioner with a seat."""
    async with browser_of(on.desk) as client:
        token = await on.desk.office.invite(STAFF, QUIET, "captioner", "Captions", place or Place(MEETING, CHANNEL))
        taken = await take_seat(client, token, QUIET)
        assert taken.url.path == PAGE
        yield client


async def send(client: httpx.AsyncClient, text: str, **more: str) -> httpx.Response:
    """Send a line by the form of the page, as it came."""
    page = (await client.get(PAGE)).text
    return await client.post(PAGE, data={**fields(page, 'id="typing"'), "text": text, **more})


async def test_a_captioner_types_line_by_line_without_script(on: Live) -> None:
    async with captioner(on) as client:
        sent = await send(client, "Bonjour à tous\r\net bienvenue")
        assert (sent.status_code, sent.history[0].status_code) == (200, 303)
        assert "Bonjour à tous et bienvenue" in sent.text
        assert "A captioner writes this channel." in sent.text
        assert await on.typed() == ["Bonjour à tous et bienvenue"]


async def test_a_line_sent_twice_by_the_form_stands_once(on: Live) -> None:
    async with captioner(on) as client:
        form = {**fields((await client.get(PAGE)).text, 'id="typing"'), "text": "Une seule fois."}
        for _ in range(3):
            assert (await client.post(PAGE, data=form)).status_code == 200
        assert await on.typed() == ["Une seule fois."]


async def test_the_switch_takes_the_channel_and_gives_it_back(on: Live) -> None:
    carried = on.desk.site.dispatch.carried(MEETING, CHANNEL)
    async with captioner(on) as client:
        first = (await client.get(PAGE)).text
        assert "The machine writes this channel." in first
        typing = {**fields(first, 'id="typing"'), "act": "typing"}
        await client.post(PAGE, data=typing)
        assert not carried.hand.holds  # a key that is pressed takes nothing
        taken = await client.post(PAGE, data=fields(first, "I write"))
        assert carried.hand.holds
        until_s = carried.hand.until_s
        await client.post(PAGE, data=typing)
        assert carried.hand.until_s is not None
        assert until_s is not None
        assert carried.hand.until_s > until_s
        back = await client.post(PAGE, data=fields(taken.text, "Let the machine write"))
        assert "The machine writes this channel." in back.text
        assert not carried.hand.holds


async def test_who_hears_late_gives_their_words_an_earlier_time(on: Live) -> None:
    async with captioner(on) as client:
        answer = await send(client, "Tard.", lag="20")
        assert 'name="lag"' in answer.text
        assert re.search(r'name="lag"[^>]*value="20"', answer.text)
    fold = on.desk.site.dispatch.carried(MEETING, CHANNEL)._spoken()
    assert fold.segments[-1].t1 == 177_000


async def test_a_typed_line_is_mended_and_the_text_before_stays(on: Live) -> None:
    async with captioner(on) as client:
        page = html.unescape((await send(client, "Trois cent détenus.")).text)
        form = fields(page, 'value="mend"')
        mended = await client.post(PAGE, data={**form, "text": "Trois cents détenus."})
        assert "Trois cents détenus." in html.unescape(mended.text)
        known = (await client.get(f"/api/meetings/{MEETING}/segments?channel={CHANNEL}")).json()["segments"][-1]
        assert (known["mark"], known["version"], known["machine"]) == ("corrected", 1, "Trois cent détenus.")
        passage = (await client.get(f"/m/{MEETING}/{known['segment'].replace('.', '/')}")).text
        assert "Typed by a captioner" in passage
        overtaken = await client.post(PAGE, data={**form, "text": "Trois mille détenus."})
        assert (overtaken.status_code, "Somebody corrected this passage" in overtaken.text) == (409, True)


async def test_a_captioner_mends_nothing_that_the_machine_wrote_or_of_another_channel(on: Live) -> None:
    async with captioner(on) as client:
        await send(client, "Mon texte.")
        for segment in (f"{CHANNEL}.0", "en.0", "nowhere.0", "x"):
            form = {"act": "mend", "meeting": MEETING, "channel": CHANNEL, "segment": segment, "version": "0"}
            refused = await client.post(PAGE, data={**form, "text": "Autre."})
            assert refused.status_code == 400
        correct = f"/d/{QUIET}/correct"
        assert (await client.post(correct, data={"meeting": MEETING, "segment": f"{CHANNEL}.0"})).status_code == 403
        said = (await client.get(f"/api/meetings/{MEETING}/segments")).json()["segments"]
        assert all(one["version"] == 0 for one in said)


async def test_a_captioner_has_their_channel_and_nothing_else_of_the_desk(on: Live) -> None:
    async with captioner(on) as client:
        for query in ("?channel=en", "?meeting=briefing", f"?meeting={MEETING}&channel=xx"):
            assert (await client.get(PAGE + query)).status_code in (403, 404), query
        form = fields((await client.get(PAGE)).text, 'id="typing"')
        assert (await client.post(PAGE, data={**form, "channel": "en", "text": "Non."})).status_code == 403
        for page in ("queue", "said", "speakers", "notices", "invitations", "member", "chair"):
            assert (await client.get(f"/d/{QUIET}/{page}")).status_code == 403
    async with captioner(on, Place()) as anywhere:
        assert 'aria-current="true"' in (await anywhere.get(f"{PAGE}?channel=ar")).text
    async with browser_of(on.desk, "moderator", QUIET) as moderator, browser_of(on.desk) as nobody:
        assert (await moderator.get(PAGE)).status_code == 403
        assert (await nobody.get(PAGE)).status_code == 401
    assert await on.typed("en") == []


async def test_what_is_not_taken_is_given_back(on: Live) -> None:
    async with captioner(on) as client:
        long = await send(client, "x" * 2001)
        assert (long.status_code, "x" * 2001 in long.text) == (400, True)
        broken = await send(client, "Ma phrase.", line="nothing")
        assert (broken.status_code, "Ma phrase." in broken.text) == (400, True)
        assert (await send(client, "Quoi ?", act="sing")).status_code == 404
        await on.ears.detach()
        late = await send(client, "Trop tard.")
        assert (late.status_code, "Trop tard." in late.text) == (409, True)
        assert "the meeting is not on" in html.unescape(late.text)


# --- what everybody reads then ----------------------------------------------------------------------------------------


async def test_the_feed_says_that_words_were_typed(on: Live) -> None:
    await on.post(1, "Voici la réponse.")
    async with httpx.AsyncClient(base_url=on.desk.site.url, timeout=60) as client:
        heard = await typed_words(client)
    assert (heard["words"], heard["mark"]) == (["Voici", "la", "réponse."], "typed")


async def typed_words(client: httpx.AsyncClient) -> dict[str, object]:
    """Return the first words in the feed that were typed; the machine's say nothing of a mark."""
    async with client.stream("GET", f"/api/meetings/{MEETING}/events?channel={CHANNEL}&drafts=no") as answer:
        name = ""
        async for line in answer.aiter_lines():
            name = line.removeprefix("event: ") if line.startswith("event: ") else name
            if name == "words" and line.startswith("data: "):
                said: dict[str, object] = json.loads(line.removeprefix("data: "))
                if said.get("mark"):
                    return said
    raise AssertionError("no typed words came")


async def test_every_file_says_what_was_typed_and_the_head_how_much(on: Live) -> None:
    await on.post(1, "Voici la réponse.")
    await on.desk.site.keeper.close(MEETING)
    await on.desk.site.speaker.tell(Ended(200_000))
    async with httpx.AsyncClient(base_url=on.desk.site.url, timeout=60) as client:
        for kind in ("txt", "md"):
            text = (await client.get(f"/m/{MEETING}/{CHANNEL}.{kind}?l=en")).text
            assert "Texte automatique et texte saisi par une personne, version r1" in text.replace("\\", "")
            assert "1 des 4 passages ont été saisis par une personne" in text.replace("\\", "")
            assert re.search(r"Voici la réponse\\?\..*Saisi par une personne", text), kind
        lines = (await client.get(f"/m/{MEETING}/{CHANNEL}.jsonl")).text.splitlines()
        said = [json.loads(line) for line in lines][1:]
        assert [one["mark"] for one in said] == ["machine", "machine", "machine", "typed"]
        assert said[-1]["words"][0]["t0"] == said[-1]["t0"]
        segment = said[-1]["segment"]
        passage = (await client.get(f"/m/{MEETING}/{segment.replace('.', '/')}?l=en")).text
        assert "Text typed by a captioner, release r1" in html.unescape(passage)
        page = (await client.get(f"/m/{MEETING}?channel={CHANNEL}&l=en")).text
        assert page.count("Typed by a captioner</p>") == 1
        endless = (await client.get(f"/m/{MEETING}/text?channel={CHANNEL}&l=en")).text
        assert re.search(
            r"Typed by a captioner <time[^>]*>[^<]*</time></p>.{0,200}Voici la réponse\.", endless, re.DOTALL
        )
        assert endless.count("Typed by a captioner") == 1
