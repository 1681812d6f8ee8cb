"""What the listener does where the engine derails: no speech is lost for it, and what is doubtful says so."""

from collections.abc import Callable, Sequence

import msgspec
import pytest

from hearing.events import RATE_HZ
from hearing.transcribe.engine import Hypothesis, Sound
from hearing.transcribe.listen import Aligned, Audio, Listener, Missed, Sure, Unsure
from hearing.transcribe.protocol import Words
from hearing.transcribe.session import Session, plain
from hearing.transcribe.words import Word
from tests.transcribe.fakes import PAUSE, WORD, Energy, FakeEngine, name, speech

TICK = RATE_HZ * 6 // 10
EIGHT = 8 * (WORD + PAUSE)
"""So long do eight words take."""

Derail = Callable[[Hypothesis], Hypothesis]


def names(*numbers: int) -> list[str]:
    return [name(number) for number in numbers]


def texts(words: Sequence[Word]) -> list[str]:
    return [word.text.strip() for word in words]


def said(listener: Listener) -> list[str]:
    """Return what has become final since the last call."""
    return [text for one in listener.take() if isinstance(one, Sure) for text in texts(one.words)]


def listening(engine: FakeEngine) -> Listener:
    """Listen to thirty words."""
    sound = speech(range(1, 31))
    listener = Listener(engine, "en", Audio(lambda begin, end: sound[begin:end], lambda begin, end: end - begin))
    listener.begin(0)
    return listener


def unlikely(heard: Hypothesis) -> Hypothesis:
    return msgspec.structs.replace(heard, score=-1.7)


def stuttering(heard: Hypothesis) -> Hypothesis:
    return msgspec.structs.replace(heard, words=(Word((1,), " xixixixixi"),))


def looping(heard: Hypothesis) -> Hypothesis:
    return msgspec.structs.replace(heard, words=heard.words[:4] * 3)


class Misled(FakeEngine):
    """Derails where words are forced, once it is `lost`."""

    def __init__(self, derail: Derail, most: int | None = None) -> None:
        super().__init__(most)
        self.lost = False
        self._derail = derail

    def guess(self, sound: Sound, language: str, *, prompt: Sequence[int], forced: Sequence[Word]) -> Hypothesis:
        heard = super().guess(sound, language, prompt=prompt, forced=forced)
        return self._derail(heard) if self.lost and forced else heard


@pytest.mark.parametrize("derail", [unlikely, stuttering])
def test_after_two_trips_the_final_words_are_cut_off_and_the_rest_is_heard_without_them(derail: Derail) -> None:
    engine = Misled(derail)
    listener, end = listening(engine), EIGHT + 3 * TICK
    listener.draft(EIGHT)
    listener.draft(EIGHT + TICK)
    assert said(listener) == names(*range(1, 9))
    engine.lost = True
    listener.draft(EIGHT + 2 * TICK)
    assert (listener.take(), listener.start) == ([], 0)
    listener.draft(end)
    aligned, shown = listener.take()
    assert isinstance(aligned, Aligned)
    assert texts(aligned.words) == names(*range(1, 9))
    assert listener.start == aligned.spans[-1][1] == EIGHT - PAUSE
    assert isinstance(shown, Unsure)
    assert texts(shown.words)[:4] == names(9, 10, 11, 12)
    assert [bool(forced) for forced in engine.forced[2:]] == [True, True, False]
    assert engine.lengths[-1] == end - listener.start


def test_a_trip_is_forgotten_once_a_draft_has_new_words() -> None:
    engine = Misled(unlikely)
    listener = listening(engine)
    for turn in range(6):
        engine.lost = turn in (2, 4)
        listener.draft(EIGHT + turn * TICK)
    assert not any(isinstance(one, Aligned) for one in listener.take())


def test_where_a_second_of_speech_brings_no_word_the_rest_is_heard_without_the_final_ones() -> None:
    engine = FakeEngine(most=8)
    listener = listening(engine)
    for turn in range(3):
        listener.draft(EIGHT + turn * TICK)
    assert listener.start == 7 * (WORD + PAUSE) - PAUSE
    assert [bool(forced) for forced in engine.forced] == [False, False, True, False]
    listener.finish(EIGHT + 4 * TICK)
    assert said(listener)[:12] == names(*range(1, 13))


class Prompted(FakeEngine):
    """Derails where it is given a prompt."""

    def __init__(self, derail: Derail) -> None:
        super().__init__()
        self.sounds: list[Sound] = []
        self._derail = derail

    def guess(self, sound: Sound, language: str, *, prompt: Sequence[int], forced: Sequence[Word]) -> Hypothesis:
        self.sounds.append(sound)
        heard = super().guess(sound, language, prompt=prompt, forced=forced)
        return self._derail(heard) if prompt else heard


@pytest.mark.parametrize("derail", [unlikely, stuttering, looping])
def test_with_a_loop_or_a_trip_the_glossary_is_left_out_at_once_and_until_the_utterance_ends(derail: Derail) -> None:
    engine = Prompted(derail)
    listener = listening(engine)
    listener.prefer([Word((901,), " Rossi")])
    listener.draft(EIGHT)
    assert engine.sounds[0] is engine.sounds[1]
    [shown] = listener.take()
    assert isinstance(shown, Unsure)
    assert texts(shown.words) == names(*range(1, 8)), "the last one may be cut off"
    listener.draft(EIGHT + TICK)
    listener.finish(EIGHT + 2 * TICK)
    assert engine.prompts == [[901], [], [], []]
    listener.begin(EIGHT + 2 * TICK)
    listener.draft(EIGHT + 4 * TICK)
    assert engine.prompts[4] == [901], "another utterance is told it again"


class Wavering(FakeEngine):
    """Hears every word otherwise each time, while it `wavers`."""

    wavers = True

    def guess(self, sound: Sound, language: str, *, prompt: Sequence[int], forced: Sequence[Word]) -> Hypothesis:
        heard = super().guess(sound, language, prompt=prompt, forced=forced)
        if not self.wavers:
            return heard
        other = tuple(Word(word.tokens, f" {name(1000 * self.guesses + word.tokens[0])}") for word in heard.words)
        return msgspec.structs.replace(heard, words=other)


def test_after_twenty_seconds_without_agreement_what_is_heard_is_taken_and_marked_low() -> None:
    engine = Wavering()
    session, sound = Session(plain(0, "en"), engine, frames=Energy), speech(range(1, 90))
    low: list[Words] = []
    while not low:
        session.hear(1, session.heard, sound[session.heard : session.heard + TICK])
        low += [one for one in session.step() if isinstance(one, Words)]
    taken = session.heard
    assert 20 * RATE_HZ < taken <= 20 * RATE_HZ + TICK
    assert all(one.low and one.through_sample == taken for one in low)
    assert sum(len(one.words) for one in low) == -(-taken // (WORD + PAUSE))
    engine.wavers, after = False, list[Words]()
    for begin in range(taken, len(sound), TICK):
        session.hear(1, begin, sound[begin : begin + TICK])
        after += [one for one in session.step() if isinstance(one, Words)]
    assert len(after) > 5
    assert not any(one.low for one in after)


@pytest.mark.parametrize(("seconds", "missed"), [(4.9, []), (5, [Missed(0, 5 * RATE_HZ)])])
def test_speech_to_which_the_engine_says_nothing_is_missed(seconds: float, missed: list[Missed]) -> None:
    listener = listening(FakeEngine(most=0))
    listener.finish(round(seconds * RATE_HZ))
    assert listener.take() == missed
