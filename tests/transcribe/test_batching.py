"""Calls of many threads become batches of like ones; each is answered, and only what is bad fails."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing.transcribe.batching import Batching, Call, pick, wanted_at
from hearing.transcribe.engine import Asked, EngineFailedError, Hypothesis, Sound
from hearing.transcribe.words import text
from tests.speech import demo_speech, engine
from tests.transcribe.fakes import FakeBatches, name, silence, speech

PATIENCE_S = 60.0
"""So long that a test that waits for it is a test that hangs."""

CALLS = st.lists(
    st.builds(
        lambda key, due_s, asked_s: Call((key,), due_s, asked_s),
        st.sampled_from("abc"),
        st.floats(0, 100),
        st.floats(0, 100),
    ),
    max_size=20,
)


@given(CALLS, st.integers(1, 8), st.integers(0, 3), st.floats(0, 200), st.floats(0, 1))
def test_a_batch_holds_the_most_urgent_call_and_what_is_like_it(
    waiting: list[Call], most: int, expected: int, now_s: float, patience_s: float
) -> None:
    batch, wait_s = pick(waiting, now_s, most=most, patience_s=patience_s, expected=expected)
    if not batch:
        assert wait_s is None if not waiting else expected and wait_s is not None and wait_s > 0
        return
    assert len({call.key for call in batch}) == 1
    assert len({id(call) for call in batch}) == len(batch) <= most
    assert min(waiting, key=lambda call: call.due_s).due_s == batch[0].due_s
    left = [call for call in waiting if call.key == batch[0].key and call not in batch]
    assert all(call.due_s >= batch[-1].due_s for call in left)
    assert not left or len(batch) == most


@given(CALLS, st.integers(1, 8), st.floats(0.01, 1))
def test_every_call_is_run_within_as_many_batches_as_there_are_calls(
    waiting: list[Call], most: int, patience_s: float
) -> None:
    calls, turns = list(waiting), 0
    while waiting:
        batch, _ = pick(waiting, 1000.0, most=most, patience_s=patience_s, expected=3)
        waiting = [call for call in waiting if call not in batch]
        turns += 1
    assert turns <= len(calls)


def test_nobody_waits_where_nobody_else_is_expected() -> None:
    call = Call(("a",), 0.0, 0.0)
    assert pick([call], 0.0, most=8, patience_s=PATIENCE_S, expected=0) == ([call], 0.0)


def test_a_call_waits_for_others_but_not_for_long() -> None:
    calls = [Call(("a",), 5.0, 10.0), Call(("b",), 4.0, 10.01)]
    assert pick(calls, 10.01, most=8, patience_s=0.03, expected=1)[0] == []
    assert pick(calls, 10.01, most=8, patience_s=0.03, expected=1)[1] == pytest.approx(0.02)
    assert pick(calls, 10.04, most=8, patience_s=0.03, expected=1)[0] == [calls[1]]


class Gate(FakeBatches):
    """Encodes when the gate is open; `entered` says that it wants to."""

    def __init__(self, bad: frozenset[int] = frozenset()) -> None:
        super().__init__(bad)
        self.entered = threading.Event()
        self.open = threading.Event()
        self.encoded: list[int] = []

    def encode_all(self, prepared: Sequence[Sound]) -> list[Sound]:
        self.entered.set()
        assert self.open.wait(60)
        self.encoded += [sound.samples for sound in prepared]
        return super().encode_all(prepared)


def together(gate: Gate, batching: Batching, jobs: Sequence[Callable[[], object]]) -> list[object]:
    """Do jobs at once, all but the first asked while the first is encoded; return what each gave, or its error."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        first = pool.submit(jobs[0])
        assert gate.entered.wait(60)
        rest = [pool.submit(job) for job in jobs[1:]]
        with batching._changed:
            assert batching._changed.wait_for(lambda: len(batching._waiting) == len(rest), 60)
        gate.open.set()
        return [done.exception(60) or done.result() for done in (first, *rest)]


def hears(batching: Batching, numbers: Sequence[int], prompt: Sequence[int] = ()) -> Callable[[], str]:
    """Return a job: hear these words."""

    def job() -> str:
        sound = batching.encode(np.concatenate([speech(numbers), silence(0.3)]))
        return text(batching.guess(sound, "en", prompt=prompt, forced=()).words)

    return job


def said(numbers: Sequence[int]) -> str:
    return "".join(f" {name(number)}" for number in numbers)


def test_what_waits_while_the_engine_works_is_heard_at_once() -> None:
    gate = Gate()
    batching = Batching(gate, patience_s=0.0)
    spoken = [range(k, k + 3) for k in range(1, 50, 10)]
    heard = together(gate, batching, [hears(batching, numbers) for numbers in spoken])
    assert heard == [said(numbers) for numbers in spoken]
    assert [size for kind, size in gate.sizes if kind == "encode"] == [1, 4]
    assert (batching.calls, batching.batches < 10) == (10, True)


def test_only_what_is_bad_fails() -> None:
    gate = Gate(frozenset({21}))
    batching = Batching(gate, patience_s=0.0)
    spoken = [range(k, k + 3) for k in range(1, 50, 10)]
    heard = together(gate, batching, [hears(batching, numbers) for numbers in spoken])
    assert isinstance(heard[2], EngineFailedError)
    assert [one for k, one in enumerate(heard) if k != 2] == [said(n) for k, n in enumerate(spoken) if k != 2]
    assert [size for kind, size in gate.sizes if kind == "encode"] == [1, 4, 1, 1, 1, 1]


def test_calls_that_are_not_alike_never_meet_in_a_batch() -> None:
    gate = Gate()
    batching = Batching(gate, patience_s=0.0)
    spoken = [range(1, 1 + count) for count in (3, 4, 60, 5, 70)]
    prompts = [(), tuple(range(24)), (), tuple(range(20)), tuple(range(3))]
    heard = together(gate, batching, [hears(batching, *both) for both in zip(spoken, prompts, strict=True)])
    assert heard == [said(numbers) for numbers in spoken]
    assert sum(size for kind, size in gate.sizes if kind == "guess") == 5
    assert sorted(gate.prompts) == sorted(map(list, prompts)), "a glossary of one name is told whole"


class Broken(Gate):
    """Has a bug."""

    def guess_all(self, asked: Sequence[Asked]) -> list[Hypothesis]:
        raise IndexError("a bug")


def test_a_bug_is_raised_in_every_thread_that_waits_for_it() -> None:
    gate = Broken()
    batching = Batching(gate, patience_s=0.0)
    heard = together(gate, batching, [hears(batching, range(k, k + 3)) for k in (1, 11, 21)])
    assert all(isinstance(one, IndexError) for one in heard)


def test_the_most_urgent_call_goes_first() -> None:
    gate = Gate()
    batching = Batching(gate, patience_s=0.0)

    def job(seconds: int, due_s: float) -> Callable[[], object]:
        def ask() -> object:
            with wanted_at(due_s):
                return batching.encode(silence(seconds))

        return ask

    together(gate, batching, [job(1, 0.0), job(11, 9.0), job(21, 5.0), job(29, 7.0)])
    assert [round(samples / 16_000) for samples in gate.encoded] == [1, 21, 29, 11]


@pytest.mark.model
def test_several_channels_are_heard_as_each_would_be_alone() -> None:
    whisper, languages = engine(), ("en", "fr", "es")
    clips = [demo_speech(language)[16_000 : 7 * 16_000] for language in languages]
    sounds = whisper.encode_all([whisper.prepare(clip) for clip in clips])
    asked = [Asked(sound, language, (), ()) for sound, language in zip(sounds, languages, strict=True)]
    guesses = whisper.guess_all(asked)
    alone = [
        whisper.guess(whisper.encode(clip), one, prompt=(), forced=())
        for clip, one in zip(clips, languages, strict=True)
    ]
    assert [text(one.words) for one in guesses] == [text(one.words) for one in alone]
    forced = [
        Asked(one.sound, one.language, tuple(range(1000, 1016)), guess.words[: 2 + k])
        for k, (one, guess) in enumerate(zip(asked, guesses, strict=True))
    ]
    rest = whisper.guess_all(forced)
    assert [text(one.words) for one in rest] == [
        text(whisper.guess(one.sound, one.language, prompt=one.prompt, forced=one.forced).words) for one in forced
    ]
    words = guesses[0].words
    spans = whisper.align_all([(sounds[0], words), (sounds[0], words[:3])], "en")
    for together_, words_ in zip(spans, (words, words[:3]), strict=True):
        apart = whisper.align(sounds[0], "en", words_)
        # Where texts are unequally long, the end of the shorter one may differ by a step of 20 ms.
        assert np.abs(np.array(together_) - np.array(apart)).max() <= 640


@pytest.mark.model
def test_prompts_of_unequal_length_fail_as_a_batch_and_are_heard_one_by_one() -> None:
    whisper = engine()
    sound = whisper.encode(demo_speech("en")[16_000 : 7 * 16_000])
    with pytest.raises(EngineFailedError, match="failed"):
        whisper.guess_all([Asked(sound, "en", prompt, ()) for prompt in ((), (1000, 1001))])


def test_two_batches_run_at_the_same_time_where_there_are_two_runners() -> None:
    met = threading.Barrier(2, timeout=60)

    class Meeting(FakeBatches):
        def encode_all(self, prepared: Sequence[Sound]) -> list[Sound]:
            met.wait()
            return super().encode_all(prepared)

    batching = Batching(Meeting(), most=1, patience_s=0.0, runners=2)
    with ThreadPoolExecutor(2) as pool:
        sounds = list(pool.map(batching.encode, [speech((1,)), speech((2,))], timeout=60))
    assert len(sounds) == batching.batches == 2
