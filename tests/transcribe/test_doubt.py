"""How long words that the engine doubts stay open."""

from collections.abc import Sequence

import msgspec
import pytest

from hearing.transcribe.engine import Hypothesis, Sound
from hearing.transcribe.listen import Audio, Listener, Sure
from hearing.transcribe.words import Word
from tests.transcribe.fakes import FakeEngine, name, speech

SOUND = speech(range(1, 9))


class Doubtful(FakeEngine):
    """Doubts one word, each time it hears it, and is sure of none."""

    def guess(self, sound: Sound, language: str, *, prompt: Sequence[int], forced: Sequence[Word]) -> Hypothesis:
        heard = super().guess(sound, language, prompt=prompt, forced=forced)
        chances = (0.3 if word.text.strip() == name(3) else 0.7 for word in heard.words)
        words = [
            msgspec.structs.replace(word, chance=chance) for word, chance in zip(heard.words, chances, strict=True)
        ]
        return msgspec.structs.replace(heard, words=tuple(words))


def final_after_each_draft(language: str, *, pause: bool = False) -> list[int]:
    """Draft the same words four times; return how many are final after each draft."""
    spoken = len(SOUND) - 8000 if pause else len(SOUND)
    audio = Audio(lambda begin, end: SOUND[begin:end], lambda begin, end: max(0, min(end, spoken) - begin))
    listener, counts = Listener(Doubtful(), language, audio), [0]
    listener.begin(0)
    for _ in range(4):
        listener.draft(len(SOUND))
        counts.append(counts[-1] + sum(len(found.words) for found in listener.take() if isinstance(found, Sure)))
    return counts[1:]


@pytest.mark.parametrize(("language", "counts"), [("en", [0, 7, 7, 7]), ("fr", [0, 2, 7, 7]), ("zh", [0, 2, 7, 7])])
def test_a_doubtful_word_waits_for_a_third_draft_and_so_does_what_follows(language: str, counts: list[int]) -> None:
    assert final_after_each_draft(language) == counts


def test_before_a_pause_two_are_enough() -> None:
    assert final_after_each_draft("fr", pause=True)[:2] == [0, 8]
