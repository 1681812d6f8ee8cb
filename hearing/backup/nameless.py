"""Turns that were changed: what takes a name back may be kept beside the backups, the name that came for it may not.

So a changed turn is kept without a name, and with the place of the record that first said the name. Where a restored
log has that record, the turn has its name again; where it has not, nobody who is known speaks. The name that was
taken back is read by nobody.
"""

import sqlite3

from hearing.events import TurnBegan, TurnChanged, decode_public, encode

TAG = "turn.changed"
Place = tuple[str, int, str]
"""A stream, a position in it, and the beginning of the hash chain there, in hex."""

_TURN = (
    "SELECT position, substr(chain, 1, 16), body FROM records"
    " WHERE stream = ? AND subject = ? AND position <= ? AND erased = 0 ORDER BY position"
)
_NAMED = "SELECT substr(chain, 1, 16), body FROM records WHERE stream = ? AND position = ? AND erased = 0"
_PUBLIC = "public:"


def left(
    database: sqlite3.Connection, stream: str, subject: str, position: int, body: bytes
) -> tuple[bytes, Place | None]:
    """Return what is kept of an event, and where the name of a changed turn was first said; else the event itself."""
    event = decode_public(body) if stream.startswith(_PUBLIC) else None
    if not isinstance(event, TurnChanged):
        return body, None
    place: Place | None = None
    before: tuple[str, str, str] | None = None
    for at, chain, known in database.execute(_TURN, (stream, subject, position)):
        said = decode_public(known)
        if isinstance(said, TurnBegan | TurnChanged) and (said.name, said.title, said.side) != before:
            place, before = (stream, at, chain.hex()), (said.name, said.title, said.side)
    return encode(TurnChanged(event.turn, event.t)), place


def named(database: sqlite3.Connection, body: bytes, place: Place | None) -> bytes:
    """Return an event as it is said again: a changed turn with its name where the restored log knows it."""
    row = database.execute(_NAMED, place[:2]).fetchone() if place else None
    if place is None or row is None or bytes(row[0]).hex() != place[2]:
        return body
    changed, event = decode_public(body), decode_public(row[1])
    if not isinstance(changed, TurnChanged) or not isinstance(event, TurnBegan | TurnChanged):
        return body
    return encode(TurnChanged(changed.turn, changed.t, event.name, event.title, event.side))
