"""The lines of a relay's workers, at its end: one is held back by a test, and what comes too late is counted."""

import asyncio
from collections import Counter

from hearing.bounded import bounded_socket
from hearing.transcribe.protocol import Hello, from_worker


class Lines:
    """`late` counts the messages that came on a line after the relay had closed it, by their type."""

    def __init__(self) -> None:
        self.late: Counter[str] = Counter()
        self._held: dict[asyncio.Protocol, list[bytes]] = {}
        self._latest: dict[int, asyncio.Protocol] = {}

    def hold(self, channels: int) -> None:
        """Keep back all that the worker of so many channels says from now on, as a network does that is in trouble."""
        self._held[self._latest[channels]] = []

    def let_go(self) -> None:
        """Deliver what was kept back."""
        held, self._held = self._held, {}
        for line, kept in held.items():
            for data in kept:
                line.data_received(data)

    def protocol(self) -> type[asyncio.Protocol]:
        """Return what speaks WebSocket on a line, as `hearing serve` does."""
        lines = self

        class Line(bounded_socket()):  # type: ignore[misc] # the product makes it anew for each server
            def data_received(self, data: bytes) -> None:
                if (held := lines._held.get(self)) is not None:
                    held.append(data)
                else:
                    super().data_received(data)

            def send_receive_event_to_app(self) -> None:
                said = from_worker(b"".join(self.frames))
                if isinstance(said, Hello):
                    lines._latest[said.channels] = self
                if self.close_sent:
                    lines.late[type(said).__name__] += 1
                super().send_receive_event_to_app()

        return Line
