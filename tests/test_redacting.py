"""Whatever is said or hidden meanwhile: what a redaction takes out nobody reads, the rest everybody."""

import asyncio
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearing import correcting, redaction, transcript
from hearing.board.memory import MemoryBoard
from hearing.errors import NotFound, Refused
from hearing.events import (
    Cut,
    Ended,
    PassageHidden,
    PassageShown,
    RecordCorrected,
    RedactionEnded,
    SegmentClosed,
    SegmentKept,
    WordRange,
    WordsCommitted,
    WordsRedacted,
    channel_subject,
    decode_public,
    encode,
    public_stream,
)
from hearing.log.memory import MemoryLog
from hearing.log.window import Windows
from hearing.meeting import House, Meeting
from hearing.redacting import Redactor
from hearing.redaction import Wanted
from hearing.site.folds import Fold, Folds
from hearing.store.folder import FolderStore
from tests.redacting import nothing_else
from tests.scene import Scene, Step, steps
from tests.site.serving import MEETING, meeting

STREAM = public_stream(MEETING)
PUBLIC = Meeting(meeting(), "open")


class Wish(msgspec.Struct, frozen=True):
    """A redaction that staff ask for before a step: of words that were said, or of the time in which they were."""

    before: int
    channel: str
    word: int
    count: int
    by_time: bool


class Stage:
    """A scene in a log, and a redactor of it; `gone` are the words that were asked to go."""

    def __init__(self, log: MemoryLog, redactor: Redactor) -> None:
        self.log, self.redactor = log, redactor
        self.scene = Scene()
        self.gone: set[str] = set()
        self.fold = Fold()
        self._sent = 0
        self._pending: list[str] = []

    async def step(self, step: Step) -> None:
        """Let one thing happen, then carry out what can be."""
        self.scene.step(step)
        for event in self.scene.events[self._sent :]:
            await self.log.append(STREAM, [encode(event)], key=f"{self._sent}")
            self._sent += 1
        await self.carry_out()

    async def wish(self, wish: Wish) -> None:
        """Ask for a redaction; nothing where there is nothing to take out."""
        mine = [word for word in self.scene.words if word.segment.startswith(wish.channel)]
        chosen = mine[wish.word % max(1, len(mine)) :][: wish.count]
        if not chosen:
            return
        account = await self.redactor.account(MEETING)
        if wish.by_time:
            t0, t1 = chosen[0].t0, chosen[-1].t1
            cut = redaction.cut_time(PUBLIC, wish.channel, t0, t1)
            self.gone |= {word.text for word in mine if word.t0 < t1 and word.t1 > t0}
        else:
            ends = [self._place(chosen[0].text), self._place(chosen[-1].text)]
            try:
                cut = redaction.cut_words(PUBLIC, account.said, wish.channel, "-".join(ends))
            except (NotFound, Refused):  # all words of a segment are gone already
                return
            self.gone |= {word.text for word in chosen}
        one = f"{len(account.asked):016x}"
        await self.redactor.ask(MEETING, Wanted(one, "privacy", (cut,)))
        self._pending.append(one)

    async def carry_out(self) -> None:
        """Carry out what is ready."""
        self._pending = [one for one in self._pending if not await self.redactor.carry_out_alone(MEETING, one)]

    async def read(self) -> set[str]:
        """Return every word that the public reads, by a fold that follows and by one that is made anew."""
        records = await self.log.read(STREAM, 0, 4096)
        while rest := records[self.fold.position :]:
            if not all(map(self.fold.follow, rest)):
                self.fold.restart(self.fold.epoch)
        fresh = Fold()
        while rest := records[fresh.position :]:
            if not all(map(fresh.follow, rest)):
                fresh.restart(fresh.epoch)
        assert fresh.transcript == self.fold.transcript
        assert fresh.hidden == self.fold.hidden
        return {word for spoken in fresh.transcript.channels.values() for one in spoken.segments for word in one.words}

    async def end(self) -> None:
        """Close all segments and the meeting; carry out the rest."""
        for _ in range(len(self.scene.words) + 1):
            for channel in ("en", "fr"):
                await self.step(Step("close", channel, 6))
        while self.scene.passages:
            await self.step(Step("show"))
        await self.log.append(STREAM, [encode(Ended(self.scene.now))])
        await self.carry_out()
        assert self._pending == []

    def _place(self, text: str) -> str:
        word = next(one for one in self.scene.words if one.text == text)
        n = [one.text for one in self.scene.words if one.segment == word.segment].index(text)
        return f"{word.segment}.{n}"


def redactor(log: MemoryLog, store: FolderStore, board: MemoryBoard) -> Redactor:
    return Redactor(
        log, store, board, house=lambda: House({MEETING: PUBLIC}), forget=nothing_else, now_ms=lambda: 1_000
    )


wishes = st.lists(
    st.builds(
        Wish, st.integers(0, 30), st.sampled_from(["en", "fr"]), st.integers(0, 60), st.integers(1, 9), st.booleans()
    ),
    max_size=4,
)


@settings(max_examples=120, deadline=None)
@given(steps, wishes)
def test_what_was_asked_to_go_is_read_by_nobody_from_then_on_and_the_rest_stays(
    played: list[Step], wished: list[Wish]
) -> None:
    asyncio.run(_played(played, wished))


async def _played(played: list[Step], wished: list[Wish]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with MemoryLog() as log, FolderStore(Path(folder)) as store, MemoryBoard() as board:
            stage = Stage(log, redactor(log, store, board))
            for n, step in enumerate(played):
                for wish in wished:
                    if wish.before % len(played) == n:
                        await stage.wish(wish)
                        assert not await stage.read() & (stage.gone | stage.scene.forbidden())
                await stage.step(step)
                assert not await stage.read() & (stage.gone | stage.scene.forbidden())
            await stage.end()
            said = [word for word in stage.scene.words]
            assert await stage.read() - {""} == {word.text for word in said} - stage.gone
            for segment in [one for spoken in stage.fold.transcript.channels.values() for one in spoken.segments]:
                texts = [word.text for word in said if word.segment == segment.id]
                left = ["" if text in stage.gone else text for text in texts]
                assert segment.words == (left if any(left) else [])
            bodies = b"".join(record.body for record in await log.read(STREAM, 0, 4096))
            assert [text for text in stage.gone if f'"{text}"'.encode() in bodies] == []


async def test_a_server_that_dies_at_any_record_goes_on_to_the_same_end(tmp_path: Path) -> None:
    ends = []
    for dies_at in range(12):
        async with MemoryLog() as log, FolderStore(tmp_path) as store, MemoryBoard() as board:
            await _said(log)
            dying = _Dying(log, dies_at)
            one = redactor(dying, store, board)  # type: ignore[arg-type]
            wanted = Wanted("1" * 16, "error", (await _cut(one, "en.0.1"),))
            try:
                await one.ask(MEETING, wanted)
                await one.carry_out_alone(MEETING, wanted.redaction)
            except _Killed:
                account = await redactor(log, store, board).account(MEETING)
                for pending in account.pending:
                    await redactor(log, store, board).carry_out_alone(MEETING, pending)
            ends.append([decode_public(record.body) for record in await log.read(STREAM, 0)])
    asked = [end for end in ends if len(end) > 3]
    assert len(asked) >= 5
    assert all(end == asked[0] for end in asked)
    assert [type(event) for event in asked[0][-3:]] == [SegmentKept, WordsRedacted, RedactionEnded]


class _Killed(Exception):
    """The server is gone."""


class _Dying:
    """A log that lets so many writes through, and then none."""

    def __init__(self, log: MemoryLog, left: int) -> None:
        self._log, self._left = log, left

    def __getattr__(self, name: str) -> object:
        return getattr(self._log, name)

    async def append(self, *given: object, **named: object) -> int:
        self._count()
        return await self._log.append(*given, **named)  # type: ignore[arg-type]

    async def erase(self, stream: str, position: int) -> None:
        self._count()
        await self._log.erase(stream, position)

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise _Killed


async def test_a_correction_that_came_in_between_goes_too(tmp_path: Path) -> None:
    async with MemoryLog() as log, FolderStore(tmp_path) as store, MemoryBoard() as board:
        await _said(log)
        one = redactor(log, store, board)
        wanted = Wanted("1" * 16, "error", (await _cut(one, "en.0.1"),))
        await one.ask(MEETING, wanted)
        late = WordsCommitted("en", "en.0", 0, ("Ms", "Name", "spoke"), 32_000)
        append = log.append

        async def slow(*given: object, **named: object) -> int:
            if str(named.get("key")).endswith("words 0"):
                await append(STREAM, [encode(late)])
            return await append(*given, **named)  # type: ignore[arg-type]

        log.append = slow  # type: ignore[method-assign]
        assert await one.carry_out_alone(MEETING, wanted.redaction)
        records = await log.read(STREAM, 0)
        assert not [record for record in records if b"Name" in record.body]
        fold = await Folds(log, log).of(MEETING)
        assert fold.transcript.channel("en").segments[0].words == ["Mr", "", "spoke"]


async def test_an_hour_on_one_channel_is_said_anew_in_parts_wherever_it_is_cut_short(tmp_path: Path) -> None:
    ends = []
    for dies_at in (None, 2, 3, 900):
        async with MemoryLog() as log, FolderStore(tmp_path) as store, MemoryBoard() as board:
            await _spoken(log, 1300)
            wanted = Wanted("1" * 16, "court-order", (redaction.cut_time(PUBLIC, "en", 0, 2_000_000),))
            dying = log if dies_at is None else _Dying(log, dies_at)
            one = redactor(dying, store, board)  # type: ignore[arg-type]
            try:
                await one.ask(MEETING, wanted)
                await one.carry_out_alone(MEETING, wanted.redaction)
            except _Killed:
                assert await redactor(log, store, board).carry_out_alone(MEETING, wanted.redaction)
            said = (await Folds(log, log).of(MEETING)).transcript.channel("en").segments
            assert [segment.words for segment in said] == [[]] * 1000 + [["Mr", "Name"]] * 300
            ends.append([record.body for record in await log.read(STREAM, 0, 9999)])
    assert all(end == ends[0] for end in ends)


async def test_a_redaction_of_a_redacted_segment_leaves_both_out(tmp_path: Path) -> None:
    async with MemoryLog() as log, FolderStore(tmp_path) as store, MemoryBoard() as board:
        await _said(log)
        one = redactor(log, store, board)
        for number, place in enumerate(("en.0.1", "en.0.2-en.0.2"), 1):
            wanted = Wanted(f"{number:016x}", "error", (await _cut(one, place),))
            await one.ask(MEETING, wanted)
            assert await one.carry_out_alone(MEETING, wanted.redaction)
        segment = (await Folds(log, log).of(MEETING)).transcript.channel("en").segments[0]
        assert (segment.words, segment.times) == (["Mr", "", ""], ((0, 500), (500, 1000), (1000, 2000)))
        assert not [one for one in await log.read(STREAM, 0) if b"spoke" in one.body or b"Name" in one.body]


async def test_a_corrected_word_goes_with_its_time_though_the_machine_heard_none_there(tmp_path: Path) -> None:
    async with MemoryLog() as log, FolderStore(tmp_path) as store, MemoryBoard() as board:
        await log.append(STREAM, [encode(WordsCommitted("en", "en.0", 0, ("He", "met", "often"), 48_000))])
        times = ((0, 400), (400, 800), (3000, 3400))
        await log.append(STREAM, [encode(SegmentClosed("en", "en.0", 0, 3400, times))])
        assert await _correct(log, "He met Zyxwvuqa often", 0) == "corrected"
        one = redactor(log, store, board)
        wanted = Wanted("1" * 16, "person-at-risk", (redaction.cut_time(PUBLIC, "en", 900, 2900),))
        await one.ask(MEETING, wanted)
        assert await one.carry_out_alone(MEETING, wanted.redaction)
        assert not [record for record in await log.read(STREAM, 0) if b"Zyxwvuqa" in record.body]
        (segment,) = (await Folds(log, log).of(MEETING)).transcript.channel("en").segments
        assert list(segment.shown) == ["He", "", "often"]


async def test_a_name_in_an_older_version_or_in_a_reason_goes_with_any_word_of_its_segment(tmp_path: Path) -> None:
    async with MemoryLog() as log, FolderStore(tmp_path) as store, MemoryBoard() as board:
        await _said(log)
        assert await _correct(log, "Mr Zyxwvuqa spoke", 0, "Qwertzuiop heard it") == "corrected"
        assert await _correct(log, "Mr Name spoke", 1, "not so") == "corrected"
        one = redactor(log, store, board)
        wanted = Wanted("1" * 16, "person-at-risk", (await _cut(one, "en.0.2"),))
        await one.ask(MEETING, wanted)
        assert await one.carry_out_alone(MEETING, wanted.redaction)
        bodies = b"".join(record.body for record in await log.read(STREAM, 0))
        assert [name for name in (b"Zyxwvuqa", b"Qwertzuiop", b"spoke", b"not so") if name in bodies] == []


async def test_who_saw_a_text_before_a_redaction_does_not_bring_its_words_back(tmp_path: Path) -> None:
    async with MemoryLog() as log, FolderStore(tmp_path) as store, MemoryBoard() as board:
        await _said(log)
        one = redactor(log, store, board)
        seen = []
        for number, place in enumerate(("en.0.0", "en.0.1"), 1):
            wanted = Wanted(f"{number:016x}", "person-at-risk", (await _cut(one, place),))
            await one.ask(MEETING, wanted)
            assert await one.carry_out_alone(MEETING, wanted.redaction)
            (segment,) = (await Folds(log, log).of(MEETING)).transcript.channel("en").segments
            seen.append(segment.edition)
        assert await _correct(log, "[…] Name spoke.", seen[0]) == "overtaken"
        assert not [record for record in await log.read(STREAM, 0) if b"Name" in record.body]
        assert await _correct(log, "[…] spoke.", seen[1]) == "corrected"


async def _correct(log: MemoryLog, text: str, seen: int, reason: str = "misheard") -> str:
    said = (await Folds(log, log).of(MEETING)).transcript
    wanted = correcting.Wanted("en.0", seen, text, "corrected", reason)
    decided = correcting.decide(said, PUBLIC, [wanted], role="staff", at_ms=7)
    if decided.events:
        await log.append(STREAM, [encode(event) for event in (*decided.events, RecordCorrected(decided.made, 7))])
    return decided.results["en.0"]


async def test_a_window_lets_go_of_redacted_records(tmp_path: Path) -> None:
    async with MemoryLog() as log, Windows(log) as windows, FolderStore(tmp_path) as store, MemoryBoard() as board:
        await _said(log)
        assert any(b"Name" in record.body for record in await windows.read(STREAM, 0))
        one = redactor(log, store, board)
        wanted = Wanted("1" * 16, "error", (await _cut(one, "en.0"),))
        await one.ask(MEETING, wanted)
        assert await one.carry_out_alone(MEETING, wanted.redaction)
        head = await log.head(STREAM)
        while (held := await windows.read(STREAM, 0))[-1].position < head:
            await windows.wait(STREAM, held[-1].position)
        assert not any(b"Name" in record.body for record in held)


async def test_a_segment_that_lost_all_its_words_keeps_its_number(tmp_path: Path) -> None:
    async with MemoryLog() as log, FolderStore(tmp_path) as store, MemoryBoard() as board:
        await _said(log)
        one = redactor(log, store, board)
        wanted = Wanted("1" * 16, "court-order", (await _cut(one, "en.0"),))
        await one.ask(MEETING, wanted)
        assert await one.carry_out_alone(MEETING, wanted.redaction)
        segment = (await one.account(MEETING)).said.channel("en").segments[0]
        assert (segment.id, segment.words, segment.hidden, segment.basis) == ("en.0", [], True, "court-order")


async def test_what_is_hidden_besides_stays_hidden_until_it_is_shown(tmp_path: Path) -> None:
    async with MemoryLog() as log, FolderStore(tmp_path) as store, MemoryBoard() as board:
        await _said(log)
        await log.append(STREAM, [encode(PassageHidden("p", 0, 3000))])
        one = redactor(log, store, board)
        wanted = Wanted("1" * 16, "error", (await _cut(one, "en.0.1"),))
        await one.ask(MEETING, wanted)
        assert await one.carry_out_alone(MEETING, wanted.redaction)
        folds = Folds(log, log)
        assert (await folds.of(MEETING)).transcript.channel("en").segments[0].words == []
        await log.append(STREAM, [encode(PassageShown("p"))])
        assert (await folds.of(MEETING)).transcript.channel("en").segments[0].words == ["Mr", "", "spoke"]


@pytest.mark.parametrize(
    "given", ["", "en.0.1-fr.0.1", "en.9", "en.0.7", "en.0.2-en.0.1", "fr.0.1", "en.0.1-", "en.0.x", "en"]
)
async def test_words_that_are_not_there_are_refused(given: str, tmp_path: Path) -> None:
    async with MemoryLog() as log, FolderStore(tmp_path) as store, MemoryBoard() as board:
        await _said(log)
        account = await redactor(log, store, board).account(MEETING)
        with pytest.raises((NotFound, Refused)):
            redaction.cut_words(PUBLIC, account.said, "en", given)


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted("x", "error", (Cut("en", 0, 1),)),
        Wanted("1" * 16, "error", ()),
        Wanted("1" * 16, "error", (Cut("en", 0, 1),), margin_ms=149),
        Wanted("1" * 16, "whim", (Cut("en", 0, 1),)),  # type: ignore[arg-type]
        Wanted("1" * 16, "error", (Cut("en", 0, 4_000_000),)),
    ],
)
async def test_a_redaction_that_is_not_whole_is_refused(wanted: Wanted, tmp_path: Path) -> None:
    async with MemoryLog() as log, FolderStore(tmp_path) as store, MemoryBoard() as board:
        with pytest.raises(Refused):
            await redactor(log, store, board).ask(MEETING, wanted)
        assert await log.head(STREAM) == 0


def test_words_without_times_go_when_nothing_more_comes() -> None:
    said = transcript.Transcript()
    transcript.apply(said, WordsCommitted("en", "en.0", 0, ("a", "b"), 16_000))
    cut = Cut("en", 0, 1000, (WordRange("en.0", 1, 1),))
    assert not redaction.ready(said, [cut])
    transcript.apply(said, Ended(2000))
    assert redaction.ready(said, [cut])


async def _said(log: MemoryLog) -> None:
    subject = channel_subject("en")
    words = WordsCommitted("en", "en.0", 0, ("Mr", "Name", "spoke"), 32_000)
    times = SegmentClosed("en", "en.0", 0, 2000, ((0, 500), (500, 1000), (1000, 2000)))
    for event in (words, times):
        await log.append(STREAM, [encode(event)], subject=subject)


async def _spoken(log: MemoryLog, count: int) -> None:
    """Say so many segments of two words, a second each."""
    bodies = []
    for n in range(count):
        t0, t1 = n * 2000, n * 2000 + 1000
        bodies.append(encode(WordsCommitted("en", f"en.{n}", 0, ("Mr", "Name"), t1 * 16)))
        bodies.append(encode(SegmentClosed("en", f"en.{n}", t0, t1, ((t0, t0 + 500), (t0 + 500, t1)))))
    for first in range(0, len(bodies), 1000):
        await log.append(STREAM, bodies[first : first + 1000], subject=channel_subject("en"))


async def _cut(one: Redactor, place: str) -> Cut:
    return redaction.cut_words(PUBLIC, (await one.account(MEETING)).said, "en", place)
