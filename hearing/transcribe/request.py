"""One guess in Whisper's tokens: what is asked, and how its answer is read."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hearing.transcribe.engine import Asked, Hypothesis
from hearing.transcribe.guard import max_tokens
from hearing.transcribe.words import BROKEN, EVEN, UNTOLD, Word, tokens

FRAME = 160
"""Samples in 10 ms."""
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

    def answer(self, result: Any, first: Any = None) -> Hypothesis:  # noqa: ANN401 - CTranslate2 has no types
        """Return what was guessed after the prefix. A batch is bounded by its longest: the others are cut here.

        A result without logits takes its chances from `first`, as far as both say the same; then they are even.
        """
        ids, _ = self._new(result)
        chances = iter(self._chances(first or result, ids))
        words = [
            Word(word.tokens, word.text, min(next(chances) for _ in word.tokens))
            for word in _split(self._tokenizer, ids)
        ]
        return Hypothesis(tuple(words), result.scores[0], result.no_speech_prob, len(ids))

    def _chances(self, result: Any, ids: list[int]) -> list[float]:  # noqa: ANN401 - CTranslate2 has no types
        """Return the probability of each token: one where it holds no letter or digit.

        Even where another guess was told of, untold where none was.
        """
        own, forced = self._new(result)
        same = next((k for k, (a, b) in enumerate(zip(own, ids, strict=False)) if a != b), min(len(own), len(ids)))
        told = result.logits[0][forced : forced + same] if result.logits else []
        known = [_probability(logits, token) for logits, token in zip(told, ids, strict=False)]
        chances = [*known, *[EVEN if result.logits else UNTOLD] * (len(ids) - len(known))]
        return [chance if self._written(token) else 1.0 for token, chance in zip(ids, chances, strict=True)]

    def _new(self, result: Any) -> tuple[list[int], int]:  # noqa: ANN401 - CTranslate2 has no types
        """Return the tokens after the prefix, and how many of the prefix the result repeats before them."""
        ids = [token for token in result.sequences_ids[0] if token < self._tokenizer.eot]
        forced = len(self._prefix) if ids[: len(self._prefix)] == self._prefix else 0
        room = self.most - len(self.tokens) + len(self._prefix) - forced
        return ids[forced : forced + room], forced

    def _written(self, token: int) -> bool:
        """Tell whether a token holds a letter or a digit, or a part of one."""
        return any(c.isalnum() or c == BROKEN for c in self._tokenizer.decode([token]))


def unsure(heard: Hypothesis) -> bool:
    """Tell whether a word had less than an even chance; not the last one: the audio may stop inside it.

    Of the words that two greedy guesses agree on, every second such word is wrong, and of the others one in twenty
    (base, int8, five recordings in three languages).
    """
    return any(word.chance < EVEN for word in heard.words[:-1])


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
