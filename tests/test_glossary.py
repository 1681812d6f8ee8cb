"""The glossary of a meeting: written by staff, sealed, told to workers and to nobody else, at once when it changes."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing.access import Actor, Capability
from hearing.briefing import Briefing
from hearing.cli import main
from hearing.desk_events import GlossaryWritten, NoticeWithdrawn, decode_desk, desk_stream, notice_subject
from hearing.events import encode
from hearing.glossary import MOST, MOST_LETTERS, Glossary, checked, parse, told, write
from hearing.house_events import HOUSE
from hearing.log.memory import MemoryLog
from hearing.log.sqlite import SqliteLog
from hearing.names import Name, Unreadable
from hearing.qa.vault import Vault
from hearing.transcribe.dispatch import Dispatch
from tests.site.desking import MEETING, QUIET, Desk, browser_of, desk, fields
from tests.site.serving import TOKEN, ZERO_MS, meeting
from tests.site.test_speaking import everything

PAGE = f"/d/{QUIET}/speakers"
API = f"/api/meetings/{MEETING}/glossary"
STAFF = {"Authorization": f"Bearer {TOKEN}"}
TERM = "Neverspoken"


@given(st.lists(st.text(max_size=60), max_size=20))
def test_terms_are_read_as_they_are_written(lines: list[str]) -> None:
    terms = parse("\n".join(lines))
    assert parse(write(terms)) == checked(terms) == terms
    assert len(set(terms)) == len(terms)


@pytest.mark.parametrize(
    ("text", "number"), [("one\n" + "x" * (MOST_LETTERS + 1), 2), ("\n".join(map(str, range(MOST + 1))), 0)]
)
def test_what_is_no_glossary_is_refused_with_its_line(text: str, number: int) -> None:
    with pytest.raises(Unreadable) as refused:
        parse(text)
    assert refused.value.number == number


def test_the_delegation_s_names_come_first_and_no_term_twice() -> None:
    listed = [Name("Chair", side="committee"), Name("Rossi", "Head", "delegation"), Name("Diallo")]
    known = Glossary(("Valdoria", "Rossi"), names=True)
    assert told(known, listed) == ("Rossi", "Chair", "Diallo", "Valdoria")
    assert told(Glossary(("Valdoria",)), listed) == ("Valdoria",)


@pytest.fixture
async def here() -> AsyncIterator[Desk]:
    async with desk() as running:
        yield running


async def test_the_form_of_the_desk_writes_it_and_the_second_of_two_loses_nothing(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        page = (await client.get(PAGE)).text
        form = fields(page, 'name="terms"')
        saved = await client.post(PAGE, data={**form, "terms": f"{TERM}\nValdoria", "with-names": "yes"})
        assert saved.status_code == 200
        assert re.search(rf"<textarea id=\"terms\"[^>]*>\n{TERM}\nValdoria\n</textarea>", saved.text)
        assert 'name="with-names" value="yes" checked' in saved.text
        late = await client.post(PAGE, data={**form, "terms": "Another"})
        assert late.status_code == 409
        assert re.search(r"<textarea id=\"terms\"[^>]*>\nAnother</textarea>", late.text), "what was typed stays"
        assert (await client.post(PAGE, data={**form, "terms": "x" * 200})).status_code == 400
    written = await here.office.glossaries.read(Capability("staff", ""), QUIET, MEETING)
    assert written.content == Glossary((TERM, "Valdoria"), names=True)


async def test_it_is_public_in_no_part_and_sealed_in_the_log(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        form = fields((await client.get(PAGE)).text, 'name="terms"')
        await client.post(PAGE, data={**form, "terms": TERM})
    for place, text in (await everything(here)).items():
        assert TERM not in text, place
    records = await here.site.log.read(desk_stream(QUIET), 0, 4096)
    assert [one for one in records if isinstance(decode_desk(one.body), GlossaryWritten)]
    assert not [one for one in records if TERM.encode() in one.body]


async def test_programs_of_staff_read_and_write_it_and_nobody_else_does(here: Desk) -> None:
    body = {"glossary": {"terms": ["Valdoria"], "names": True}, "version": 0}
    async with browser_of(here) as client:
        assert (await client.get(API)).status_code == 401
        assert (await client.put(API, json=body)).status_code == 401
        assert (await client.get(API, headers=STAFF)).json() == {"glossary": {}, "version": 0}
        answer = (await client.put(API, json=body, headers=STAFF)).json()
        assert answer["glossary"] == body["glossary"]
        assert (await client.put(API, json=body, headers=STAFF)).status_code == 409
        bad = {"glossary": {"terms": [""]}, "version": answer["version"]}
        assert (await client.put(API, json=bad, headers=STAFF)).status_code == 400
        assert (await client.put(API, json={"words": []}, headers=STAFF)).status_code == 400


async def test_what_staff_change_is_told_to_the_workers_of_an_open_meeting(here: Desk) -> None:
    news: asyncio.Queue[tuple[str, tuple[str, ...]]] = asyncio.Queue()

    class Telling(Dispatch):
        async def tell_glossary(self, meeting: str, words: tuple[str, ...]) -> None:
            if meeting == MEETING:
                news.put_nowait((meeting, words))

    site, who = here.site, (Capability("staff", ""), QUIET, MEETING)
    briefing = Briefing(site.keeper, log=site.log, office=here.office, dispatch=Telling(site.log, site.board))
    running = asyncio.create_task(briefing.run())
    try:
        async with asyncio.timeout(60):
            assert await news.get() == (MEETING, ())
            first = await here.office.glossaries.write(*who, Glossary(("Valdoria",)), 0)
            await until(news, ("Valdoria",))
            await here.office.names.write(*who, (Name("Rossi", "Head", "delegation"),), 0)
            await here.office.glossaries.write(*who, Glossary(("Valdoria",), names=True), first.version)
            await until(news, ("Rossi", "Valdoria"))
    finally:
        running.cancel()
        await asyncio.wait({running})


class Watched:
    """A log that tells through which position of a desk somebody has read before they wait."""

    def __init__(self, log: MemoryLog) -> None:
        self.head = log.head
        self.waits: asyncio.Queue[int] = asyncio.Queue()
        self._log = log

    async def wait(self, stream: str, after: int) -> None:
        if stream == desk_stream(QUIET):
            self.waits.put_nowait(after)
        await self._log.wait(stream, after)


async def test_what_else_happens_at_the_desk_reads_nothing_of_the_vault(
    here: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    opens = Vault.open

    async def counted(vault: Vault, name: str, sealed: str) -> bytes:
        opened.append(name)
        return await opens(vault, name, sealed)

    who, log = (Capability("staff", ""), QUIET, MEETING), Watched(here.site.log)
    first = await here.office.glossaries.write(*who, Glossary(("Valdoria",), names=True), 0)
    await here.office.names.write(*who, (Name("Rossi"),), 0)
    monkeypatch.setattr(Vault, "open", counted)
    dispatch = Dispatch(here.site.log, here.site.board)
    briefing = Briefing(here.site.keeper, log=log, office=here.office, dispatch=dispatch)  # type: ignore[arg-type]
    running = asyncio.create_task(briefing.run())

    async def seen(position: int) -> None:
        async with asyncio.timeout(60):
            while await log.waits.get() < position:
                pass

    try:
        await seen(1)
        assert len(opened) == 2, "the glossary and the names"
        for n in range(40):
            said = NoticeWithdrawn(f"n{n}", actor=Actor("staff"), at_ms=ZERO_MS)
            await seen(await here.site.log.append(desk_stream(QUIET), [encode(said)], subject=notice_subject(f"n{n}")))
        assert len(opened) == 2
        again = await here.office.glossaries.write(*who, Glossary(("Other",)), first.version)
        await seen(again.version)
        assert len(opened) == 3, "the glossary alone, for the names are not told any more"
    finally:
        running.cancel()
        await asyncio.wait({running})


async def until(news: "asyncio.Queue[tuple[str, tuple[str, ...]]]", words: tuple[str, ...]) -> None:
    while (await news.get())[1] != words:
        pass


def test_the_command_line_writes_and_prints_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    data, file = tmp_path / "data", tmp_path / "terms.txt"
    data.mkdir()

    async def begin() -> None:
        async with SqliteLog(data / "log.db") as log:
            await log.append(HOUSE, [encode(meeting())])

    asyncio.run(begin())
    file.write_text(f"\ufeff{TERM}\nValdoria\n", "utf-8")
    main(["meeting", "glossary", MEETING, "--data", str(data), "--file", str(file)])
    assert "Wrote 2 terms." in capsys.readouterr().out
    main(["meeting", "glossary", MEETING, "--data", str(data), "--names", "yes"])
    assert "Wrote 2 terms, and the names." in capsys.readouterr().out
    main(["meeting", "glossary", MEETING, "--data", str(data)])
    assert capsys.readouterr().out == f"{TERM}\nValdoria\n"
    assert TERM.encode() not in b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
