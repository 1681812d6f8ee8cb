"""Who is looking at an item just now: advisory, on the board, gone after 90 seconds. Versions decide, not claims."""

from hearing.access import Actor
from hearing.board.base import Board

LIFETIME_S = 90.0


async def claim(board: Board, dialogue: str, item_id: str, actor: Actor) -> str:
    """Claim an item for 90 s, or renew; return the invitation that holds it, which may be another's.

    Who reads this one reads no other any more: what they claimed before is given back.
    """
    name = _name(dialogue, item_id)
    for item, holder in (await holders(board, dialogue)).items():
        if holder == actor.invite and item != item_id:
            await board.remove(_name(dialogue, item))
    held = await board.get(name)
    if held is not None and held.decode() != actor.invite:
        return held.decode()
    await board.put(name, actor.invite.encode(), LIFETIME_S)
    return actor.invite


async def release(board: Board, dialogue: str, item_id: str, actor: Actor) -> None:
    """Give one's own claim back."""
    name = _name(dialogue, item_id)
    if await board.get(name) == actor.invite.encode():
        await board.remove(name)


async def holders(board: Board, dialogue: str) -> dict[str, str]:
    """Return who holds what: item to invitation."""
    prefix = _name(dialogue, "")
    found = {name: await board.get(name) for name in await board.names(prefix)}
    return {name.removeprefix(prefix): held.decode() for name, held in found.items() if held is not None}


def _name(dialogue: str, item_id: str) -> str:
    return f"claim:{dialogue}:{item_id}"
