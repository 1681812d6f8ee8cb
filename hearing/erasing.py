"""Erase everything of a purged rehearsal: its stream, its recording, and what memory keeps of both."""

import logging
from collections.abc import Callable

from hearing.board.base import Board
from hearing.events import public_stream
from hearing.log.base import Log
from hearing.store.base import Store

logger = logging.getLogger(__name__)

_ON_THE_BOARD = ("captions", "draft")


async def erase_meeting(
    meeting: str, *, log: Log, store: Store, board: Board, forget: Callable[[str], None] | None = None
) -> None:
    """Return when no byte of it is left; nobody may be writing it any more. A repeat finds nothing to do.

    `forget` is told the stream, to let go of what windows keep. Raises Unavailable where a reader of the log's file
    keeps the bytes alive, or the disk refuses: retry.
    """
    stream = public_stream(meeting)
    await store.erase(f"{meeting}/")
    await log.erase_all(stream)
    if forget:
        forget(stream)
    for kind in _ON_THE_BOARD:
        for name in await board.names(f"{kind}:{meeting}:"):
            await board.remove(name)
    await store.erase(f"{meeting}/")  # what a thread still wrote when its relay was stopped
    logger.info("meeting_erased meeting=%s", meeting)
