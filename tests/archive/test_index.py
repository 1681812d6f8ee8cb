"""The index is made from the log: it follows it, forgets with it, and is made anew when it is gone."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from hearing.archive import index, tables
from hearing.errors import Unavailable
from hearing.events import (
    Ended,
    PassageHidden,
    PassageShown,
    Redacted,
    SegmentCorrected,
    WordsCommitted,
    encode,
    public_stream,
)
from hearing.log.memory import MemoryLog
from tests.archive.searching import Searching, searching
from tests.site.serving import MEETING

CANARY = "Quetzalcoatlus"
STEM = "quetzalcoatlus"


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Searching]:
    async with searching(tmp_path / "index.db") as running:
        yield running


@contextlib.asynccontextmanager
async def followed(there: Searching) -> AsyncIterator[None]:
    """Follow the log as a server does."""
    task = asyncio.create_task(there.feeder.run(there.keeper.changed))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not await true():  # type: ignore[misc]
            await asyncio.sleep(0.01)


async def counts(there: Searching, text: str, many: int) -> None:
    """Wait until so many are found, without catching up."""
    from hearing.archive.wanted import Wanted

    async def found() -> bool:
        with contextlib.suppress(Unavailable):
            return (await there.search.find(Wanted(text))).total == many
        return False

    await until(found)


async def erase(there: Searching, position: int) -> None:
    await there.log.erase(public_stream(MEETING), position)
    await there.log.append(public_stream(MEETING), [encode(Redacted(position))])


async def test_words_are_found_while_they_are_spoken(there: Searching) -> None:
    async with followed(there):
        speaker = await there.meeting()
        await speaker.words("en", "The prisons are full.")
        await counts(there, "prisons", 1)
        await speaker.words("en", "Which prisons?")
        await counts(there, "prisons", 2)
        await (await there.meeting("second")).words("en", "The prisons again.")
        await counts(there, "prisons", 3)


@pytest.mark.parametrize("closed", [False, True])
async def test_erased_words_leave_no_byte_in_the_index(there: Searching, closed: bool) -> None:
    speaker = await there.meeting()
    for number in range(300):
        await speaker.words("en", f"Passage {number} of many about the prisons of the State party.")
    position = await speaker.tell(WordsCommitted("en", "en.300", 0, (CANARY, "spoke."), 40_000_000))
    await speaker.words("fr", "Une autre phrase.")
    if closed:
        await speaker.tell(Ended(99_000_000))
    async with followed(there):
        await counts(there, CANARY, 1)
        assert there.residue(CANARY, STEM) == [CANARY, STEM]
        await erase(there, position)
        await counts(there, CANARY, 0)

        async def gone() -> bool:
            return not there.residue(CANARY, STEM)

        await until(gone)
        await counts(there, "prisons", 300)


async def test_one_removal_among_many_rows_leaves_nothing(there: Searching) -> None:
    speaker = await there.meeting()
    positions = []
    for number in range(200):
        name = f"Zq{number:03d}wx"
        at = WordsCommitted(
            "en", f"en.{number}", 0, ("The", "witness", name, "spoke", "at", "length."), 16_000 * number
        )
        positions.append((name, await speaker.tell(at)))
    await there.feeder.catch_up()
    for _, position in positions[::3]:
        await erase(there, position)
    await there.feeder.catch_up()
    names = [name for name, _ in positions[::3]]
    assert there.residue(*names, *(name.lower() for name in names)) == []
    assert (await there.find("witness")).total == 200 - len(names)


async def test_a_deleted_index_is_made_anew_while_the_server_runs(there: Searching) -> None:
    async with followed(there):
        speaker = await there.meeting()
        await speaker.words("en", "The prisons are full.")
        await counts(there, "prisons", 1)
        tables.remove(there.path)
        await speaker.words("en", "More prisons.")
        await counts(there, "prisons", 2)


async def test_a_damaged_index_is_made_anew(there: Searching) -> None:
    speaker = await there.meeting()
    await speaker.words("en", "The prisons are full.")
    async with followed(there):
        await counts(there, "prisons", 1)
        size = there.path.stat().st_size
        with there.path.open("r+b") as file:
            file.write(b"\xff" * size)
        with contextlib.closing(sqlite3.connect(there.path)) as other, contextlib.suppress(sqlite3.Error):
            other.execute("SELECT 1 FROM meetings")
        await speaker.words("en", "More prisons.")
        await counts(there, "prisons", 2)


async def test_a_file_that_is_no_index_or_of_other_rules_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    path.write_bytes(b"this is not a database, and was never one" * 100)
    async with searching(path) as there:
        await (await there.meeting()).words("en", "The prisons are full.")
        assert (await there.find("prisons")).total == 1
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 1")
    async with searching(path) as there:
        assert (await there.find("prisons")).total == 0, "another log: what the house does not know is gone"


async def test_a_restart_reads_only_what_is_new(tmp_path: Path) -> None:
    async with MemoryLog() as log:
        async with searching(tmp_path / "index.db", log) as there:
            speaker = await there.meeting()
            await speaker.words("en", "The prisons are full.")
            assert (await there.find("prisons")).total == 1
        await speaker.words("en", "Which prisons?")
        async with searching(tmp_path / "index.db", log) as again:
            assert (await again.find("prisons")).total == 2
            assert again.feeder.behind() == 0


async def _second(_stream: str) -> int:
    return 2


async def test_another_epoch_of_a_stream_replaces_what_was_known(
    there: Searching, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await there.meeting()).words("en", "The prisons are full.")
    assert (await there.find("prisons")).total == 1
    async with MemoryLog() as restored, searching(there.path.with_name("other.db"), restored) as other:
        await (await other.meeting()).words("en", "The hospitals are full.")
        monkeypatch.setattr(restored, "epoch", _second)
        monkeypatch.setattr(there.feeder, "_log", restored)
        assert (await there.find("prisons")).total == 0
        assert (await there.find("hospitals")).total == 1


async def test_what_is_hidden_leaves_the_index_to_the_last_byte_and_comes_back_when_it_is_shown(
    there: Searching,
) -> None:
    speaker = await there.meeting()
    for said in ("The prisons are full.", f"{CANARY} spoke.", "The prisons again."):
        await speaker.words("en", said)
    assert (await there.find(CANARY)).total == 1
    await speaker.tell(PassageHidden("p", 1600, 2400))
    assert (await there.find(CANARY)).total == 0
    assert there.residue(CANARY, STEM) == []
    assert (await there.find("prisons")).total == 2
    await speaker.tell(PassageShown("p"))
    assert (await there.find(CANARY)).total == 1


async def test_words_that_come_into_a_hidden_passage_never_enter_the_index(there: Searching) -> None:
    speaker = await there.meeting()
    await speaker.words("en", "The prisons are full.")
    await speaker.tell(PassageHidden("p", 1600, 2400))
    assert (await there.find("prisons")).total == 1
    await speaker.words("en", f"{CANARY} spoke.")
    assert (await there.find(CANARY)).total == 0
    assert there.residue(CANARY, STEM) == []


async def test_bytes_that_another_reader_keeps_alive_go_when_it_is_gone(there: Searching) -> None:
    speaker = await there.meeting()
    position = await speaker.tell(WordsCommitted("en", "en.0", 0, (CANARY, "spoke."), 16_000))
    await there.feeder.catch_up()
    with contextlib.closing(sqlite3.connect(there.path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM passages").fetchone()
        await erase(there, position)
        with pytest.raises(Unavailable, match="Another program"):
            await there.feeder.catch_up()
    await there.feeder.catch_up()
    assert there.residue(CANARY, STEM) == []


async def test_a_query_that_takes_too_long_is_ended(there: Searching, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "LONGEST_S", 0.05)
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(Unavailable, match="too long"):
        await there.index.query(lambda database: database.execute(endless).fetchone())
    assert await there.index.query(lambda database: database.execute("SELECT 1").fetchone()) == (1,)


async def test_too_many_waiting_queries_are_told_to_come_again(there: Searching) -> None:
    asked = [asyncio.create_task(there.index.query(lambda _: None)) for _ in range(100)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert any(isinstance(answer, Unavailable) for answer in answers)
    assert answers[0] is None


async def test_a_corrected_word_is_found_and_what_the_machine_heard_is_not(there: Searching) -> None:
    speaker = await there.meeting()
    async with followed(there):
        segment = await speaker.words("en", f"I thank Ms. {CANARY} for it")
        await counts(there, CANARY, 1)
        words = ("I", "thank", "Ms.", "Kovaleva", "for", "it")
        event = SegmentCorrected("en", segment, 1, words, (0, 1, 2, 6, 4, 5), "corrected", "staff", 7)
        await there.log.append(public_stream(MEETING), [encode(event)])
        await counts(there, "Kovaleva", 1)
        await counts(there, CANARY, 0)
