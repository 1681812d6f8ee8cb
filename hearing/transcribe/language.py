"""The language of the floor: read at the beginning of an utterance, and changed only for what was read twice.

Whisper's base model is sure (p > .5) of a wrong language in 1 of 123 utterances after 1 s, and in 1 of 109 after 2 s;
of none after 3 s. Two readings in a row have to agree before another language is taken.
"""

from collections.abc import Callable, Mapping

import msgspec

from hearing.events import RATE_HZ

SURE = 0.5
"""A language is read where it is more probable than this, among all that the engine knows."""
READ_AT = tuple(second * RATE_HZ for second in (1, 2, 3, 4))
"""So far into an utterance its language is read, until it is told; then it stays what it was."""
_MORE = RATE_HZ // 2

Probable = Callable[[int, int], Mapping[str, float]]
"""How probable each language of the channel is, from what is heard between two samples."""


class Floor(msgspec.Struct, frozen=True):
    """`language` is spoken. `other` was read last, once; `told`: the last reading settles it."""

    language: str
    other: str = ""
    told: bool = False


def read(floor: Floor, probable: Mapping[str, float]) -> Floor:
    """Take a reading: the same other language twice in a row is the language from then on. Pure."""
    most = max(probable, key=lambda one: probable[one], default="")
    if not most or probable[most] <= SURE:
        return Floor(floor.language)
    if most in {floor.language, floor.other}:
        return Floor(most, told=True)
    return Floor(floor.language, most)


class Telling:
    """The language of one channel, utterance by utterance."""

    def __init__(self, language: str, probable: Probable) -> None:
        self._probable = probable
        self._floor = Floor(language, told=True)
        self._read = 0

    @property
    def language(self) -> str:
        """The language that is spoken."""
        return self._floor.language

    def begin(self) -> None:
        """Another utterance begins; what was read at the end of the last one counts on."""
        self._floor = msgspec.structs.replace(self._floor, told=False)
        self._read = 0

    def told(self, begin: int, end: int, *, ended: bool) -> bool:
        """Read what can be read between two samples of the utterance; tell whether its language is known now.

        One that has ended is known: by one more reading of all of it, where that is half a second more than before.
        """
        while not self._floor.told and self._read < len(READ_AT) and begin + READ_AT[self._read] <= end:
            self._take(begin, begin + READ_AT[self._read])
            self._read += 1
        if ended and not self._floor.told and self._read < len(READ_AT):
            before = READ_AT[self._read - 1] if self._read else 0
            if end - begin >= before + _MORE:
                self._take(begin, end)
            self._read = len(READ_AT)
        return ended or self._floor.told or self._read == len(READ_AT)

    def _take(self, begin: int, end: int) -> None:
        self._floor = read(self._floor, self._probable(begin, end))
