"""The log for tests: everything in memory, gone on exit."""

from bisect import bisect_right
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import msgspec

from hearing.errors import Conflict, NotFound
from hearing.log.base import Record
from hearing.log.growth import Growth
from hearing.log.rules import check_append, check_names, check_read


class _Stream(msgspec.Struct):
    records: list[Record] = []
    subjects: dict[str, int] = {}
    keys: dict[str, int] = {}
    epoch: int = 1


class MemoryLog:
    """Use as an async context manager, like the others."""

    def __init__(self) -> None:
        self._streams: dict[str, _Stream] = {}
        self._growth = Growth()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        self._streams.clear()

    async def append(
        self,
        stream: str,
        bodies: Sequence[bytes],
        *,
        subject: str | None = None,
        expect: int | None = None,
        key: str | None = None,
    ) -> int:
        """Store all bodies or none."""
        check_append(stream, bodies, subject, key)
        kept = self._streams.get(stream) or _Stream()
        if key is not None and key in kept.keys:
            return kept.keys[key]
        head = len(kept.records)
        found = head if subject is None else kept.subjects.get(subject, 0)
        if expect is not None and expect != found:
            raise Conflict(
                f"Somebody else wrote first: expected position {expect}, found {found}. Read and decide again."
            )
        kept.records += [Record(head + n, bytes(body), subject or "") for n, body in enumerate(bodies, 1)]
        head += len(bodies)
        if subject is not None:
            kept.subjects[subject] = head
        if key is not None:
            kept.keys[key] = head
        self._streams[stream] = kept
        self._growth.grew(stream)
        return head

    async def read(self, stream: str, after: int, limit: int = 256) -> list[Record]:
        """Return records past `after`."""
        check_read(stream, limit)
        records = self._kept(stream).records
        first = bisect_right(records, after, key=lambda record: record.position)
        return records[first : first + limit]

    async def wait(self, stream: str, after: int) -> None:
        """Return once the stream is past `after`."""
        check_names(stream)
        waiting = self._growth.next(stream)
        if await self.head(stream) <= after:
            await waiting.wait()

    async def erase(self, stream: str, position: int) -> None:
        """Forget one body."""
        check_names(stream)
        records = self._kept(stream).records
        if not 1 <= position <= len(records):
            raise NotFound("There is no record at this position.")
        records[position - 1] = msgspec.structs.replace(records[position - 1], body=b"")

    async def erase_all(self, stream: str) -> None:
        """Forget every body, the keys and the subjects."""
        check_names(stream)
        kept = self._kept(stream)
        if kept.subjects or kept.keys or not all(record.erased for record in kept.records):
            kept.records = [Record(record.position, b"") for record in kept.records]
            kept.subjects, kept.keys = {}, {}
            kept.epoch += 1
            self._growth.grew(stream)

    async def epoch(self, stream: str) -> int:
        """Return the stream's incarnation."""
        check_names(stream)
        return self._kept(stream).epoch

    async def head(self, stream: str, subject: str | None = None) -> int:
        """Return the last position of the stream, or of the subject in it."""
        check_names(stream, subject)
        kept = self._kept(stream)
        return len(kept.records) if subject is None else kept.subjects.get(subject, 0)

    def _kept(self, stream: str) -> _Stream:
        return self._streams.get(stream) or _Stream()
