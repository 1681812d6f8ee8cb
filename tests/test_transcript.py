"""The fold of what was said."""

from hypothesis import given
from hypothesis import strategies as st

from hearing import transcript
from hearing.events import (
    ClockStarted,
    Cut,
    Ended,
    GapMarked,
    PassageRedacted,
    PublicEvent,
    QuietMarked,
    RunEnded,
    RunStarted,
    SegmentClosed,
    WordsCommitted,
    decode_public,
    encode,
)
from hearing.transcript import Transcript


def fold(*events: PublicEvent) -> Transcript:
    state = Transcript()
    for event in events:
        transcript.apply(state, event)
    return state


def words(ordinal: int, first: int, *said: str, t: int) -> WordsCommitted:
    return WordsCommitted("en", f"en.{ordinal}", first, said, t * 16)


def test_words_grow_in_their_segment_and_times_come_later() -> None:
    state = fold(words(0, 0, "Thank", "you,", t=900), words(0, 2, "Chair.", t=1500))
    assert state.channel("en").segments[0].words == ["Thank", "you,", "Chair."]
    assert not state.channel("en").segments[0].closed
    transcript.apply(state, SegmentClosed("en", "en.0", 200, 1400, ((200, 500), (500, 800), (900, 1400))))
    assert (state.channel("en").segments[0].t0, state.channel("en").segments[0].t1) == (200, 1400)


def test_a_successor_hears_again_from_the_end_of_the_last_timed_word() -> None:
    state = fold(
        words(0, 0, "One.", t=1000),
        SegmentClosed("en", "en.0", 100, 900, ((100, 900),)),
        words(1, 0, "Two.", t=2000),
        words(2, 0, "Three", t=3000),
    )
    assert state.channel("en").settled_t() == 900
    assert [segment.id for segment in state.channel("en").open_segments()] == ["en.1", "en.2"]


def test_with_nothing_pending_a_successor_goes_on_where_the_last_one_heard() -> None:
    state = fold(words(0, 0, "One.", t=1000), SegmentClosed("en", "en.0", 100, 900, ((100, 900),)))
    assert state.channel("en").settled_t() == 1000


def test_a_gap_counts_as_heard() -> None:
    assert fold(GapMarked("en", 500, 4000, "unheard")).channel("en").settled_t() == 4000


def test_where_nobody_spoke_counts_as_heard_and_what_follows_is_said_after_it() -> None:
    quiet = QuietMarked("en", 1000, 40_000)
    state = fold(words(0, 0, "One.", t=1000), SegmentClosed("en", "en.0", 100, 900, ((100, 900),)), quiet, quiet)
    assert state.channel("en").quiets == [quiet]
    assert state.channel("en").settled_t() == 40_000
    transcript.apply(state, words(1, 0, "Two.", t=42_000))
    assert state.channel("en").segments[1].span == (40_000, 42_000)
    assert state.channel("en").settled_t() == 40_000, "a successor does not hear the silence again"


def test_the_first_words_after_silence_are_said_after_it() -> None:
    state = fold(QuietMarked("en", 0, 40_000), words(0, 0, "One.", t=42_000))
    assert state.channel("en").segments[0].span == (40_000, 42_000)


def test_what_is_taken_out_of_silence_is_not_called_quiet_whichever_came_first() -> None:
    quiet, gap = QuietMarked("en", 0, 100_000), GapMarked("en", 100_000, 101_000, "unheard")
    cuts = (Cut("en", 60_000, 80_000), Cut("en", 20_000, 41_000), Cut("fr", 80_000, 90_000))
    redacted = PassageRedacted("r", "privacy", cuts, 0)
    marked_first = fold(quiet, gap, redacted, redacted)
    spoken = marked_first.channel("en")
    assert spoken.wordless == [gap, QuietMarked("en", 0, 20_000), QuietMarked("en", 80_000, 100_000)]
    assert marked_first == fold(quiet, gap, redacted)
    assert fold(redacted, quiet, gap).channel("en").wordless == spoken.wordless
    assert spoken.settled_t() == 101_000, "it was heard, and is not heard again"


def test_a_reader_that_does_not_know_an_event_passes_it_over() -> None:
    assert decode_public(b'{"type":"quieter.marked","channel":"en","t0":0,"t1":40000}') is None


def test_the_state_of_the_stream_follows_its_runs() -> None:
    state = fold(ClockStarted(77), RunStarted(1, 0))
    assert (state.state, state.media_zero_utc_ms) == ("live", 77)
    transcript.apply(state, RunEnded(1, 5000, "lost"))
    assert (state.state, state.reason) == ("interrupted", "lost")
    transcript.apply(state, RunStarted(2, 9000))
    transcript.apply(state, RunEnded(2, 12000, "ended"))
    assert state.state == "ended"


def test_a_closed_meeting_says_so() -> None:
    assert fold(RunStarted(1, 0), RunEnded(1, 12000, "ended"), Ended(12000)).state == "closed"


said = st.lists(st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=4), min_size=1, max_size=8)


@given(said, st.data())
def test_repeats_are_harmless_and_replay_equals_state(segments: list[list[str]], data: st.DataObject) -> None:
    events: list[PublicEvent] = []
    t = 0
    for number, spoken in enumerate(segments):
        cut = data.draw(st.integers(1, len(spoken)))
        t += 1000
        events.append(words(number, 0, *spoken[:cut], t=t))
        if spoken[cut:]:
            events.append(words(number, cut, *spoken[cut:], t=t + 400))
        times = tuple((t + k, t + k + 1) for k in range(len(spoken)))
        events.append(SegmentClosed("en", f"en.{number}", t, t + len(spoken), times))
    repeated = [event for event in events for _ in range(data.draw(st.integers(1, 2)))]
    stored = [decode_public(encode(event)) for event in repeated]
    state = fold(*[event for event in stored if event])
    assert state == fold(*events)
    assert [segment.words for segment in state.channel("en").segments] == segments
