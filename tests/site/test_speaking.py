"""Who speaks, set at the desk: by one key, by whom, mended without loss; what of it is public and what is not."""

import html
import json
import logging
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from hearing.access import Capability, Role
from hearing.desk_events import NamesListed, TurnActed, decode_desk, desk_stream
from hearing.events import Redacted, TurnBegan, TurnChanged, TurnEvent, decode_public, public_stream
from hearing.names import Name
from hearing.turns import REACTION_MS
from tests.site.desking import BRIEFING, MEETING, OPEN, QUIET, Desk, browser_of, desk, fields
from tests.site.serving import TOKEN, ZERO_MS
from tests.site.test_hiding import streamed

PAGE = f"/d/{QUIET}/speakers"
ROSSI, DIALLO = "Maria Rossi; Head of delegation; delegation", "Awa Diallo; ; committee"
UNUSED = "Nadia Neverspoke"
LIST = f"{ROSSI}\n{DIALLO}\n{UNUSED}; Deputy; delegation\nمريم السالم; عضو الوفد\n"
STAFF = {"Authorization": f"Bearer {TOKEN}"}
API = f"/api/meetings/{MEETING}/names"


@pytest.fixture
async def here() -> AsyncIterator[Desk]:
    async with desk() as running:
        running.clock.ms = ZERO_MS + running.site.speaker._t["en"] - 500
        yield running


async def turns(here: Desk) -> list[TurnEvent]:
    records = await here.site.log.read(public_stream(MEETING), 0, 4096)
    events = [decode_public(record.body) for record in records]
    return [event for event in events if isinstance(event, TurnEvent)]


async def write(client: httpx.AsyncClient, text: str = LIST, version: str = "") -> httpx.Response:
    """Send the list as the page does, with the version that the page showed."""
    form = fields((await client.get(PAGE)).text, 'name="names"')
    return await client.post(PAGE, data={**form, "names": text, **({"version": version} if version else {})})


async def press(client: httpx.AsyncClient, line: str, page: str = PAGE, **more: str) -> httpx.Response:
    """Press the button of a name, as a browser without script sends it."""
    text = (await client.get(page)).text
    form = next(one for one in re.findall(r"<form.*?</form>", text, re.DOTALL) if 'id="speak"' in one)
    assert f'value="{html.escape(line)}"' in form
    action = html.unescape(re.findall(r'action="([^"]+)"', form)[0])
    return await client.post(action, data={**fields(form), "who": line, **more})


async def rows(client: httpx.AsyncClient) -> list[dict[str, str]]:
    """Return the fields of the forms that mend turns, newest first."""
    forms = re.findall(r"<form.*?</form>", (await client.get(PAGE)).text, re.DOTALL)
    return [dict(re.findall(r'name="([^"]+)" value="([^"]*)"', one)) for one in forms if 'name="time" value' in one]


async def read(here: Desk, path: str) -> str:
    async with httpx.AsyncClient(base_url=here.site.url, timeout=10) as client:
        return (await client.get(path)).text


async def everything(here: Desk) -> dict[str, str]:
    """Return all that anybody can read of the meeting, and every byte of its public stream."""
    kinds = ("vtt", "srt", "txt", "md", "docx", "jsonl")
    paths = [f"/m/{MEETING}?channel=en&all=1", f"/m/{MEETING}/en/5", f"/api/meetings/{MEETING}/segments", "/"]
    paths += [f"/api/meetings/{MEETING}", f"/api/dialogues/{QUIET}/public", f"/m/{MEETING}?q=eleven&channel=en"]
    texts = {path: await read(here, path) for path in [*paths, *(f"/m/{MEETING}/en.{kind}" for kind in kinds)]}
    stream = await here.site.log.read(public_stream(MEETING), 0, 4096)
    texts["stream"] = "".join(record.body.decode() for record in stream)
    texts["feed"] = await streamed(here, f"/api/meetings/{MEETING}/events?channel=en", "eleven")
    return texts


async def test_one_press_is_one_turn_a_little_before_and_it_is_seen_everywhere(
    here: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "hearing")
    async with browser_of(here, "moderator", QUIET) as client:
        await write(client)
        answer = await press(client, ROSSI, t=str(30_000 + REACTION_MS))
        assert "since 10:02:30" in answer.text
    (event,) = await turns(here)
    assert event == TurnBegan(event.turn, 30_000, "Maria Rossi", "Head of delegation", "delegation")
    texts = await everything(here)
    stands = {path for path, text in texts.items() if "Maria Rossi" in text}
    silent = {"/", f"/api/meetings/{MEETING}", f"/api/dialogues/{QUIET}/public"}
    assert stands == set(texts) - silent
    page = texts[f"/m/{MEETING}?channel=en&all=1"]
    assert page.count('class="who"') == 1, "once, where the speaker changes"
    assert 'class="who"><bdi>Maria Rossi</bdi> <span class="soft"><bdi>Head of delegation</bdi></span></p>' in page
    said = json.loads(texts[f"/api/meetings/{MEETING}/segments"])
    assert said["turns"][0]["name"] == "Maria Rossi"
    for one in said["segments"]:
        lag = 0 if one["channel"] == "en" else 3000
        middle = (one["t0"] + one["t1"]) / 2
        assert one["speaker"] == ("Maria Rossi" if middle > 30_000 + lag else ""), one
    assert "Rossi" not in caplog.text
    assert "<v Maria Rossi>" in texts[f"/m/{MEETING}/en.vtt"]


async def test_the_citation_names_who_spoke_and_turns_no_line(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        await write(client)
        for line in (ROSSI, "مريم السالم; عضو الوفد"):
            assert "Speaker not identified" in await read(here, f"/m/{MEETING}/en/5?l=en") or line != ROSSI
            await press(client, line, t="25000")
            (row,) = [one for one in await rows(client)][:1]
            page = html.unescape(await read(here, f"/m/{MEETING}/en/5?l=en"))
            if line == ROSSI:
                assert "Maria Rossi (Head of delegation), Human Rights Committee" in page
                await client.post(PAGE, data={**row, "act": "remove", "meeting": MEETING})
            else:
                assert "\u2068مريم السالم\u2069 (\u2068عضو الوفد\u2069), Human Rights" in page
                assert "<bdi>مريم السالم</bdi>" in page


async def test_no_name_of_the_list_is_public_until_a_turn_uses_it(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        assert UNUSED in (await write(client)).text
        await press(client, ROSSI)
        assert UNUSED in (await client.get(f"/m/{MEETING}?channel=en")).text, "who may set a turn has the buttons"
    for path, text in (await everything(here)).items():
        assert "Neverspoke" not in text, path
    desk_bytes = b"".join(one.body for one in await here.site.log.read(desk_stream(QUIET), 0, 4096))
    assert b"Neverspoke" not in desk_bytes
    assert b"Rossi" not in desk_bytes
    for role in ("member", "chair"):
        async with browser_of(here, role, QUIET) as other:
            assert (await other.get(PAGE)).status_code == 403
            assert UNUSED not in (await other.get(f"/m/{MEETING}?channel=en")).text
    async with browser_of(here, "moderator", OPEN) as stranger:
        assert (await stranger.get(PAGE)).status_code == 401
        assert UNUSED not in (await stranger.get(f"/m/{MEETING}?channel=en")).text
        assert "who-now" in (await stranger.get(f"/m/{BRIEFING}")).text


async def test_a_page_with_the_names_is_kept_by_no_cache(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        for path in (PAGE, f"/m/{MEETING}"):
            assert (await client.get(path)).headers["Cache-Control"] == "no-store"
    async with browser_of(here) as reader:
        assert (await reader.get(f"/m/{MEETING}")).headers["Cache-Control"] == "no-cache"


async def test_the_same_press_sent_again_is_one_turn_and_so_is_who_speaks_already(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        await write(client)
        text = (await client.get(PAGE)).text
        form = {**fields(text, 'id="speak"'), "who": ROSSI}
        for _ in range(3):
            assert (await client.post(PAGE, data=form)).status_code == 200
            here.clock.ms += 900
        await press(client, ROSSI)
        assert len(await turns(here)) == 1
        await client.post(PAGE, data={**form, "who": DIALLO})
    assert [getattr(event, "name", "") for event in await turns(here)] == ["Maria Rossi", "Awa Diallo"]
    records = await here.site.log.read(desk_stream(QUIET), 0, 4096)
    acts = [event for one in records if isinstance(event := decode_desk(one.body), TurnActed)]
    assert [(act.act, act.actor.role, act.meeting) for act in acts] == [("begin", "moderator", MEETING)] * 2


async def test_what_is_heard_late_counts_from_when_it_was_heard(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        await write(client)
        await press(client, ROSSI, t="21000")
        await press(client, DIALLO, ago="4000")
        await press(client, "", t="999999999")
    now = here.clock.ms - ZERO_MS
    assert [getattr(event, "t", 0) + REACTION_MS for event in await turns(here)] == [21_000, now - 4000, now]


async def test_a_turn_is_mended_and_taken_away(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        await write(client)
        await press(client, ROSSI, t="21234")
        (row,) = await rows(client)
        assert (row["time"], html.unescape(row["who"])) == ("10:02:19", "Maria Rossi; Head of delegation; Delegation")
        sent = {**row, "meeting": MEETING, "act": "change", "who": "Awa Diallo;; Committee"}
        await client.post(PAGE, data=sent)
        assert (await turns(here))[-1] == TurnChanged(row["turn"], 21_234 - REACTION_MS, "Awa Diallo", "", "committee")
        (row,) = await rows(client)
        await client.post(PAGE, data={**row, "meeting": MEETING, "act": "change", "time": "10:02:10"})
        assert (await turns(here))[-1] == TurnChanged(row["turn"], 10_000, "Awa Diallo", "", "committee")
        assert '"speaker":"Awa Diallo"' in await read(here, f"/api/meetings/{MEETING}/segments")
        (row,) = await rows(client)
        await client.post(PAGE, data={**row, "meeting": MEETING, "act": "remove"})
        assert await rows(client) == []
    for path, text in (await everything(here)).items():
        assert path == "stream" or "Diallo" not in text, path


async def test_two_who_mend_the_same_turn_lose_nothing(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as one, browser_of(here, "staff", "") as other:
        await write(one)
        await press(one, ROSSI)
        (seen,) = await rows(one)
        sent = {**seen, "meeting": MEETING, "act": "change"}
        await one.post(PAGE, data={**sent, "who": "Rossi the first"})
        token = await here.office.invite(Capability("staff", ""), "", "staff", "Staff")
        asked = await other.post("/staff/accept", data={"invite": token})
        await other.post("/staff/accept", data=fields(asked.text))
        for act in ({"act": "change", "who": "Rossi the second"}, {"act": "remove"}):
            answer = await other.post(PAGE, data={**sent, **act})
            assert answer.status_code == 409
            assert "Somebody else changed this" in answer.text
            assert "Rossi the first" in answer.text
    assert len(await turns(here)) == 2


async def test_two_who_write_the_list_lose_nothing(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        await write(client)
        answer = await write(client, "Somebody else", version="0")
        assert answer.status_code == 409
        assert re.search(r"<textarea[^>]*>\nSomebody else</textarea>", answer.text)
        assert f'<li dir="auto">{UNUSED}; Deputy; Delegation</li>' in answer.text
        again = {**fields(answer.text, 'name="names"'), "names": "Somebody else"}
        assert (await client.post(PAGE, data=again)).status_code == 200
        assert UNUSED not in (await client.get(PAGE)).text
    records = await here.site.log.read(desk_stream(QUIET), 0, 4096)
    lists = [event for one in records if isinstance(event := decode_desk(one.body), NamesListed)]
    gone = [await here.office._vault.destroyed(f"{QUIET}/names-{one.list}") for one in lists]
    assert gone == [True, False], "the key of a list goes with it"


REFUSED: tuple[tuple[dict[str, str], int, str], ...] = (
    ({"act": "names", "names": "Rossi\n; Head", "version": "0"}, 400, "Line 2 is not as it should be"),
    ({"act": "names", "names": "Rossi\nRossi", "version": "0"}, 400, "nobody stands on it twice"),
    ({"act": "names", "names": "Rossi", "version": "x"}, 400, ""),
    ({"act": "add", "who": "Rossi", "time": "quarter past"}, 400, "10:15:30"),
    ({"act": "add", "who": "Rossi", "time": "10:59:00"}, 400, "10:15:30"),
    ({"act": "add", "who": "a;b;c;d", "time": "10:02:05"}, 400, "Line 1"),
    ({"act": "change", "turn": "0" * 16, "version": "1", "time": "10:02:05"}, 404, ""),
    ({"act": "remove", "turn": "0" * 16, "version": "1"}, 404, ""),
    ({"act": "begin", "who": "Rossi", "meeting": BRIEFING}, 404, ""),
    ({"act": "none"}, 404, ""),
)


async def test_what_cannot_be_is_refused_in_words(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        for form, status, said in REFUSED:
            answer = await client.post(PAGE, data={"meeting": MEETING, **form})
            assert (answer.status_code, said in answer.text) == (status, True), form
    assert await turns(here) == []


async def test_a_turn_that_was_missed_is_added_also_when_all_is_over(here: Desk) -> None:
    await here.site.keeper.close(MEETING)
    async with browser_of(here, "moderator", QUIET) as client:
        form = fields((await client.get(PAGE)).text, "Add")
        added = {**form, "act": "add", "meeting": MEETING, "time": "10:02:05", "who": ROSSI}
        answer = await client.post(PAGE, data=added)
        assert ('value="10:02:05"' in answer.text, "who-now" in answer.text) == (True, False)
    assert '"speaker":"Maria Rossi"' in await read(here, f"/api/meetings/{MEETING}/segments")


async def test_the_capability_is_asked_for_first(here: Desk) -> None:
    roles: dict[Role | None, int] = {None: 401, "member": 403, "chair": 403, "moderator": 200}
    for role, status in roles.items():
        async with browser_of(here, role, QUIET) as client:
            form = {"act": "begin", "meeting": MEETING, "press": "x", "who": ROSSI}
            for answer in (await client.get(PAGE), await client.post(PAGE, data=form)):
                assert answer.status_code == status
            assert ("who-now" in (await client.get(f"/m/{MEETING}")).text) is (status == 200)
        assert len(await turns(here)) == (status == 200)


async def test_on_the_live_page_a_press_without_script_leads_back_to_it(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        await write(client)
        answer = await press(client, ROSSI, f"/m/{MEETING}?channel=fr&l=fr")
        assert (answer.url.path, answer.url.params["channel"], answer.url.params["l"]) == (f"/m/{MEETING}", "fr", "fr")
        assert "depuis" in answer.text


async def test_the_feed_tells_what_became_of_a_turn_and_the_growing_page_who_speaks(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        await write(client)
        await press(client, ROSSI, t="10000")
        await press(client, DIALLO, t="20000")
        row = (await rows(client))[-1]
        await client.post(PAGE, data={**row, "meeting": MEETING, "act": "remove"})
    await here.site.speaker.words("en", "we go on")
    feed = await streamed(here, f"/api/meetings/{MEETING}/events?channel=en&drafts=no", "go")
    told = [json.loads(one) for one in re.findall(r"event: turn\ndata: (.*)", feed)]
    gone = {"turn": row["turn"], "removed": True}
    assert [one if "removed" in one else one["name"] for one in told] == [gone, "Awa Diallo", gone]
    growing = await streamed(here, f"/m/{MEETING}/text?channel=en", "go on")
    assert growing.count('<p class="who"><bdi>Awa Diallo</bdi></p>') == 1


async def test_a_turn_that_is_erased_was_never_there(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        await write(client)
        await press(client, ROSSI, t="10000")
        position = await here.site.log.head(public_stream(MEETING))
        await here.site.log.erase(public_stream(MEETING), position)
        await here.site.speaker.tell(Redacted(position))
        assert await rows(client) == []
        await press(client, DIALLO, t="12000")
        assert [row["who"] for row in await rows(client)] == ["Awa Diallo; ; Committee"]
    for path, text in (await everything(here)).items():
        assert "Rossi" not in text, path


async def test_programs_of_staff_read_and_write_the_list_and_nobody_else_does(here: Desk) -> None:
    body = {"names": [{"name": "Maria Rossi", "title": "Head"}, {"name": "Awa Diallo", "side": "committee"}]}
    async with httpx.AsyncClient(base_url=here.site.url, timeout=10) as client:
        assert (await client.get(API)).status_code == 401
        assert (await client.put(API, json={**body, "version": 0})).status_code == 401
        assert (await client.get(API, headers=STAFF)).json() == {"names": [], "version": 0}
        wrote = await client.put(API, json={**body, "version": 0}, headers=STAFF)
        assert wrote.status_code == 200
        assert (await client.put(API, json={**body, "version": 0}, headers=STAFF)).status_code == 409
        assert (
            await client.put(API, json={"names": [{"name": "a;b"}], "version": 1}, headers=STAFF)
        ).status_code == 400
        assert (await client.get(API, headers=STAFF)).json() == wrote.json()
    listed = await here.office.names.known(QUIET, MEETING)
    assert listed.content == (Name("Maria Rossi", "Head"), Name("Awa Diallo", side="committee"))
