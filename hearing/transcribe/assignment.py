"""Which worker carries which channel, and where it begins. Pure."""

from collections.abc import Sequence

import msgspec

from hearing.events import SAMPLES_PER_MS
from hearing.transcribe.protocol import Assign
from hearing.transcribe.verify import next_ordinal
from hearing.transcript import Spoken


class Seat(msgspec.Struct, frozen=True):
    """What a connected worker can carry and carries. No `languages` means any.

    `measured`: its capacity comes of what channels take, and not of what it was told. Until then it is given them one
    after the other: the next once it has told of all it has (`caught_up`).
    """

    capacity: int
    carried: int
    languages: frozenset[str] = frozenset()
    measured: bool = False
    caught_up: bool = True

    @property
    def room(self) -> int:
        return self.capacity - self.carried

    @property
    def overloaded(self) -> bool:
        return self.measured and self.room < 0

    def hears(self, language: str) -> bool:
        """Tell whether the worker knows the language."""
        return not self.languages or language.split("-", 1)[0] in self.languages


def choose(language: str, seats: Sequence[Seat], *, spare: int = 0) -> int | None:
    """Return the worker with the most room for a channel of this language, None where none has any.

    `spare` is how much measured room there must be beside the channel.
    """
    free = [
        (-seat.room, seat.carried, k)
        for k, seat in enumerate(seats)
        if seat.room > (spare if seat.measured else 0) and seat.hears(language) and (seat.measured or seat.caught_up)
    ]
    return min(free)[2] if free else None


def unheard(language: str, seats: Sequence[Seat]) -> bool:
    """Tell whether there are workers and none of them knows the language."""
    return bool(seats) and not any(seat.hears(language) for seat in seats)


def assignment(
    handle: int,
    language: str,
    spoken: Spoken,
    settled: int,
    *,
    languages: tuple[str, ...] = (),
    glossary: tuple[str, ...] = (),
) -> Assign:
    """Say where a worker begins: before the oldest word that has no time, with those words as its prefix.

    `settled` is the sample that a worker before it had settled everything before. Of several languages it goes on in
    the last one that was spoken.
    """
    pending = spoken.open_segments()
    last = spoken.segments[-1].language if spoken.segments else ""
    language = last if last in languages else language
    return Assign(
        handle,
        language,
        from_sample=max(settled, spoken.settled_t() * SAMPLES_PER_MS),
        next_segment=next_ordinal(spoken),
        prefix=tuple((segment.ordinal, tuple(segment.words)) for segment in pending),
        through_sample=max([0, *(segment.through_t * SAMPLES_PER_MS for segment in pending)]),
        languages=languages,
        glossary=glossary,
    )
