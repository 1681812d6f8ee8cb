"""What was taken back: erased records, withdrawn items, hidden passages, ended invitations, destroyed media.

A backup is older than what was taken back after it. The ledger says what that was, without a word of it, so that a
restore takes it back again. A record is named by its position and by its place in the hash chain: that one commits to
the record and to all before it, so nothing of another history is touched.
"""

import base64
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from hearing import durable
from hearing.backup import nameless, releases
from hearing.backup.nameless import Place
from hearing.errors import Unavailable
from hearing.log import tables
from hearing.log.tables import Appending

TAKES_BACK = (
    "invite.bound",
    "invite.revoked",
    "meeting.closed",
    "meeting.purged",
    "passage.hidden",
    "passage.shown",
    "passage.redacted",
    "words.redacted",
    "question.removed",
    "notice.removed",
    "redacted",
    "item.withdrawn",
    "item.unpublished",
    "ceiling.lowered",
    "notice.withdrawn",
    "passage.acted",
    "turn.removed",
    "record.corrected",
)
"""Events that take something back, use it up, end it, or say that it is gone. None of them has room for a text."""

_OF_SUBJECT = (
    "invite.bound",
    "invite.revoked",
    "item.withdrawn",
    "item.unpublished",
    "ceiling.lowered",
    "notice.withdrawn",
    nameless.TAG,
    "turn.removed",
)
"""Those that mean nothing where what they are about never was."""

_ERASED = "SELECT stream, position, substr(chain, 1, 16) FROM records WHERE erased = 1"
_MARKS = ", ".join("?" * (len(TAKES_BACK) + 1))
_LIVE = f"""
SELECT stream, position, substr(chain, 1, 16), subject, body FROM records
WHERE erased = 0 AND CAST(substr(body, 1, 9) AS TEXT) = '{{"type":"'
AND CAST(substr(body, 10, instr(substr(body, 10, 40), x'22') - 1) AS TEXT) IN ({_MARKS})
"""  # noqa: S608 - question marks alone
_SAYS = (
    "SELECT 1 FROM records WHERE stream = ?1 AND erased = 0 AND substr(CAST(body AS TEXT), 1, length(?2)) = ?2 LIMIT 1"
)
_MENTIONS = "SELECT 1 FROM records WHERE stream = ? AND erased = 0 AND instr(body, CAST(? AS BLOB)) LIMIT 1"
_AT = "SELECT substr(chain, 1, 16) FROM records WHERE stream = ? AND position = ?"


class Taken(msgspec.Struct, frozen=True, omit_defaults=True):
    """One record: erased where `body` is empty, else an event that takes something back, in base64.

    `noted_ms` is when it was first noted, UTC: it orders what was taken back in one history and then in the next.
    Of a changed turn, whose name is left out, `named` is the place of the record that first said it.
    """

    stream: str
    position: int
    chain: str
    noted_ms: int
    subject: str = ""
    body: str = ""
    named: Place | None = None

    @property
    def place(self) -> Place:
        """What names the record."""
        return self.stream, self.position, self.chain


class Destroyed(msgspec.Struct, frozen=True, order=True):
    """Bytes of a media file that a later backup no longer found under its name."""

    name: str
    sha256: str


class Given(msgspec.Struct, frozen=True, order=True):
    """The number of the last release of a public stream."""

    stream: str
    number: int


class Ledger(msgspec.Struct):
    """All that is known to have been taken back. `through_ms`: when the log was looked at last, UTC.

    `given`: the number of the last release of each public stream.
    """

    through_ms: int = 0
    taken: dict[Place, Taken] = msgspec.field(default_factory=dict)
    destroyed: set[Destroyed] = msgspec.field(default_factory=set)
    given: dict[str, int] = msgspec.field(default_factory=dict)

    def join(self, other: "Ledger") -> None:
        """Take in what another one knows."""
        self.through_ms = max(self.through_ms, other.through_ms)
        for one in other.taken.values():
            self.add(one)
        self.destroyed |= other.destroyed
        for stream, number in other.given.items():
            self.given[stream] = max(number, self.given.get(stream, 0))

    def add(self, one: Taken) -> None:
        """Take in a record: what was noted first stays, unless it is erased by now."""
        known = self.taken.get(one.place)
        if known is None or (known.body and not one.body):
            self.taken[one.place] = one


class _Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the file."""

    through_ms: int = 0
    taken: Taken | None = None
    destroyed: Destroyed | None = None
    given: Given | None = None


class _Told(msgspec.Struct, frozen=True):
    """What a redaction erases."""

    type: str
    positions: tuple[int, ...] = ()


_lines = msgspec.json.Decoder(_Line)
_tells = msgspec.json.Decoder(_Told)


def load(path: Path) -> Ledger:
    """Read the file; empty where there is none yet. Raises Unavailable where it is damaged."""
    found = Ledger()
    try:
        for line in path.read_bytes().splitlines():
            one = _lines.decode(line)
            found.through_ms = max(found.through_ms, one.through_ms)
            if one.taken:
                found.add(one.taken)
            found.destroyed |= {one.destroyed} if one.destroyed else set()
            found.given |= {one.given.stream: one.given.number} if one.given else {}
    except FileNotFoundError:
        return Ledger()
    except (OSError, msgspec.DecodeError) as error:
        raise Unavailable(
            f"The list of what was taken back ({path.name}) cannot be read. Without it a restore could bring back what "
            "was withdrawn or erased. Put back a copy of it, or name the old data folder with --since."
        ) from error
    return found


def save(path: Path, ledger: Ledger) -> None:
    """Write the file durably, in one step."""
    lines = [_Line(through_ms=ledger.through_ms)]
    lines += [_Line(taken=ledger.taken[place]) for place in sorted(ledger.taken)]
    lines += [_Line(destroyed=one) for one in sorted(ledger.destroyed)]
    lines += [_Line(given=Given(stream, number)) for stream, number in sorted(ledger.given.items())]
    durable.replace(path, b"".join(msgspec.json.encode(line) + b"\n" for line in lines))


def collect(database: sqlite3.Connection, now_ms: int) -> Ledger:
    """Read what was taken back out of a log."""
    ledger = Ledger(now_ms, given=releases.given(database))
    for stream, position, chain in database.execute(_ERASED):
        ledger.add(Taken(stream, position, chain.hex(), now_ms))
    for stream, position, chain, subject, body in database.execute(_LIVE, (*TAKES_BACK, nameless.TAG)).fetchall():
        kept, named = nameless.left(database, stream, subject, position, body)
        body64 = base64.b64encode(kept).decode()
        ledger.add(Taken(stream, position, chain.hex(), now_ms, subject, body64, named))
    return ledger


def apply(database: sqlite3.Connection, ledger: Ledger) -> int:
    """Take back in a restored log what the ledger knows; return how many records that changed.

    Nothing that a redaction erases is erased here: the redaction is asked for again, and the server that starts
    carries it out, which leaves the other words of the same records.
    """
    every = sorted(ledger.taken.values(), key=lambda one: (one.noted_ms, one.place))
    known = [one for one in every if _is_in(database, one)]
    here = {one.place for one in known}
    missing = [one for one in every if one.body and one.place not in here and _means(database, one, known)]
    redone = {(one.stream, at) for one in every if one.body for at in _told(one).positions}
    erased = [one for one in known if not one.body and (one.stream, one.position) not in redone]
    here_given = releases.given(database)
    lost = {stream: through for stream, through in ledger.given.items() if through > here_given.get(stream, 0)}
    database.execute("BEGIN IMMEDIATE")
    try:
        for stream, through in lost.items():
            releases.give(database, stream, through)
        changed = sum(_forget(database, one) for one in erased) + sum(_append(database, one) for one in missing)
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise
    return changed


def purged(ledger: Ledger) -> set[str]:
    """Return the meetings that were purged: nothing of them comes back."""
    events = (_event(one) for one in ledger.taken.values() if one.body)
    return {str(event.get("meeting", "")) for event in events if event.get("type") == "meeting.purged"}


def _is_in(database: sqlite3.Connection, one: Taken) -> bool:
    row = database.execute(_AT, (one.stream, one.position)).fetchone()
    return bool(row) and bytes(row[0]).hex() == one.chain


def _means(database: sqlite3.Connection, one: Taken, known: Sequence[Taken]) -> bool:
    """Tell whether an event says anything to the restored stream: one about an item it never had does not."""
    event = _event(one)
    match event.get("type"):
        case "words.redacted":
            return False
        case "redacted":
            at = event.get("position")
            return any(two.stream == one.stream and two.position == at and not two.body for two in known)
        case "question.removed" | "notice.removed" as tag:
            return bool(database.execute(_MENTIONS, (one.stream, str(event.get(tag.partition(".")[0])))).fetchone())
        case "meeting.purged" | "meeting.closed" as tag:
            before = "created" if tag == "meeting.purged" else "opened"
            said = f'{{"type":"meeting.{before}","meeting":"{event.get("meeting")}",'
            return bool(database.execute(_SAYS, (one.stream, said)).fetchone())
        case str(tag) if tag in _OF_SUBJECT:
            return tables.position(database, one.stream, one.subject) > 0
        case _:
            return tables.position(database, one.stream, None) > 0


def _told(one: Taken) -> _Told:
    """Return which records a redaction says that it erases; none where it is another event."""
    told = _tells.decode(base64.b64decode(one.body))
    return told if told.type == "words.redacted" else _Told("")


def _forget(database: sqlite3.Connection, one: Taken) -> bool:
    wanted = "SELECT erased FROM records WHERE stream = ? AND position = ?"
    if database.execute(wanted, (one.stream, one.position)).fetchone()[0]:
        return False
    tables.forget(database, one.stream, one.position)
    return True


def _append(database: sqlite3.Connection, one: Taken) -> bool:
    """Say it again, once: a backup of a restored folder holds it already, at another place."""
    body = nameless.named(database, base64.b64decode(one.body), one.named)
    key = f"taken back {one.position} {one.chain}"
    if database.execute(tables.KEY, (one.stream, key)).fetchone():
        return False
    tables.append(database, Appending(one.stream, [body], one.subject or None, None, key))
    return True


def _event(one: Taken) -> dict[str, object]:
    found: dict[str, object] = msgspec.json.decode(base64.b64decode(one.body))
    return found
