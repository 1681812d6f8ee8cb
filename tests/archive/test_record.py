"""The record: a pure fold of the stream, whose ids and words stay what they were."""

import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hearing import events
from hearing.archive import record
from hearing.archive.record import Gap, Quiet, Segment, Word
from hearing.errors import NotFound
from hearing.events import (
    Cut,
    Ended,
    GapMarked,
    PassageRedacted,
    PublicEvent,
    QuestionPublished,
    QuestionRemoved,
    QuietMarked,
    RecordCorrected,
    Redacted,
    SegmentClosed,
    SegmentCorrected,
    WordsCommitted,
    WordsRedacted,
    encode,
)
from hearing.log.base import Record
from tests.archive.made import begun, fold, meeting, release


def said(n: int, *words: str, t: int = 0) -> list[PublicEvent]:
    """Return one segment of English, a second long from t, its times given."""
    times = tuple((t + 100 * k, t + 100 * k + 90) for k in range(len(words)))
    return [
        WordsCommitted("en", f"en.{n}", 0, words, (t + 1000) * 16),
        SegmentClosed("en", f"en.{n}", t, t + 1000, times),
    ]


def test_words_have_their_ordinals_and_their_times_once_known() -> None:
    stream = begun(*said(0, "Thank", "you."), WordsCommitted("en", "en.1", 0, ("Not", "yet"), 40_000))
    first, second = release(stream).channel("en").segments
    assert first.words == (Word(0, "Thank", 0, 90), Word(1, "you.", 100, 190))
    assert (first.text, first.t0, first.t1, first.timed, first.mark) == ("Thank you.", 0, 1000, True, "machine")
    assert second.words == (Word(0, "Not"), Word(1, "yet"))
    assert (second.t0, second.t1, second.timed) == (1000, 2500, False)


def test_a_release_is_provisional_until_the_meeting_is_closed_and_each_change_since_makes_the_next() -> None:
    stream = begun(*said(0, "One."), *said(1, "Two.", t=2000))
    assert (release(stream).id, release(stream).provisional) == ("r0", True)
    stream.append(Ended(9000))
    assert (release(stream).id, release(stream).provisional) == ("r1", False)
    stream += [events.QuestionPublished("q", "question", "en", "Why?"), Ended(9000)]
    assert release(stream).id == "r1", "questions are not part of it"
    stream.append(events.PassageHidden("p", 0, 500))
    assert (release(stream).id, release(stream).end_t) == ("r2", 9000)


def test_a_segment_that_was_erased_is_a_tombstone_in_its_place() -> None:
    stream = begun(*said(0, "One."), *said(1, "secret", t=2000), *said(2, "Three.", t=4000))
    stream += [Redacted(5), Redacted(6)]
    made = release(stream)
    assert [(one.id, one.hidden, one.text) for one in made.channel("en").segments] == [
        ("en.0", False, "One."),
        ("en.1", True, ""),
        ("en.2", False, "Three."),
    ]
    assert "secret" not in str(made)


def test_a_segment_without_words_is_a_tombstone_and_many_are_shown_as_one() -> None:
    folded = fold(
        begun(*said(0, "One."), *said(1, "secret", t=2000), *said(2, "too", t=4000), *said(3, "Four.", t=6000))
    )
    for hidden in folded.transcript.channel("en").segments[1:3]:
        hidden.words, hidden.times = [], ()
    channel = record.release(meeting(), folded.transcript, 0).channel("en")
    assert [entry.hidden for entry in channel.segments] == [False, True, True, False]
    shown = [entry for entry in record.shown(channel) if isinstance(entry, Segment)]
    assert [(entry.id, entry.text) for entry in shown] == [("en.0", "One."), ("en.1", ""), ("en.3", "Four.")]


def test_gaps_stand_where_words_are_missing() -> None:
    stream = begun(*said(0, "One."), GapMarked("en", 2000, 3000, "worker-lost"), *said(1, "Two.", t=4000))
    assert [type(entry) for entry in release(stream).channel("en").entries] == [Segment, Gap, Segment]


def test_a_quiet_stretch_stands_between_what_was_said_before_and_after_it() -> None:
    quiet = QuietMarked("en", 2000, 40_000)
    stream = begun(*said(0, "One."), quiet, WordsCommitted("en", "en.1", 0, ("Two.",), 42_000 * 16))
    made = release(stream).channel("en")
    assert [type(entry) for entry in made.entries] == [Segment, Quiet, Segment], "also before its words have times"
    assert list(record.shown(made)) == list(made.entries)
    assert release([*stream, quiet]) == release(stream), "told twice it stands there once"
    spoken = fold(stream).transcript.channel("en")
    assert [type(one) for one in record.around(spoken, "en", "en", 0, 1)] == [Segment, Quiet, Segment]


@pytest.mark.parametrize("told", [False, True], ids=["asked", "carried out"])
def test_the_record_does_not_depend_on_whether_silence_was_marked_before_a_part_was_taken_out(*, told: bool) -> None:
    quiet, cuts = QuietMarked("en", 2000, 62_000), (Cut("en", 22_000, 43_000),)
    redaction: list[PublicEvent] = [PassageRedacted("r", "privacy", cuts, 0)]
    redaction += [WordsRedacted("r", (), cuts)] if told else []
    before, after = said(0, "One."), said(1, "Two.", t=120_000)
    marked = fold(begun(*before, quiet, *after, *redaction)).transcript.channel("en")
    entries = record.entries(marked, "en", "en")
    assert [entry for entry in entries if isinstance(entry, Quiet)] == [Quiet(2000, 22_000)], "the rest is too short"
    assert record.around(marked, "en", "en", 0, 1) == entries
    taken = fold(begun(*before, *redaction, quiet, *after)).transcript.channel("en")
    assert record.entries(taken, "en", "en") == entries


def test_around_finds_a_passage_with_its_neighbours_and_tombstones_between() -> None:
    stream = begun(*[event for n in range(9) for event in said(n, f"w{n}", t=2000 * n)])
    stream += [Redacted(position) for n in (4, 5) for position in (3 + 2 * n, 4 + 2 * n)]
    spoken = fold(stream).transcript.channel("en")
    assert [one.n for one in record.around(spoken, "en", "en", 0, 2) if isinstance(one, Segment)] == [0, 1, 2]
    near = [one for one in record.around(spoken, "en", "en", 4, 1) if isinstance(one, Segment)]
    assert [(one.n, one.hidden) for one in near] == [(3, False), (4, True), (5, True), (6, False), (7, False)]
    for never in (-1, 9):
        with pytest.raises(NotFound):
            record.around(spoken, "en", "en", never, 2)


def test_only_the_channels_that_are_named_are_made() -> None:
    folded = fold(begun(*said(0, "One.")))
    assert [one.id for one in record.release(meeting(), folded.transcript, 0, ["fr"]).channels] == ["fr"]
    with pytest.raises(NotFound):
        record.release(meeting(), folded.transcript, 0, ["fr"]).channel("en")


def numbers(records: Sequence[Record]) -> list[int]:
    """Return the release's number after each record."""
    known = record.Numbered()
    return [(known := record.renumbered(known, one)).number for one in records]


def test_words_that_came_after_the_end_count_as_before_once_they_are_erased() -> None:
    late = WordsCommitted("en", "en.1", 0, ("late", "words"), 48_000)
    stream: list[tuple[PublicEvent, str]] = [
        (WordsCommitted("en", "en.0", 0, ("a",), 16_000), "channel:en"),
        (Ended(2000), ""),
        (late, "channel:en"),
        (QuestionPublished("q", "question", "en", "text"), ""),
        (SegmentCorrected("en", "en.0", 1, ("b",), (1,), "corrected", "staff", 7), ""),
        (RecordCorrected((), 7), ""),
    ]
    records = [Record(n, encode(event), subject) for n, (event, subject) in enumerate(stream, 1)]
    assert numbers(records) == [0, 1, 2, 2, 2, 3]
    erased = [Record(one.position, b"" if one.position in {1, 3, 4, 5} else one.body, one.subject) for one in records]
    assert numbers(erased) == numbers(records)


def test_a_public_question_that_is_removed_makes_no_release() -> None:
    stream = begun(Ended(2000), QuestionPublished("q", "question", "en", "text"))
    assert release([*stream, QuestionRemoved("q"), Redacted(4)]).id == "r1"


def test_an_address_holds_channel_and_number() -> None:
    assert record.path("arlandia", "en-2.15") == "/m/arlandia/en-2/15"


@given(st.text())
@example(" \x1b\r")
def test_clean_text_has_no_control_and_nothing_that_reorders(text: str) -> None:
    clean = record.clean(text)
    assert not any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in clean)
    assert not set(clean) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufffe\uffff\ufeff\u2028")
    assert record.clean(clean) == clean
    kept = [letter for letter in text if letter.isalnum()]
    assert [letter for letter in clean if letter.isalnum()] == kept


@given(st.lists(st.lists(st.text(max_size=8), min_size=1, max_size=5), max_size=6), st.booleans())
def test_the_same_stream_gives_the_same_release(spoken: list[list[str]], closed: bool) -> None:
    stream = begun(*[event for n, words in enumerate(spoken) for event in said(n, *words, t=2000 * n)])
    stream += [Ended(50_000)] if closed else []
    assert release(stream) == release(stream)
    repeated = [event for event in stream for _ in range(2)]
    assert release(repeated).channels == release(stream).channels
