"""A meeting's agenda: how its blocks get their ids, which comes next, and how much time is left in one."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import count

import msgspec

from hearing.house_events import Block
from hearing.meeting import Meeting

_MOST_SLUG = 20
_MINUTE_MS = 60_000


def blocks(rows: Iterable[Block], known: Mapping[str, str]) -> tuple[Block, ...]:
    """Give an id to every block that has none: the same title is the same block in all meetings of a dialogue.

    `known` holds the titles of the blocks of the dialogue's other meetings, by id.
    """
    rows = list(rows)
    taken = {row.id for row in rows if row.id}
    named: list[Block] = []
    for row in rows:
        free = (name for name in _names(row.title) if name not in taken and known.get(name, row.title) == row.title)
        block = row if row.id else msgspec.structs.replace(row, id=next(free))
        taken.add(block.id)
        named.append(block)
    return tuple(named)


def read(text: str) -> Block:
    """Read a block as the command line takes it: a title, and after a colon how many minutes it is planned to take."""
    title, colon, minutes = text.rpartition(":")
    if colon and minutes.strip().isascii() and minutes.strip().isdigit() and len(minutes.strip()) < 5:
        return Block("", title.strip(), int(minutes))
    return Block("", text.strip())


def titles(meetings: Iterable[Meeting]) -> dict[str, str]:
    """Return the title of every block of these meetings by id, in the order of the agendas; the last meeting wins."""
    return {block.id: block.title for meeting in meetings for block in meeting.created.agenda}


def following(meeting: Meeting) -> Block | None:
    """Return the block that comes next; None after the last, and where a block was ended without another."""
    agenda = meeting.created.agenda
    if not meeting.block:
        return agenda[0] if agenda and meeting.block_began_ms is None else None
    ids = [block.id for block in agenda]
    at = ids.index(meeting.block) + 1 if meeting.block in ids else len(ids)
    return agenda[at] if at < len(agenda) else None


def left_ms(meeting: Meeting, now_ms: int) -> int | None:
    """Return the time left in the current block, below zero once it is over; None where none was planned."""
    block = meeting.current_block
    if block is None or not block.minutes or meeting.block_began_ms is None:
        return None
    return block.minutes * _MINUTE_MS - max(0, now_ms - meeting.block_began_ms)


def minutes_left(left_ms: int) -> int:
    """Return whole minutes as they are counted down: 18 until 17 are left; -1 once it is over by one."""
    return -(-left_ms // _MINUTE_MS)


def _names(title: str) -> Iterator[str]:
    """Yield ids for a title, the plainest first; b1, b2 and so on for one without Latin letters or digits."""
    folded = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", folded).strip("-")[:_MOST_SLUG].strip("-")
    if slug:
        yield slug
    yield from (f"{slug}-{number}" if slug else f"b{number}" for number in count(2 if slug else 1))
