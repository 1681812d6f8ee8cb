"""The workers of a relay: each channel goes to one with room for it, and to another where it is not heard."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

from hearing.board.base import Board
from hearing.errors import HearingError, Refused
from hearing.transcribe.assignment import Seat, choose, unheard
from hearing.transcribe.carried import Carried
from hearing.transcribe.connection import REST_S, Connection, draft_name
from hearing.transcribe.peer import WorkerSocket

logger = logging.getLogger(__name__)

MAX_WORKERS = 64
STUCK_S = 30.0
"""A channel that its worker has heard nothing of for so long goes to another, where one has room."""
OVERLOADED_S = 5.0
"""A worker that has had more than it can carry for so long gives one channel up; the next after as long again."""
_MOST_DOUBLINGS = 6
"""A channel rests longer after each such move: where all are overloaded it soon stays where it is."""


class Workers:
    """Those that are connected. `channels` are those that want one, at any time."""

    def __init__(self, board: Board, channels: Sequence[Carried]) -> None:
        self._board = board
        self._channels = channels
        self._connections: list[Connection] = []

    @property
    def count(self) -> int:
        """Count the workers that are connected."""
        return len(self._connections)

    def named(self, name: str) -> int:
        """Count the connected workers of a name."""
        return sum(connection.name == name for connection in self._connections)

    @property
    def seats(self) -> list[Seat]:
        """What each connected worker can carry and carries."""
        return [connection.seat for connection in self._connections]

    async def serve(self, socket: WorkerSocket) -> None:
        """Serve one worker's connection until it breaks; its channels then go to others."""
        connection = Connection(socket, self._board, self.assign)
        try:
            await self._serve(connection)
        except* HearingError as errors:
            logger.info("worker_left model=%r reason=%s", connection.model, _reason(errors))
        finally:
            await socket.close()

    def assign(self) -> None:
        """Give every channel that nobody carries to a worker with room for it."""
        for carried in self._channels:
            if carried.holder is None and not carried.hand.holds and not carried.drained.is_set():
                chosen = self._other(carried)
                if chosen is None:
                    chosen = choose(carried.language, self.seats)
                if chosen is not None:
                    self._connections[chosen].carry(carried)

    def relieve(self, now_s: float) -> None:
        """Move channels to workers with room: from one that hears nothing of them, and from one that has too many."""
        for carried in self._channels:
            if carried.holder and carried.stuck_s(now_s) > STUCK_S and self._other(carried) is not None:
                self._move(carried, now_s, "stuck")
        for connection in self._connections:
            if not connection.seat.overloaded:
                connection.overloaded_since_s = None
            elif connection.overloaded_since_s is None:
                connection.overloaded_since_s = now_s
            elif now_s - connection.overloaded_since_s >= OVERLOADED_S:
                self._unburden(connection, now_s)

    def is_unheard(self, carried: Carried) -> bool:
        """Tell whether there are workers and none knows the channel's language."""
        return unheard(carried.language, self.seats)

    async def release(self, carried: Carried) -> None:
        """Take a channel from whoever carries it."""
        if carried.holder and isinstance(connection := carried.holder[0], Connection):
            with suppress(HearingError):
                await connection.release(carried)

    async def step_aside(self, connection: Connection, carried: Carried) -> None:
        """Tell a worker that a captioner writes its channel now."""
        await self._board.remove(draft_name(carried))
        with suppress(HearingError):
            await connection.release(carried, "moved")
        await self._board.remove(draft_name(carried))  # one that was on its way

    async def tell_glossary(self, carried: Carried) -> None:
        """Let whoever carries a channel know its words."""
        if carried.holder and isinstance(connection := carried.holder[0], Connection):
            with suppress(HearingError):
                await connection.tell_glossary(carried)

    async def _serve(self, connection: Connection) -> None:
        if len(self._connections) >= MAX_WORKERS:
            raise Refused(f"At most {MAX_WORKERS} workers connect to one server.")
        await connection.greet()
        logger.info("worker_joined model=%r channels=%d", connection.model, connection.channels)
        self._connections.append(connection)
        try:
            await connection.run()
        finally:
            self._connections.remove(connection)
            self.assign()

    def _other(self, carried: Carried, *, spare: int = 0) -> int | None:
        """Return a worker for a channel that did not fail with it just now."""
        return choose(carried.language, [one.seat_for(carried) for one in self._connections], spare=spare)

    def _unburden(self, connection: Connection, now_s: float) -> None:
        """Move one channel, unless it was moved just now, to a worker with room for it and for one more."""
        for carried in connection.latest:
            if carried.rests_until_s <= now_s and self._other(carried, spare=1) is not None:
                connection.overloaded_since_s = now_s
                carried.rests_until_s = now_s + REST_S * 2**carried.moves
                carried.moves = min(carried.moves + 1, _MOST_DOUBLINGS)
                self._move(carried, now_s, "overload")
                return

    def _move(self, carried: Carried, now_s: float, why: Literal["stuck", "overload"]) -> None:
        if carried.holder and isinstance(connection := carried.holder[0], Connection):
            logger.warning("channel_moved channel=%s why=%s", carried.id, why)
            carried.progress_s = now_s
            connection.move(carried)


def _reason(errors: BaseExceptionGroup[HearingError]) -> str:
    """Say why, without what was said."""
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return f"{type(first).__name__}: {first}"
