"""Guards before a commit: loops, terms that are read out, and hypotheses that are not speech. Pure.

No list of phrases: delegates do say "thank you". Thresholds after Whisper's own (openai/whisper, transcribe.py),
measured again for short windows.
"""

import re
import zlib
from collections.abc import Sequence

from hearing.transcribe.words import Word

NO_SPEECH = 0.6
"""Above it, with a score under -0.8 and nothing committed, there was no speech."""
LOW_SCORE = -1.6
COMPRESSION = 2.4
TOKENS_PER_S = 8
MAX_TOKENS = 448
_STUTTER = re.compile(r"(\w{1,6}?)\1{3,}")


def tripped(text: str, *, score: float, no_speech: float, new_tokens: int, forced: bool) -> bool:
    """Tell whether a hypothesis is to be thrown away. `text` is what follows the forced words."""
    raw = text.encode()
    return (
        (no_speech > NO_SPEECH and score < -0.8 and not forced)
        or len(raw) > COMPRESSION * len(zlib.compress(raw))
        or (score < LOW_SCORE and new_tokens > 3)
    )


def max_tokens(asked: int, frames: int) -> int:
    """Bound what may be generated: the tokens asked with, and 8 a second of audio. `frames` last 10 ms each."""
    return min(MAX_TOKENS, asked + 12 + frames * TOKENS_PER_S // 100)


def unloop(words: Sequence[Word], done: int) -> list[Word]:
    """Keep one copy of 4 words or more that are said again at once, or of any block said four times.

    A copy that is cut off by the end counts. The first `done` words are final and stay. A true repetition is found
    again by the check for speech without words.
    """
    folds = [(at, word.fold) for at, word in enumerate(words)]
    at = [k for k, fold in folds if fold]
    said = [fold for _, fold in folds if fold]
    for i in range(len(said)):
        for n in range(1, len(said) - i):
            if said[i + n] == said[i] and _repeats(said, i, n):
                return list(words[: max(at[i + n], done)])
    return list(words)


def stutters(words: Sequence[Word]) -> bool:
    """Tell whether a word says up to six of its letters four times in a row, eight letters or more in all."""
    loops = (found for word in words for found in _STUTTER.finditer(word.fold))
    return any(len(found[0]) >= 8 and not found[0].isdigit() for found in loops)


def lists(terms: Sequence[Word], words: Sequence[Word]) -> bool:
    """Tell whether words say four or more of the glossary's in its order: a list that was read out, not heard."""
    told = [word.fold for word in terms if word.fold]
    said = [word.fold for word in words if word.fold]
    blocks = {tuple(told[k : k + 4]) for k in range(len(told) - 3)}
    return any(tuple(said[k : k + 4]) in blocks for k in range(len(said) - 3))


def _repeats(said: list[str], i: int, n: int) -> bool:
    """Tell whether the n words from i stand again right after, often enough to be a loop."""
    copies, least = (2, 4) if n >= 4 else (4, 3 * n)
    rest = said[i + n : i + n * copies]
    return len(rest) >= least and all(word == said[i + k % n] for k, word in enumerate(rest))
