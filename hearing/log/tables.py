"""The SQL of the SQLite log, and what runs inside one of its transactions. Everything here runs on one thread.

A record's row never moves in the file: rows are added at the end of a table in rowid order, none is deleted, and
`forget` overwrites a row with zeros of the same length. Where SQLite moves rows from page to page it leaves copies in
the gaps, out of reach of secure_delete: of 2,000 records erased from a table in (stream, position) order, 29 were left.
"""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from hearing import wal
from hearing.errors import Conflict, NotFound, Unavailable
from hearing.log.base import Record
from hearing.log.rules import FIRST_CHAIN, SALT_BYTES, Checking, commit_to, link

VERSION = 1
LAST_POSITION = 2**63 - 1
READ_BYTES = 8 * 1024 * 1024

SETTINGS = f"""
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA secure_delete = ON;
PRAGMA busy_timeout = {wal.BUSY_MS};
"""
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS streams (
  stream TEXT PRIMARY KEY, head INTEGER NOT NULL, epoch INTEGER NOT NULL, chain BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
  id INTEGER PRIMARY KEY, stream TEXT NOT NULL, position INTEGER NOT NULL, subject TEXT NOT NULL,
  commitment BLOB NOT NULL, chain BLOB NOT NULL, erased INTEGER NOT NULL, salt BLOB NOT NULL, body BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS records_by_position ON records (stream, position);
CREATE TABLE IF NOT EXISTS subjects (
  stream TEXT NOT NULL, subject TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (stream, subject)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS keys (
  stream TEXT NOT NULL, key TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (stream, key)
) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
"""
STREAM = "SELECT head, chain FROM streams WHERE stream = ?"
EPOCH = "SELECT epoch FROM streams WHERE stream = ?"
SUBJECT = "SELECT position FROM subjects WHERE stream = ? AND subject = ?"
KEY = "SELECT position FROM keys WHERE stream = ? AND key = ?"
INSERT = (
    "INSERT INTO records (stream, position, subject, commitment, chain, erased, salt, body)"
    " VALUES (?, ?, ?, ?, ?, 0, ?, ?)"
)
GROW = (
    "INSERT INTO streams VALUES (?1, ?2, 1, ?3) ON CONFLICT (stream) DO UPDATE SET head = excluded.head,"
    " chain = excluded.chain"
)
POINT = "INSERT INTO subjects VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET position = excluded.position"
REMEMBER = "INSERT INTO keys VALUES (?, ?, ?)"
READ = (
    "SELECT position, CASE WHEN erased THEN x'' ELSE body END, subject FROM records"
    " WHERE stream = ? AND position > ? ORDER BY position LIMIT ?"
)
FORGET = (
    "UPDATE records SET erased = 1, salt = zeroblob(length(salt)), body = zeroblob(length(body))"
    " WHERE stream = ? AND position = ?"
)
FORGET_SOME = (
    "UPDATE records SET erased = 1, salt = zeroblob(length(salt)), body = zeroblob(length(body)),"
    " subject = CAST(zeroblob(length(CAST(subject AS BLOB))) AS TEXT) WHERE stream = ? AND position BETWEEN ? AND ?"
)
FORGET_SUBJECTS = "DELETE FROM subjects WHERE stream = ?"
FORGET_KEYS = "DELETE FROM keys WHERE stream = ?"
RENEW = "UPDATE streams SET epoch = epoch + 1 WHERE stream = ?"
LEFT = (
    "SELECT EXISTS (SELECT 1 FROM records WHERE stream = ?1 AND erased = 0)"
    " OR EXISTS (SELECT 1 FROM subjects WHERE stream = ?1) OR EXISTS (SELECT 1 FROM keys WHERE stream = ?1)"
)
CHAIN = (
    "SELECT position, erased, CAST(salt AS BLOB), CAST(body AS BLOB), commitment, chain FROM records"
    " WHERE stream = ? ORDER BY position"
)


class Appending(msgspec.Struct, frozen=True):
    """One append that waits for its transaction."""

    stream: str
    bodies: Sequence[bytes]
    subject: str | None
    expect: int | None
    key: str | None


def connect(path: Path) -> sqlite3.Connection:
    """Open the database for writing. Raises Unavailable for one of a later release, or one that cannot be opened."""
    try:
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        database.executescript(SETTINGS)
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            database.close()
            raise Unavailable("This log was written by a later release of hearing. Use that release, or a newer one.")
        database.executescript(SCHEMA)
        wal.checkpoint(database)  # an erase that a crash cut short ends here
    except sqlite3.Error as error:
        raise Unavailable(f"The log cannot be opened: {error}. Check the disk and who owns the data folder.") from error
    return database


def append(database: sqlite3.Connection, wanted: Appending) -> int:
    """Write one append inside the open transaction. Raises Conflict before anything of it is written."""
    stream = wanted.stream
    if wanted.key is not None and (known := database.execute(KEY, (stream, wanted.key)).fetchone()):
        return int(known[0])
    row = database.execute(STREAM, (stream,)).fetchone()
    head, chain = (int(row[0]), bytes(row[1])) if row else (0, FIRST_CHAIN)
    _check(database, wanted, head)
    rows = []
    for body in wanted.bodies:
        head += 1
        salt = os.urandom(SALT_BYTES)
        commitment = commit_to(salt, body)
        chain = link(chain, commitment)
        rows.append((stream, head, wanted.subject or "", commitment, chain, salt, body))
    database.executemany(INSERT, rows)
    database.execute(GROW, (stream, head, chain))
    if wanted.subject is not None:
        database.execute(POINT, (stream, wanted.subject, head))
    if wanted.key is not None:
        database.execute(REMEMBER, (stream, wanted.key, head))
    return head


def _check(database: sqlite3.Connection, wanted: Appending, head: int) -> None:
    if wanted.expect is None:
        return
    found = head if wanted.subject is None else position(database, wanted.stream, wanted.subject)
    if found != wanted.expect:
        raise Conflict(
            f"Somebody else wrote first: expected position {wanted.expect}, found {found}. Read and decide again."
        )


def position(database: sqlite3.Connection, stream: str, subject: str | None) -> int:
    """Return the last position of a stream, or of a subject in it; 0 where there is none."""
    if subject is None:
        row = database.execute(STREAM, (stream,)).fetchone()
    else:
        row = database.execute(SUBJECT, (stream, subject)).fetchone()
    return int(row[0]) if row else 0


def epoch(database: sqlite3.Connection, stream: str) -> int:
    """Return the stream's incarnation; 1 for one that has nothing yet."""
    row = database.execute(EPOCH, (stream,)).fetchone()
    return int(row[0]) if row else 1


def read(database: sqlite3.Connection, stream: str, after: int, limit: int) -> list[Record]:
    """Return records past `after`, at least one where there is one, then up to 8 MiB. No transaction stays open."""
    after = max(0, min(after, LAST_POSITION))
    records: list[Record] = []
    size = 0
    with closing(database.execute(READ, (stream, after, limit))) as rows:
        for at, body, subject in rows:
            record = Record(at, body, subject.strip("\0"))  # no subject holds one: it was overwritten
            size += len(record.body)
            if records and size > READ_BYTES:
                break
            records.append(record)
    return records


def forget(database: sqlite3.Connection, stream: str, at: int) -> None:
    """Overwrite one record's salt and body in a transaction of its own. Raises NotFound."""
    if not 1 <= at <= LAST_POSITION or database.execute(FORGET, (stream, at)).rowcount == 0:
        raise NotFound("There is no record at this position.")


def forget_some(database: sqlite3.Connection, stream: str, after: int, count: int) -> int:
    """Overwrite salt, body and subject of `count` positions past `after`; return how many there were."""
    return database.execute(FORGET_SOME, (stream, after + 1, after + count)).rowcount


def renew(database: sqlite3.Connection, stream: str) -> None:
    """Begin the stream's next incarnation: no key, subject or cursor of the one before means anything in it."""
    for statement in (FORGET_SUBJECTS, FORGET_KEYS, RENEW):
        database.execute(statement, (stream,))


def holds(database: sqlite3.Connection, stream: str) -> bool:
    """Tell whether the stream has anything left to forget."""
    return bool(database.execute(LEFT, (stream,)).fetchone()[0])


def verify(database: sqlite3.Connection, stream: str) -> int | None:
    """Return the first position whose chain does not hold, None where all do. Erased records keep their link."""
    checking = Checking()
    for position, erased, salt, body, commitment, chain in database.execute(CHAIN, (stream,)):
        if not checking.holds(position, erased=bool(erased), salt=salt, body=body, commitment=commitment, chain=chain):
            return checking.at
    head, chain = database.execute(STREAM, (stream,)).fetchone() or (0, FIRST_CHAIN)
    return checking.ends(int(head), bytes(chain))
