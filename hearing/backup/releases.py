"""Which releases of a record a log has given: a restore gives none of them to another text."""

import sqlite3

from hearing.archive.record import Numbered, renumbered
from hearing.events import ReleasesGiven, encode
from hearing.log import tables
from hearing.log.base import Record
from hearing.log.tables import Appending

_CLOSED = """
SELECT stream, min(position) FROM records WHERE stream GLOB 'public:*' AND erased = 0
AND (CAST(substr(body, 1, 16) AS TEXT) = '{"type":"ended",'
OR CAST(substr(body, 1, 24) AS TEXT) = '{"type":"releases.given"')
GROUP BY stream
"""
_SINCE = "SELECT position, body, subject, erased FROM records WHERE stream = ? AND position >= ? ORDER BY position"


def given(database: sqlite3.Connection) -> dict[str, int]:
    """Return the number of the last release of each public stream that has any, here or in a history before."""
    found = {}
    for stream, first in database.execute(_CLOSED).fetchall():
        known = Numbered()
        for position, body, subject, erased in database.execute(_SINCE, (stream, first)):
            known = renumbered(known, Record(position, b"" if erased else body, subject))
        found[stream] = max(known.number, known.lost)
    return found


def give(database: sqlite3.Connection, stream: str, through: int) -> None:
    """Say in a restored stream which numbers the lost history has used, before anything else is said there."""
    if tables.position(database, stream, None):
        body, key = encode(ReleasesGiven(through)), f"releases given {through}"
        tables.append(database, Appending(stream, [body], None, None, key))
