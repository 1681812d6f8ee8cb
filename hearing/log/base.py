"""The seam for facts: append, read, wait, erase. One contract suite runs on every implementation."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

import msgspec


class Record(msgspec.Struct, frozen=True):
    """One stored event. Positions count from 1 without gaps; an erased record stays, with an empty body."""

    position: int
    body: bytes
    subject: str = ""

    @property
    def erased(self) -> bool:
        return not self.body


class Reading(Protocol):
    """What a reader needs of a log; a window in front of one offers it too."""

    async def read(self, stream: str, after: int, limit: int = 256) -> list[Record]:
        """Return records with position > after, oldest first."""
        ...

    async def wait(self, stream: str, after: int) -> None:
        """Return once the stream's head is past `after`. May return early."""
        ...

    async def epoch(self, stream: str) -> int:
        """Return the incarnation of the stream; it grows on a restore, and cursors of another epoch mean nothing."""
        ...

    async def head(self, stream: str, subject: str | None = None) -> int:
        """Return the position of the last record of the stream, or of the subject in it; 0 where there is none."""
        ...


class Log(Reading, Protocol):
    """Streams of records, each read by position. Bodies are never empty: an empty one is a tombstone."""

    async def append(
        self,
        stream: str,
        bodies: Sequence[bytes],
        *,
        subject: str | None = None,
        expect: int | None = None,
        key: str | None = None,
    ) -> int:
        """Store all bodies or none; durable on return. Return the position of the last one.

        `expect` is the position of the subject's last record (of the stream's, without a subject; 0 where there is
        none): raises Conflict if it is not. The same `key` again returns the first answer and stores nothing; it is
        looked up before `expect`, for as long as the stream lives. Raises Refused for an empty body or no body, and
        Unavailable when the bytes could not be made durable: then nobody knows whether they are stored, so repeat
        it with a key, or read and decide again and append with `expect`: what came late after all is a Conflict.
        """
        ...

    async def erase(self, stream: str, position: int) -> None:
        """Forget one body for good; its position stays as a tombstone. Returns when the bytes are gone.

        Raises NotFound for a position never used, Unavailable where a reader keeps the old bytes alive: retry.
        """
        ...

    async def erase_all(self, stream: str) -> None:
        """Forget every body of a stream for good, and its keys and subjects; its positions stay as tombstones.

        Returns when the bytes are gone. The epoch grows where anything was left to forget, so that no cursor and no
        expectation from before means anything. A stream that never was, or is erased, is no error. Raises Unavailable
        where a reader keeps the old bytes alive: retry.
        """
        ...


async def tail(log: Reading, stream: str, after: int) -> AsyncGenerator[Record, None]:
    """Yield every record after `after`, then each new one, forever.

    History and live are the same loop, so there is no seam to lose events in. A slow reader keeps only its own
    cursor: nothing queues up behind it.
    """
    while True:
        records = await log.read(stream, after)
        for record in records:
            yield record
            after = record.position
        if not records:
            await log.wait(stream, after)
