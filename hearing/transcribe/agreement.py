"""Local agreement: what two hypotheses in a row have in common may be committed, and what hardly has a doubt. Pure.

After LocalAgreement-2 (Liu et al., Interspeech 2020; Macháček et al., IJCNLP 2023), on the words that follow the
committed ones.
"""

from collections.abc import Sequence

from hearing.transcribe.words import EVEN, Word, units

SURE = 0.93
"""A word of at least this chance needs no second hypothesis (docs/transcription.md)."""
_LIKELY = 0.8
"""The last word of this chance is shown at once: the audio hardly stops inside it (docs/transcription.md)."""
_EDGE = 3
"""So many words at the audio's end, characters in Chinese, come and go between hypotheses (docs/transcription.md)."""
_CLEAR = frozenset({"en"})
"""Languages heard so well that a third hypothesis mends nothing (docs/transcription.md)."""


class Agreement:
    """The last two hypotheses on one utterance, of each what follows the words that are final.

    The last `hold` words of a hypothesis are not final. Two hypotheses that lie `apart` samples apart need no third.
    """

    def __init__(self, hold: int, apart: int) -> None:
        self._hold, self._apart = hold, apart
        self.last: list[Word] = []
        self._before: list[Word] = []
        self._at = self._shown = 0

    def clear(self) -> None:
        """Forget both: what comes next has nothing to agree with."""
        self.last, self._before, self._shown = [], [], 0

    def waits(self, language: str, at: int) -> bool:
        """Tell whether a doubtful word that two hypotheses have, the second at sample `at`, needs a third."""
        return language.split("-", 1)[0] not in _CLEAR and at - self._at < self._apart

    def final(self, now: Sequence[Word], language: str, at: int, *, whole: bool) -> int:
        """Count the words at the start of the hypothesis at sample `at` that are final with it.

        `whole`: the audio does not stop inside the last word, so that nothing is held and nothing waits for a third.
        """
        older = self._before if self.waits(language, at) and not whole else None
        return agreed(self.last, now, language, 0 if whole else self._hold, older)

    def keep(self, now: Sequence[Word], final: int, language: str, at: int, *, whole: bool) -> int:
        """Take the hypothesis at sample `at` as the last one; its first `final` words are final.

        Return how many words at its start may be shown, those included: of the last three a doubtful one only if it
        stood in the one before, the very last only if it is likely or stood, and in all not fewer than were shown.
        """
        shown = len(now) if whole else self._steady(now, final, language)
        self._before, self.last, self._at = after(self.last, now[:final], language), list(now[final:]), at
        self._shown = shown - final
        return shown

    def _steady(self, now: Sequence[Word], final: int, language: str) -> int:
        spoken = [k for k, word in enumerate(now) if units(word, language)]
        least = max(final, self._shown, _common(self.last, now, language))
        for k in spoken[-_EDGE:]:
            if k >= least and (now[k].chance <= EVEN or (k == spoken[-1] and now[k].chance < _LIKELY)):
                return k
        return len(now)


def agreed(
    before: Sequence[Word], now: Sequence[Word], language: str, hold: int = 1, older: Sequence[Word] | None = None
) -> int:
    """Count the words at the start of `now` that `before` starts with too, letters and digits compared; and those after
    them that are sure.

    The last `hold` of `now` are left out: the audio may stop in the middle of a word, and every draft ends in a full
    stop. With `older`, the hypothesis before `before`, a word more likely wrong than right must stand there too.
    """
    last = max(0, len(now) - hold)
    count = min(_common(before, now, language), last)
    for k in range(count, last):
        if not units(now[k], language):
            continue
        if now[k].chance < SURE:
            break
        count = k + 1
    if older is not None:
        stood = _common(older, now, language)
        count = next((k for k in range(stood, count) if now[k].chance < EVEN), count)
        while count and not units(now[count - 1], language):
            count -= 1
    return count


def after(words: Sequence[Word], gone: Sequence[Word], language: str) -> list[Word]:
    """Return what one hypothesis says after `gone` of another; nothing where a word stands across the end of that."""
    left = sum(len(units(word, language)) for word in gone)
    rest = list(words)
    while left > 0 and rest:
        left -= len(units(rest.pop(0), language))
    return rest if left == 0 else []


def _common(before: Sequence[Word], now: Sequence[Word], language: str) -> int:
    """Count the words at the start of `now` that `before` starts with too; punctuation alone does not count."""
    said = [unit for word in before for unit in units(word, language)]
    at = count = 0
    for k, word in enumerate(now, 1):
        heard = list(units(word, language))
        if heard and said[at : at + len(heard)] != heard:
            break
        at += len(heard)
        count = k if heard else count
    return count
