"""The subject of a channel in its meeting's stream: facts are appended to it once each, whatever it takes."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence

from hearing.errors import Unavailable
from hearing.events import PublicEvent, channel_subject, encode, public_stream
from hearing.log.base import Log

_RETRY_S = (0.1, 5.0)


class Subject:
    """Where facts of a channel go. `position` is that of its last record, as far as it was read or written here."""

    def __init__(self, log: Log, meeting: str, channel: str) -> None:
        self.position = 0
        self.stream = public_stream(meeting)
        self.name = channel_subject(channel)
        self._log = log
        self._channel = channel
        self._incarnation = secrets.token_hex(8)
        self._appended = 0

    async def append(self, facts: Sequence[PublicEvent]) -> None:
        """Store facts, all or none, once. Raises Conflict where another has written."""
        self._appended += 1
        key = f"{self._incarnation}:{self._channel}:{self._appended}"
        self.position = await _insist(lambda: self._store(facts, key))

    async def _store(self, facts: Sequence[PublicEvent], key: str) -> int:
        bodies = [encode(fact) for fact in facts]
        return await self._log.append(self.stream, bodies, subject=self.name, expect=self.position, key=key)


async def _insist(append: Callable[[], Awaitable[int]]) -> int:
    """Repeat an append, which carries a key, until the log can say that it is durable."""
    wait_s, most_s = _RETRY_S
    while True:
        try:
            return await append()
        except Unavailable:
            await asyncio.sleep(wait_s)
            wait_s = min(most_s, wait_s * 2)
