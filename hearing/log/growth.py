"""Wake those who wait for a stream to grow."""

import asyncio


class Growth:
    """An event for the next change of each stream. For one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Event] = {}

    def grew(self, stream: str) -> None:
        """Wake all who wait for this stream."""
        if waiting := self._waiting.pop(stream, None):
            waiting.set()

    def all_may_have(self) -> None:
        """Wake all who wait: some change may have gone by unseen."""
        for stream in list(self._waiting):
            self.grew(stream)

    def next(self, stream: str) -> asyncio.Event:
        """Return what the stream's next change sets. Take it first, then look at the head: no change is missed."""
        return self._waiting.setdefault(stream, asyncio.Event())
