"""What the tests of the question queues share: a clock that is set, a house with two dialogues, people."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from hearing.access import Capability
from hearing.board.memory import MemoryBoard
from hearing.events import PublicEvent, decode_public, encode, public_stream
from hearing.house_events import HOUSE, Channel, HouseEvent, MeetingClosed, MeetingCreated, MeetingOpened
from hearing.log.base import Log, Record
from hearing.log.sqlite import SqliteLog
from hearing.qa import receipt
from hearing.qa.intake import Submission
from hearing.qa.office import Office
from hearing.qa.receipt import Keys

NEEDLE = "the-well-behind-the-school"
OPEN, CLOSED = "briefing", "valdoria"
MODERATOR = Capability("moderator", OPEN, "aa" * 8)
OTHER = Capability("moderator", OPEN, "bb" * 8)
STAFF = Capability("staff", "")
SETTLED = 10_000


class Clock:
    """UTC milliseconds, moved by hand."""

    def __init__(self) -> None:
        self.ms = 1_800_000_123_456

    def __call__(self) -> int:
        return self.ms

    def settle(self) -> None:
        """Let ten seconds pass, so that no act so far can be undone."""
        self.ms += SETTLED


def meeting(name: str, dialogue: str = OPEN, starts_ms: int = 1, **changes: object) -> MeetingCreated:
    made = MeetingCreated(
        meeting=name,
        dialogue=dialogue,
        title=name,
        profile="open" if dialogue == OPEN else "treaty-body",
        channels=(Channel("en", "en", 0, "floor"),),
        source="/nowhere.mkv",
        starts_ms=starts_ms,
    )
    return msgspec.structs.replace(made, **changes)


async def house(log: Log, *events: HouseEvent) -> None:
    await log.append(HOUSE, [encode(event) for event in events])


async def furnish(log: Log) -> None:
    """Create an open dialogue of two meetings, the first of them open, and a confidential one."""
    if not await log.read(HOUSE, 0):
        made = (meeting("b1", starts_ms=1), meeting("b2", starts_ms=2), meeting("v1", CLOSED), MeetingOpened("b1", 1))
        await house(log, *made)


async def next_meeting(log: Log) -> None:
    await house(log, MeetingClosed("b1", 2), MeetingOpened("b2", 3))


@asynccontextmanager
async def office(folder: Path, clock: Clock) -> AsyncIterator[tuple[Office, SqliteLog]]:
    """Open an office on a data folder, furnished; its key file lies beside the folder."""
    data = folder / "data"
    data.mkdir(exist_ok=True)
    key_file = folder / "state" / "kek"
    async with (
        SqliteLog(data / "log.db") as log,
        MemoryBoard() as board,
    ):
        await furnish(log)
        async with Office(log, board, vault=data / "vault.db", key_file=key_file, now_ms=clock) as opened:
            yield opened, log


def question(text: str = f"What of {NEEDLE}?", **changes: object) -> Submission:
    asked = Submission("question", text, "en", "public-text")
    return msgspec.structs.replace(asked, **changes)


def new_keys() -> Keys:
    return receipt.keys(receipt.mint())


async def records(log: Log, stream: str) -> list[Record]:
    found: list[Record] = []
    while more := await log.read(stream, found[-1].position if found else 0):
        found += more
    return found


async def public(log: Log, *meetings: str) -> list[PublicEvent]:
    """Return every public event of these meetings."""
    found = [decode_public(record.body) for name in meetings for record in await records(log, public_stream(name))]
    return [event for event in found if event]


def holding(folder: Path, needle: str | bytes) -> list[str]:
    """Return the files under a folder that hold the needle."""
    wanted = needle.encode() if isinstance(needle, str) else needle
    return [path.name for path in folder.rglob("*") if path.is_file() and wanted in path.read_bytes()]
