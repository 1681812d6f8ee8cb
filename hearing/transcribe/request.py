"""One guess in Whisper's tokens: what is asked, and how its answer is read.

An answer is unsure where a token of it had less than an even chance. Of the words that two greedy guesses agree on,
those are wrong about every second time, and the rest one in twenty: base, int8, five recordings in three languages.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hearing.transcribe.engine import Asked, Hypothesis
from hearing.transcribe.guard import max_tokens
from hearing.transcribe.words import Word, tokens

UNSURE = 0.5
"""A token less probable than this is worth a second look."""
FRAME = 160
"""Samples in 10 ms."""
_BROKEN = "\ufffd"
_UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue"})


class Request:
    """What is asked of the model: `tokens` to begin with, and `most` in all, those counted."""

    def __init__(self, tokenizer: Any, asked: Asked) -> None:  # noqa: ANN401 - faster-whisper has no types
        self.asked = asked
        self._tokenizer = tokenizer
        self._prefix = tokens(asked.forced)
        self.tokens = [tokenizer.sot_prev, *asked.prompt] if asked.prompt else []
        self.tokens += [*tokenizer.sot_sequence, tokenizer.no_timestamps, *self._prefix]
        self.most = max_tokens(len(self.tokens), asked.sound.samples // FRAME)

    def answer(self, result: Any) -> Hypothesis:  # noqa: ANN401 - CTranslate2 has no types
        """Return what was guessed after the prefix. A batch is bounded by its longest: the others are cut here."""
        ids, _ = self._new(result)
        return Hypothesis(tuple(_split(self._tokenizer, ids)), result.scores[0], result.no_speech_prob, len(ids))

    def unsure(self, result: Any) -> bool:  # noqa: ANN401 - CTranslate2 has no types
        """Tell whether a letter or digit before the last word had less than an even chance. It needs the logits.

        The last word does not count: the audio may stop inside it, and it is not agreed on.
        """
        ids, forced = self._new(result)
        words = _split(self._tokenizer, ids)
        counted = len(ids) - len(words[-1].tokens) if words else 0
        return any(
            self._written(ids[k]) and _probability(result.logits[0][forced + k], ids[k]) < UNSURE
            for k in range(counted)
        )

    def _new(self, result: Any) -> tuple[list[int], int]:  # noqa: ANN401 - CTranslate2 has no types
        """Return the tokens after the prefix, and how many of the prefix the result repeats before them."""
        ids = [token for token in result.sequences_ids[0] if token < self._tokenizer.eot]
        forced = len(self._prefix) if ids[: len(self._prefix)] == self._prefix else 0
        room = self.most - len(self.tokens) + len(self._prefix) - forced
        return ids[forced : forced + room], forced

    def _written(self, token: int) -> bool:
        """Tell whether a token holds a letter or a digit, or a part of one."""
        return any(c.isalnum() or c == _BROKEN for c in self._tokenizer.decode([token]))


def _probability(logits: Any, token: int) -> float:  # noqa: ANN401 - CTranslate2 has no types
    each = np.asarray(logits, np.float32).ravel()
    odds = np.exp(each - each.max())
    return float(odds[token] / odds.sum())


def _split(tokenizer: Any, ids: Sequence[int]) -> list[Word]:  # noqa: ANN401 - faster-whisper has no types
    """Split tokens into words; punctuation stays with the word before it."""
    words: list[Word] = []
    spaced = tokenizer.language_code not in _UNSPACED
    for text, ours in list(zip(*tokenizer.split_to_word_tokens([*ids, tokenizer.eot]), strict=True))[:-1]:
        joins = words and not text.startswith(" ") and (spaced or not any(c.isalnum() for c in text))
        before = words.pop() if joins else Word((), "")
        words.append(Word((*before.tokens, *ours), before.text + text))
    return words
