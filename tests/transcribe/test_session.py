"""A session says every word once, in order, whatever the audio is cut into and wherever a worker is lost."""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hearing import transcript
from hearing.events import RATE_HZ, GapMarked, PublicEvent, SegmentClosed, WordsCommitted
from hearing.transcribe.assignment import assignment
from hearing.transcribe.engine import Pcm
from hearing.transcribe.protocol import Assign, Closed, Draft, Gap, Words
from hearing.transcribe.session import Said, Session, plain
from hearing.transcript import Transcript, segment_id
from tests.transcribe.fakes import Energy, FakeEngine, name, silence, speech


class Talk(msgspec.Struct, frozen=True):
    """Utterances as lists of word numbers, the silence after each in seconds, and how the audio is cut."""

    utterances: list[list[int]]
    silences: list[float]
    chunks: list[int]
    drafts: list[bool]

    def pcm(self) -> Pcm:
        parts = [
            part
            for one, rest in zip(self.utterances, self.silences, strict=True)
            for part in (speech(one), silence(rest))
        ]
        return np.concatenate([silence(0.5), *parts])

    def said(self) -> list[str]:
        return [name(number) for one in self.utterances for number in one]


def names(*numbers: int) -> list[str]:
    return [name(number) for number in numbers]


@st.composite
def talks(draw: st.DrawFn) -> Talk:
    lengths = draw(st.lists(st.integers(1, 70), min_size=1, max_size=4))
    numbers = iter(range(1, 1000))
    utterances = [[next(numbers) for _ in range(length)] for length in lengths]
    silences = [draw(st.sampled_from([0.7, 1.0, 2.5])) for _ in utterances]
    chunks = draw(st.lists(st.integers(800, 32_000), min_size=1, max_size=8))
    drafts = draw(st.lists(st.booleans(), min_size=1, max_size=4))
    return Talk(utterances, silences, chunks, drafts)


def session(assign: Assign | None = None, engine: FakeEngine | None = None) -> Session:
    return Session(assign or plain(0, "en"), engine or FakeEngine(), frames=Energy)


def steps(one: Session, talk: Talk, start: int = 0) -> Iterator[list[Said]]:
    """Feed the talk from a sample on, in its chunks; yield what each step says."""
    pcm, turn = talk.pcm(), 0
    while start < len(pcm):
        end = min(len(pcm), start + talk.chunks[turn % len(talk.chunks)])
        one.hear(1, start, pcm[start:end])
        if end == len(pcm):
            one.end()
        yield one.step(draft=talk.drafts[turn % len(talk.drafts)])
        start, turn = end, turn + 1


def event(said: Said) -> PublicEvent | None:
    """Return what the relay would store."""
    match said:
        case Words():
            return WordsCommitted(
                "en", segment_id("en", said.segment), said.first_word, said.words, said.through_sample
            )
        case Closed():
            return SegmentClosed("en", segment_id("en", said.segment), said.t0, said.t1, said.word_times)
        case Gap():
            return GapMarked("en", said.t0, said.t1, said.reason)
        case Draft():
            return None


def fold(folded: Transcript, said: Sequence[Said]) -> None:
    """Fold in, and check that words only ever follow the last one."""
    for one in said:
        if isinstance(one, Words):
            known = transcript.find(folded.channel("en"), segment_id("en", one.segment))
            assert one.first_word == (len(known.words) if known else 0)
            assert known is None or not known.closed
        transcript.apply(folded, event(one))


def words(folded: Transcript) -> list[str]:
    return [word for segment in folded.channel("en").segments for word in segment.words]


def check_whole(folded: Transcript, talk: Talk) -> None:
    """Every word once, every segment closed, times in order."""
    spoken = folded.channel("en")
    assert words(folded) == talk.said()
    assert [segment.ordinal for segment in spoken.segments] == list(range(len(spoken.segments)))
    edges = []
    for segment in spoken.segments:
        assert segment.times is not None
        assert len(segment.times) == len(segment.words)
        edges += [segment.t0, *(edge for pair in segment.times for edge in pair), segment.t1]
    assert edges == sorted(edges, key=lambda edge: edge or 0)


@given(talks())
@settings(max_examples=60, deadline=None)
def test_every_word_is_said_once_and_every_segment_closes(talk: Talk) -> None:
    folded = Transcript()
    for said in steps(session(), talk):
        fold(folded, said)
    check_whole(folded, talk)


@given(talks(), st.data())
@settings(max_examples=60, deadline=None)
def test_a_successor_goes_on_where_a_lost_worker_was(talk: Talk, data: st.DataObject) -> None:
    folded, begin = Transcript(), plain(0, "en")
    for _ in range(data.draw(st.integers(1, 3))):
        said = [one for step in steps(session(begin), talk, begin.from_sample) for one in step]
        stored = data.draw(st.integers(0, len(said)))
        fold(folded, said[:stored])
        begin = assignment(0, "en", folded.channel("en"), 0)
    for step in steps(session(begin), talk, begin.from_sample):
        fold(folded, step)
    check_whole(folded, talk)


@given(talks())
@settings(max_examples=20, deadline=None)
def test_what_is_settled_never_runs_back_nor_past_an_open_word(talk: Talk) -> None:
    one, folded, before = session(), Transcript(), 0
    for said in steps(one, talk):
        fold(folded, said)
        pending = folded.channel("en").open_segments()
        assert before <= one.settled <= one.heard
        assert not pending or one.settled // 16 <= pending[0].through_t
        before = one.settled


@given(talks())
@settings(max_examples=20, deadline=None)
def test_a_draft_stands_on_the_words_that_are_final(talk: Talk) -> None:
    folded = Transcript()
    for said in steps(session(), talk):
        for one in said:
            if isinstance(one, Draft) and one.text:
                known = transcript.find(folded.channel("en"), segment_id("en", one.segment))
                assert one.after == (len(known.words) if known else 0)
            fold(folded, [one])


def test_speech_that_the_model_stopped_short_of_is_decoded_again() -> None:
    talk = Talk([list(range(1, 31))], [1.0], [9600], [False])
    folded = Transcript()
    engine = FakeEngine(most=12)
    for said in steps(session(engine=engine), talk):
        fold(folded, said)
    check_whole(folded, talk)
    assert not folded.channel("en").gaps


def test_speech_that_stays_without_words_is_a_gap() -> None:
    talk = Talk([list(range(1, 41))], [1.0], [9600], [False])
    folded = Transcript()
    for said in steps(session(engine=FakeEngine(most=5)), talk):
        fold(folded, said)
    assert words(folded) == talk.said()[: len(words(folded))]
    assert [gap.reason for gap in folded.channel("en").gaps] == ["unheard"]


def test_missing_audio_is_a_gap_and_what_comes_after_is_heard() -> None:
    one, folded = session(), Transcript()
    first = np.concatenate([speech([1, 2, 3])])
    one.hear(1, 0, first)
    one.hear(2, 160_000, np.concatenate([speech([4, 5, 6]), silence(1.0)]))
    one.end()
    fold(folded, one.step())
    assert words(folded) == names(1, 2, 3, 4, 5, 6)
    gaps = folded.channel("en").gaps
    assert [(gap.t0, gap.t1, gap.reason) for gap in gaps] == [(len(first) // 16, 10_000, "not-recorded")]


def test_the_end_of_a_run_hears_out_the_open_utterance() -> None:
    one, folded = session(), Transcript()
    one.hear(1, 0, speech([1, 2, 3]))
    one.hear(0, len(speech([1, 2, 3])), np.zeros(0, np.float32))
    fold(folded, one.step())
    assert words(folded) == names(1, 2, 3)
    assert not folded.channel("en").open_segments()


def test_words_taken_over_get_times_though_their_audio_is_gone() -> None:
    begin = Assign(0, "en", 16_000, 2, ((1, tuple(names(1, 2))),), 40_000)
    one = session(begin)
    one.hear(1, 80_000, np.concatenate([speech([3, 4]), silence(1.0)]))
    one.end()
    said = one.step()
    closed = [each for each in said if isinstance(each, Closed)]
    assert [each.segment for each in closed] == [1, 2]
    assert closed[0].t1 <= 5000
    assert [each.words for each in said if isinstance(each, Words)] == [tuple(names(3, 4))]


def test_silence_gives_nothing() -> None:
    one = session()
    for start in range(0, 160_000, 9600):
        one.hear(1, start, np.zeros(9600, np.float32))
        assert one.step() == []
    assert one.settled > 140_000


def test_a_successor_skips_the_silence_before_the_words_it_takes_over() -> None:
    talk = Talk([list(range(1, 41))], [1.0], [9600], [True])
    quiet, folded = silence(60), Transcript()
    pcm = np.concatenate([quiet, talk.pcm()])

    def run(one: Session, start: int, most: int) -> None:
        for at in range(start, len(pcm), 9600):
            one.hear(1, at, pcm[at : at + 9600])
            if at + 9600 >= len(pcm):
                one.end()
            fold(folded, one.step())
            if len(words(folded)) >= most:
                return

    run(session(), 0, 5)
    begin = assignment(0, "en", folded.channel("en"), 0)
    assert begin.from_sample == 0
    run(session(begin), 0, 1000)
    check_whole(folded, talk)
    first = folded.channel("en").segments[0]
    assert first.t0 is not None
    assert first.t0 >= len(quiet) // 16


def test_more_words_than_can_be_aligned_are_taken_over_without_saying_them_again() -> None:
    pcm = np.concatenate([speech(range(1, 81)), silence(1.0), speech(range(81, 86)), silence(1.0)])
    through = len(speech(range(1, 81))) + 8000
    begin = Assign(0, "en", 0, 1, ((0, tuple(name(number) for number in range(1, 81))),), through)
    one, said = session(begin), list[Said]()
    for at in range(0, len(pcm), 9600):
        one.hear(1, at, pcm[at : at + 9600])
        said += one.step()
    assert [word for each in said if isinstance(each, Words) for word in each.words] == [
        name(number) for number in range(81, 86)
    ]
    assert next(each.segment for each in said if isinstance(each, Closed)) == 0


def hear(one: Session, *parts: Pcm) -> list[Said]:
    """Give parts one after the other, in frames of 200 ms, with a draft every 600 ms; return all that is said."""
    pcm, said, start = np.concatenate(parts), list[Said](), one.heard
    for begin in range(0, len(pcm), 3200):
        before = one.heard
        one.hear(1, start + begin, pcm[begin : begin + 3200])
        said += one.step(draft=one.heard // 9600 > before // 9600)
    return said


def final(said: Sequence[Said]) -> list[str]:
    return [word for one in said if isinstance(one, Words) for word in one.words]


def shown(said: Sequence[Said]) -> list[str]:
    return [one.text for one in said if isinstance(one, Draft)]


def test_a_long_utterance_is_heard_twelve_seconds_at_a_time_and_said_once() -> None:
    engine = FakeEngine()
    said = hear(session(engine=engine), speech(range(1, 120)), silence(0.8))
    assert final(said) == names(*range(1, 120))
    assert 12 < max(engine.lengths) / RATE_HZ < 13


def test_after_a_short_pause_the_last_words_are_heard_again_and_said_once() -> None:
    engine = FakeEngine()
    said = hear(session(engine=engine), speech(range(1, 15)), silence(0.8), speech([15]), silence(0.8))
    assert final(said) == names(*range(1, 16))
    again = engine.forced[-1]
    assert 3 <= len(again) <= 9
    assert again == names(*range(1, 15))[-len(again) :]
    assert len([pair for one in said if isinstance(one, Closed) for pair in one.word_times]) == 15


def test_after_a_long_pause_or_in_another_run_nothing_is_heard_again() -> None:
    engine = FakeEngine()
    hear(session(engine=engine), speech([1]), silence(6), speech([4]), silence(0.8))
    assert engine.forced[-1] == []
    engine = FakeEngine()
    one = session(engine=engine)
    hear(one, speech([1, 2, 3]), silence(0.8))
    one.hear(2, one.heard, np.concatenate([speech([4]), silence(0.8)]))
    assert final(one.step()) == names(4)
    assert engine.forced[-1] == []


def test_the_last_word_is_shown_once_silence_follows_and_final_without_being_heard_again() -> None:
    engine = FakeEngine()
    one = session(engine=engine)
    before = hear(one, silence(0.064), speech([1, 2]))
    drafted = hear(one, silence(0.4))
    guesses = engine.guesses
    after = hear(one, silence(0.4))
    assert not any(name(2) in text for text in shown(before))
    assert shown(drafted)[-1] == name(2)
    assert (final(after), engine.guesses) == (names(2), guesses)


def test_where_nobody_speaks_an_open_utterance_is_not_drafted() -> None:
    class Murmur(Energy):
        def __call__(self, pcm: Pcm) -> list[float]:
            return [max(0.4, probability) for probability in super().__call__(pcm)]

    engine = FakeEngine()
    one = Session(plain(0, "en"), engine, frames=Murmur)
    hear(one, speech([1, 2]), silence(0.6))
    guesses = engine.guesses
    hear(one, silence(3))
    assert engine.guesses == guesses
