"""The SQL of the search index, and what runs inside one of its transactions. Everything that writes is on one thread.

The index is made from the log and holds nothing else: a table of passages, and one contentless FTS5 table of terms per
language. A passage's id is its meeting's number and its own, so that hits are counted by meeting without a second
look. The `ascii` tokenizer of FTS5 parts terms at spaces and touches no other letter. The words of a speaker's name
are terms too, each behind a letter that no other term holds: to narrow by speaker is to ask for more terms.

After a delete FTS5 keeps the terms until `optimize`, and SQLite leaves copies of rows in page gaps, which only VACUUM
clears. SQLite 3.40 has neither `contentless_delete` nor FTS5's `secure-delete`.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import msgspec

from hearing.archive import analyse, query
from hearing.archive.passages import Passage
from hearing.lang import NAMES
from hearing.transcript import Mark
from hearing.wal import BUSY_MS, checkpoint

OTHER = "other"
TABLES = (*NAMES, OTHER)
_LAYOUT = 3
VERSION = _LAYOUT * 1000 + analyse.VERSION
SHIFT = 24
_WITHIN = (1 << SHIFT) - 1
_SEPARATOR = "\n"

SETTINGS = f"""
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA secure_delete = ON;
PRAGMA busy_timeout = {BUSY_MS};
"""
_FTS = "CREATE VIRTUAL TABLE IF NOT EXISTS said_{0} USING fts5 (terms, content = '', tokenize = 'ascii');\n"
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS meetings (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, epoch INTEGER NOT NULL, position INTEGER NOT NULL,
  zero_ms INTEGER NOT NULL, passages INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS passages (
  id INTEGER PRIMARY KEY, meeting INTEGER NOT NULL, channel TEXT NOT NULL, language TEXT NOT NULL,
  segment TEXT NOT NULL, t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, words TEXT NOT NULL, starts BLOB NOT NULL,
  speaker TEXT NOT NULL, mark TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS passages_by_segment ON passages (meeting, segment);
CREATE TABLE IF NOT EXISTS owed (language TEXT PRIMARY KEY) WITHOUT ROWID;
{"".join(_FTS.format(language) for language in TABLES)}
PRAGMA user_version = {VERSION};
"""
MEETING = "SELECT number, epoch, position, passages FROM meetings WHERE id = ?"
MEETINGS = "SELECT number, id, zero_ms FROM meetings"
ADD_MEETING = "INSERT INTO meetings (id, epoch, position, zero_ms, passages) VALUES (?, 0, 0, 0, 0)"
STAND = "UPDATE meetings SET epoch = ?, position = ?, zero_ms = ? WHERE number = ?"
COUNT = "UPDATE meetings SET passages = ? WHERE number = ?"
REMOVE_MEETING = "DELETE FROM meetings WHERE number = ?"
_COLUMNS = "channel, language, segment, t0, t1, words, starts, speaker, mark"
SEGMENT = f"SELECT id, {_COLUMNS} FROM passages WHERE meeting = ? AND segment = ?"  # noqa: S608 - a constant
PASSAGE = f"SELECT id, {_COLUMNS} FROM passages WHERE id = ?"  # noqa: S608 - a constant
SEGMENTS = "SELECT segment FROM passages WHERE meeting = ?"
ADD = f"INSERT INTO passages (id, meeting, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - a constant
CHANGE = "UPDATE passages SET t0 = ?, t1 = ?, words = ?, starts = ?, speaker = ?, mark = ? WHERE id = ?"
REMOVE = "DELETE FROM passages WHERE id = ?"
OWE = "INSERT OR IGNORE INTO owed VALUES (?)"
OWED = "SELECT language FROM owed"
PAID = "DELETE FROM owed"
INDEX = "INSERT INTO said_{0} (rowid, terms) VALUES (?, ?)"
UNINDEX = "INSERT INTO said_{0} (said_{0}, rowid, terms) VALUES ('delete', ?, ?)"
OPTIMIZE = "INSERT INTO said_{0} (said_{0}) VALUES ('optimize')"
ANY = "SELECT EXISTS (SELECT 1 FROM said_{0}_docsize)"
THERE = "SELECT EXISTS (SELECT 1 FROM said_{0} WHERE said_{0} MATCH ?)"
COUNTED = f"SELECT rowid >> {SHIFT}, count(*) FROM said_{{0}} WHERE said_{{0}} MATCH ? GROUP BY 1"  # noqa: S608
SPEAKERS = """
SELECT passages.speaker, count(*) FROM said_{0} JOIN passages ON passages.id = said_{0}.rowid
WHERE said_{0} MATCH ?1 AND passages.speaker <> '' AND passages.meeting IN (SELECT value FROM json_each(?2)) GROUP BY 1
"""
_FOUND = f"""
SELECT said_{{0}}.rowid, said_{{0}}.rank FROM said_{{0}}
JOIN meetings ON meetings.number = said_{{0}}.rowid >> {SHIFT}
WHERE said_{{0}} MATCH ?1 AND meetings.number IN (SELECT value FROM json_each(?2))
"""  # noqa: S608 - the braces take a name of TABLES
CLOSEST = _FOUND + "ORDER BY said_{0}.rank, meetings.zero_ms DESC, said_{0}.rowid DESC LIMIT ?3"
NEWEST = _FOUND + "ORDER BY meetings.zero_ms DESC, said_{0}.rowid DESC LIMIT ?3"


Row = tuple[int, str, str, str, int, int, str, bytes, str, Mark]


class Stored(msgspec.Struct, frozen=True):
    """How far a meeting's stream is in the index."""

    epoch: int
    position: int


class Feed(msgspec.Struct, frozen=True):
    """What a meeting's passages are now: `whole`, all of them, else those that changed. `at` is known from then on.

    Without `at` more follows: a feed that is cut short is fed again.
    """

    meeting: str
    passages: list[Passage]
    whole: frozenset[str] | None
    at: Stored | None
    zero_ms: int


def table_of(language: str) -> str:
    """Return which table a language's terms are in."""
    base = language.split("-", 1)[0]
    return base if base in NAMES else OTHER


def connect(path: Path) -> sqlite3.Connection:
    """Open the index for writing; one made by other rules is emptied first."""
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.executescript(SETTINGS)
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version not in {0, VERSION}:
        database.close()
        remove(path)
        return connect(path)
    database.executescript(SCHEMA)
    return database


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open the index for queries."""
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    database.execute("PRAGMA query_only = ON")
    return database


def remove(path: Path) -> None:
    """Delete the index's files."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def stored(database: sqlite3.Connection, meeting: str) -> Stored:
    """Return how far a meeting is known; 0 of epoch 0 where it is not."""
    row = database.execute(MEETING, (meeting,)).fetchone()
    return Stored(row[1], row[2]) if row else Stored(0, 0)


def feed(database: sqlite3.Connection, fed: Feed) -> None:
    """Bring a meeting's rows to what they are now, inside the open transaction. Twice is the same as once."""
    row = database.execute(MEETING, (fed.meeting,)).fetchone()
    if row is None:
        database.execute(ADD_MEETING, (fed.meeting,))
        row = database.execute(MEETING, (fed.meeting,)).fetchone()
    number, made = int(row[0]), int(row[3])
    fresh = made == 0
    for one in fed.passages:
        known = None if fresh else database.execute(SEGMENT, (number, one.segment)).fetchone()
        if known:
            _change(database, known, one)
        elif one.words and made < _WITHIN:
            made += 1
            _add(database, number, made, one)
    database.execute(COUNT, (made, number))
    if fed.whole is not None:
        here = [segment for (segment,) in database.execute(SEGMENTS, (number,))]
        _drop(database, number, [segment for segment in here if segment not in fed.whole])
    if fed.at:
        database.execute(STAND, (fed.at.epoch, fed.at.position, fed.zero_ms, number))


def keep(database: sqlite3.Connection, meetings: Iterable[str]) -> None:
    """Drop the meetings that are not among these."""
    kept = frozenset(meetings)
    for number, meeting, _ in database.execute(MEETINGS).fetchall():
        if meeting not in kept:
            _drop(database, number, [segment for (segment,) in database.execute(SEGMENTS, (number,))])
            database.execute(REMOVE_MEETING, (number,))


def owed(database: sqlite3.Connection) -> list[str]:
    """Return the languages of which words were removed whose bytes may be there still."""
    return [language for (language,) in database.execute(OWED)]


def rewrite(database: sqlite3.Connection) -> None:
    """Write the file anew without the bytes of what was removed; they are in the write-ahead log still."""
    for language in owed(database):
        database.execute(OPTIMIZE.format(language))
    database.execute("VACUUM")


def settle(database: sqlite3.Connection) -> bool:
    """Empty the write-ahead log, and owe nothing more; False where a reader keeps it alive."""
    if not checkpoint(database):
        return False
    database.execute(PAID)
    return True


def passage_of(row: Row) -> Passage:
    """Read a row of `PASSAGE` or `SEGMENT`."""
    _, channel, language, segment, t0, t1, words, starts, speaker, mark = row
    return Passage(channel, language, segment, t0, t1, tuple(words.split(_SEPARATOR)), starts, speaker, mark)


def _add(database: sqlite3.Connection, number: int, made: int, one: Passage) -> None:
    rowid = number << SHIFT | made
    words = _SEPARATOR.join(one.words)
    place = (rowid, number, one.channel, one.language, one.segment, one.t0, one.t1)
    database.execute(ADD, (*place, words, one.starts, one.speaker, one.mark))
    database.execute(INDEX.format(table_of(one.language)), (rowid, _terms(one)))


def _change(database: sqlite3.Connection, row: Row, one: Passage) -> None:
    known = passage_of(row)
    if not one.words or one.language != known.language:
        _take_out(database, row[0], known)
        if one.words:
            _add(database, row[0] >> SHIFT, row[0] & _WITHIN, one)
        return
    if (one.words, one.speaker) != (known.words, known.speaker):
        table = table_of(one.language)
        database.execute(UNINDEX.format(table), (row[0], _terms(known)))
        database.execute(INDEX.format(table), (row[0], _terms(one)))
        if one.words[: len(known.words)] != known.words or known.speaker not in {"", one.speaker}:
            database.execute(OWE, (table,))
    if one != known:
        now = (one.t0, one.t1, _SEPARATOR.join(one.words), one.starts, one.speaker, one.mark)
        database.execute(CHANGE, (*now, row[0]))


def _drop(database: sqlite3.Connection, number: int, segments: Iterable[str]) -> None:
    for segment in segments:
        row = database.execute(SEGMENT, (number, segment)).fetchone()
        _take_out(database, row[0], passage_of(row))


def _take_out(database: sqlite3.Connection, rowid: int, known: Passage) -> None:
    table = table_of(known.language)
    database.execute(UNINDEX.format(table), (rowid, _terms(known)))
    database.execute(REMOVE, (rowid,))
    database.execute(OWE, (table,))


def _terms(one: Passage) -> str:
    return " ".join([*analyse.terms(one.text, table_of(one.language)), *query.speaker_terms(one.speaker)])
