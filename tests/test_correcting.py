"""Corrections in the fold: versions over the machine's words, which stay; hidden they are as gone as those."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing import correcting, transcript
from hearing.archive import record
from hearing.archive.current import Current
from hearing.archive.passages import passages
from hearing.archive.record import Numbered, renumber
from hearing.correcting import Wanted
from hearing.errors import Conflict
from hearing.events import (
    Ended,
    PublicEvent,
    RecordCorrected,
    SegmentClosed,
    SegmentCorrected,
    SegmentKept,
    WordsCommitted,
    encode,
)
from hearing.house_events import Channel as Track
from hearing.house_events import MeetingCreated
from hearing.log.base import Record
from hearing.meeting import Meeting
from hearing.site import cited
from hearing.site.folds import Fold
from hearing.transcribe.assignment import assignment
from hearing.transcript import Segment, Transcript
from tests.scene import CHANNELS, Scene, Step, steps

TRACKS = tuple(Track(one, one, n) for n, one in enumerate(CHANNELS))
MEETING = Meeting(MeetingCreated("m", "d", "M", "open", TRACKS, "s"))


def follow(fold: Fold, events: list[PublicEvent]) -> None:
    """Catch up as the folds of the site do."""
    records = [Record(at, encode(event)) for at, event in enumerate(events, 1)]
    while rest := records[fold.position :]:
        if not all(map(fold.follow, rest)):
            fold.restart(fold.epoch)


def correct(fold: Fold, events: list[PublicEvent], wanted: list[Wanted]) -> correcting.Decided:
    """Decide on the fold as it stands, and append what comes of it."""
    decided = correcting.decide(fold.transcript, MEETING, wanted, role="moderator", at_ms=7)
    if decided.events:
        events += [*decided.events, RecordCorrected(decided.made, 7)]
    return decided


def segments(fold: Fold) -> list[Segment]:
    return [segment for spoken in fold.transcript.channels.values() for segment in spoken.segments]


def spoken(*words: str) -> list[PublicEvent]:
    """Return a segment that was said and timed."""
    times = tuple((n * 400, n * 400 + 350) for n in range(len(words)))
    return [
        WordsCommitted("en", "en.0", 0, words, len(words) * 400 * 16),
        SegmentClosed("en", "en.0", 0, times[-1][1], times),
    ]


def want(text: str, version: int = 0, segment: str = "en.0") -> Wanted:
    return Wanted(segment, version, text, "corrected", "misheard")


edits = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 5), st.sampled_from(["drop", "mend", "add"])), max_size=12
)


def edited(segment: Segment, at: int, how: str) -> str:
    """Edit one word of a segment's text; what is new names its segment."""
    words = list(segment.shown)
    at %= len(words)
    new = f"new{segment.id.replace('.', '-')}v{segment.version}"
    change = {"drop": [], "mend": [new], "add": [words[at], new]}[how]
    return " ".join([*words[:at], *change, *words[at + 1 :]])


@given(steps, edits)
def test_whatever_is_hidden_and_corrected_the_machines_words_stay_and_hidden_ones_are_gone(
    played: list[Step], changes: list[tuple[int, int, str]]
) -> None:
    scene, live = Scene(), Fold()
    known: dict[tuple[str, int], str] = {}
    for number, step in enumerate(played):
        scene.step(step)
        follow(live, scene.events)
        for place, at, how in (change for change in changes if change[0] % len(played) == number):
            able = [one for one in segments(live) if one.closed and not one.hidden]
            if able:
                segment = able[place % len(able)]
                correct(live, scene.events, [want(edited(segment, at, how), segment.version, segment.id)])
                follow(live, scene.events)
        for segment in segments(live):
            if segment.hidden:
                assert (segment.words, segment.versions, segment.readings) == ([], [], [])
            for word in segment.said:
                assert known.setdefault((segment.id, word.n), word.text) == word.text
            assert len({word.n for word in segment.said}) == len(segment.said)
        assert not {text for one in segments(live) for text in one.shown} & scene.forbidden()
    again = Fold()
    follow(again, scene.events)
    assert (again.transcript, again.hidden, again.made) == (live.transcript, live.hidden, live.made)
    plain = Fold()
    follow(plain, [one for one in scene.events if not isinstance(one, SegmentCorrected | RecordCorrected)])
    for heard, mended in zip(segments(plain), segments(live), strict=True):
        assert (heard.id, heard.words, heard.times, heard.t0) == (mended.id, mended.words, mended.times, mended.t0)
    for (name, n), text in known.items():
        found = transcript.find(live.transcript.channel(name.partition(".")[0]), name)
        assert found is not None, "a segment's address resolves for good"
        meant = cited.cite(live, found, "en", live.release, str(n))
        assert meant.meant in (text, ""), "a word's address leads to the word, or to the segment, and never elsewhere"
        assert meant.meant or meant.trouble == "gone"


def test_versions_count_and_of_two_who_saw_the_same_the_second_is_told() -> None:
    events, fold = spoken("Ms.", "Covaleva", "spoke."), Fold()
    follow(fold, events)
    assert correct(fold, events, [want("Ms. Kovaleva spoke.")]).results == {"en.0": "corrected"}
    follow(fold, events)
    assert correct(fold, events, [want("Ms. Kovalyova spoke.")]).results == {"en.0": "overtaken"}
    assert correct(fold, events, [want("Ms. Kovaleva spoke.")]).results == {"en.0": "stands"}
    with pytest.raises(Conflict):
        correcting.corrected(fold.transcript, MEETING, want("else"), role="staff", at_ms=1)
    (segment,) = segments(fold)
    assert (segment.words, list(segment.shown)) == (["Ms.", "Covaleva", "spoke."], ["Ms.", "Kovaleva", "spoke."])
    assert (segment.mark, segment.version, segment.spare) == ("corrected", 1, 4)


def test_a_new_word_never_takes_the_ordinal_of_one_that_was() -> None:
    events, fold = spoken("a", "b", "c"), Fold()
    used: list[int] = []
    for version, text in enumerate(["a x c", "a c", "a y c", "a x c"]):
        follow(fold, events)
        assert correct(fold, events, [want(text, version)]).results == {"en.0": "corrected"}
        follow(fold, events)
        used += [n for n in segments(fold)[0].versions[-1].ids if n > 2]
    assert used == [3, 4, 5]


def test_corrections_made_together_are_one_release_and_what_is_erased_gives_none_back() -> None:
    known = Numbered()
    together: list[PublicEvent] = [Ended(9), *correction("en.0", 1), *correction("en.1", 1)[:1]]
    numbers = [(known := renumber(known, event)).number for event in together]
    assert numbers == [1, 1, 2, 2]
    assert renumber(Numbered(), together[2]).number == 0, "while the meeting is on its release is the provisional one"


def correction(segment: str, version: int) -> list[PublicEvent]:
    one = SegmentCorrected("en", segment, version, ("x",), (9,), "corrected", "staff", 7)
    return [one, RecordCorrected((), 7)]


def test_after_a_redaction_took_corrections_away_no_version_and_no_ordinal_comes_twice() -> None:
    events, fold = spoken("he", "met", "Zyxwvuqa"), Fold()
    follow(fold, events)
    correct(fold, events, [want("she met Zyxwvuqa")])
    times = ((0, 350), (400, 750), (800, 1150))
    kept = SegmentKept("1" * 16, "privacy", "en", "en.0", ("he", "met", ""), 1200 * 16, 0, 1150, times)
    events.append(kept)
    bodies = [b"" if isinstance(one, SegmentCorrected | WordsCommitted) else encode(one) for one in events]
    erased = Fold()
    for at, body in enumerate(bodies, 1):
        assert erased.follow(Record(at, body))
    (segment,) = segments(erased)
    assert (list(segment.shown), segment.version, segment.spare) == (["he", "met", ""], 1, 4)
    assert correct(erased, events, [want("she met Zyxwvuqa", 1)]).results == {"en.0": "taken"}
    decided = correct(erased, events, [want("she met […]", 2)])
    assert [(one.version, one.words, one.ids) for one in decided.events] == [(2, ("she", "met", ""), (4, 1, 2))]


def test_the_index_is_fed_the_corrected_words_and_when_they_were_said() -> None:
    events, fold, current = spoken("Ms.", "Covaleva", "spoke."), Fold(), Current()
    follow(fold, events)
    for at, event in enumerate(events, 1):
        current.follow(Record(at, encode(event)))
    current.settled()
    seen = len(events)
    correct(fold, events, [want("Ms. Kovaleva spoke.")])
    for at, event in enumerate(events[seen:], seen + 1):
        current.follow(Record(at, encode(event)))
    assert (current.whole, list(current.touched)) == (False, ["en.0"])
    (found,) = passages(current.transcript, TRACKS, list(current.touched))
    assert found.words == ("Ms.", "Kovaleva", "spoke.")
    assert found.said_at(found.text.index("Kovaleva")) == 400


def test_a_release_of_the_record_has_the_marks_and_the_machines_text() -> None:
    events, fold = spoken("Ms.", "Covaleva", "spoke."), Fold()
    follow(fold, events)
    correct(fold, events, [msgspec.structs.replace(want("Ms. Kovaleva spoke."), mark="verified")])
    follow(fold, events)
    (said,) = record.release(MEETING, fold.transcript, 0, ["en"]).channel("en").segments
    assert (said.text, said.mark, said.version, said.machine) == (
        "Ms. Kovaleva spoke.",
        "verified",
        1,
        "Ms. Covaleva spoke.",
    )
    assert [(word.n, word.t0) for word in said.words] == [(0, 0), (3, 400), (2, 800)]


def test_a_correction_of_what_never_was_changes_nothing() -> None:
    said = Transcript()
    transcript.apply(said, SegmentCorrected("en", "en.7", 1, ("x",), (0,), "corrected", "staff", 7))
    transcript.apply(said, RecordCorrected((), 7))
    assert not said.channel("en").segments


def test_a_correction_changes_nothing_of_what_a_workers_successor_is_told() -> None:
    events, fold = spoken("Ms.", "Covaleva", "spoke."), Fold()
    events.append(WordsCommitted("en", "en.1", 0, ("She", "said"), 2000 * 16))
    follow(fold, events)
    before = assignment(1, "en", fold.transcript.channel("en"), 0)
    correct(fold, events, [want("Ms. Kovaleva spoke at length about many things.")])
    follow(fold, events)
    after = assignment(1, "en", fold.transcript.channel("en"), 0)
    assert after == before
    assert after.prefix == ((1, ("She", "said")),)
    assert correct(fold, events, [want("She says", 0, "en.1")]).results == {"en.1": "open"}
