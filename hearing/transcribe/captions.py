"""How the captions of a channel do, as it stands on the board for the pages."""

import asyncio
from collections.abc import Sequence
from typing import Literal

import msgspec

from hearing.board.base import Board
from hearing.quiet import QUIET_MS
from hearing.transcribe.assignment import Seat, unheard
from hearing.transcribe.carried import Carried

LATE_MS = 5000
_LIFE_S = 10.0
_STARTING_S = 60.0

CaptionState = Literal["starting", "live", "quiet", "late", "paused", "off", "no-sound", "typed"]


class Captions(msgspec.Struct, frozen=True):
    """How captions of a channel are doing: on the board under `captions:{meeting}:{channel}`."""

    state: CaptionState
    late_ms: int


async def tell(board: Board, carried: Carried, seats: Sequence[Seat]) -> None:
    """Say how a channel's captions do. `seats` are those of the workers that are connected."""
    captions = Captions(_state(carried, seats), carried.late_ms)
    await board.put(_name(carried), msgspec.json.encode(captions), _LIFE_S)


async def forget(board: Board, carried: Carried) -> None:
    """Say nothing any more of a channel."""
    await board.remove(_name(carried))


def _state(carried: Carried, seats: Sequence[Seat]) -> CaptionState:
    if carried.hand.holds and not carried.hand.assumed:
        return "typed"
    if carried.has_sound is False:
        return "no-sound"
    if carried.holder is not None:
        return _held(carried)
    if carried.drained.is_set():
        return "live"
    if unheard(carried.language, seats):
        return "off"
    age_s = asyncio.get_running_loop().time() - carried.since_s
    return "paused" if carried.ever_held or age_s > _STARTING_S else "starting"


def _held(carried: Carried) -> CaptionState:
    """Tell how a channel does that a worker carries."""
    if not carried.supply.began:
        return "starting"
    if carried.late_ms > LATE_MS:
        return "late"
    return "quiet" if carried.quiet_ms > QUIET_MS else "live"


def _name(carried: Carried) -> str:
    return f"captions:{carried.meeting}:{carried.id}"
