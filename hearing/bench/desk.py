"""Measure the question queue of a real server over HTTP; what its clients were answered is held to its log."""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import msgspec

from hearing.bench.child import serving
from hearing.bench.clients import DIALOGUE, Decided, Line, Moderator, Reader, Sender, text_of
from hearing.desk_events import (
    ACT_SETTLES_MS,
    DeskEvent,
    ItemDeclined,
    ItemPublished,
    ItemReceived,
    decode_desk,
    desk_stream,
)
from hearing.events import QuestionPublished, decode_public, public_stream
from hearing.house_events import Channel, MeetingCreated
from hearing.log.base import Log, Record
from hearing.log.sqlite import SqliteLog
from hearing.qa import receipt
from hearing.remote import meetings
from hearing.remote.connection import Target
from hearing.remote.invitations import invite

logger = logging.getLogger(__name__)

_MEETING = MeetingCreated(
    meeting=DIALOGUE,
    dialogue=DIALOGUE,
    title=DIALOGUE,
    profile="open",
    channels=(Channel("en", "en", 0, "floor"),),
    source="/nowhere",
)


class Spread(msgspec.Struct, frozen=True):
    """Milliseconds."""

    p50_ms: float
    p95_ms: float


class DeskFigures(msgspec.Struct, frozen=True, tag_field="bench", tag="desk"):
    """What clients were answered over HTTP, held to the log that the server left.

    `conflicts` counts decisions that came second and were told so. `lost`: answered, but not in the log. `double`: in
    the log more than once. `submit` is the answer to PUT; `queued` runs from sending until a moderator's page shows
    the item; `decide` is the answer to the form; `public` runs from the end of the ten seconds for undoing, counted
    from when publishing was asked for, until a reader of what is public has the question.
    """

    clients: int
    items: int
    resent: int
    sent_acknowledged: int
    decisions_acknowledged: int
    conflicts: int
    published: int
    lost: int
    double: int
    submit: Spread
    queued: Spread
    decide: Spread
    public: Spread | None
    load_average: float
    limited_by: str


class Told(msgspec.Struct):
    """What the clients were told, and how long it took. Times are seconds."""

    sent: list[str] = []
    decided: list[Decided] = []
    published: list[str] = []
    conflicts: int = 0
    submit_s: list[float] = []
    queued_s: list[float] = []
    decide_s: list[float] = []
    public_s: list[float] = []


def measure(folder: Path, *, clients: int, items: int, published: int) -> DeskFigures:
    """Run it on a new data folder. The items are sent, and a third sent again, by as many clients as then decide.

    Raises Unavailable where the server fails its clients.
    """
    data, told = folder / "data", Told()
    meetings.create(Target(data), _MEETING)
    with serving(folder) as address, ExitStack() as lines:

        def line() -> Line:
            return lines.enter_context(Line(address))

        links = [invite(Target(data), DIALOGUE, "moderator", f"{n}") for n in range(clients)]
        moderators = [Moderator(line(), link, number) for number, link in enumerate(links)]
        logger.info("sending items=%d clients=%d", items, clients)
        _send([Sender(line()) for _ in range(clients)], moderators[0], told, items)
        logger.info("deciding decisions=%d", items * clients)
        _decide(moderators, told, items)
        if published:
            logger.info("publishing items=%d", published)
            _publish(Reader(line()), moderators[0], told, published)
    lost, double = asyncio.run(_compare(data / "log.db", told))
    return DeskFigures(
        clients=clients,
        items=items,
        resent=sum(len(range(number, items, clients)) // 3 for number in range(clients)),
        sent_acknowledged=len(told.sent),
        decisions_acknowledged=len(told.decided),
        conflicts=told.conflicts,
        published=len(told.published),
        lost=lost,
        double=double,
        submit=_spread(told.submit_s),
        queued=_spread(told.queued_s),
        decide=_spread(told.decide_s),
        public=_spread(told.public_s) if published else None,
        load_average=round(os.getloadavg()[0], 2),
        limited_by="One process makes the pages: while many decide at once, a decision waits for the pages of others.",
    )


def _send(senders: list[Sender], watching: Moderator, told: Told, items: int) -> None:
    keys = [receipt.keys(receipt.mint()) for _ in range(items)]
    mine = [keys[number :: len(senders)] for number in range(len(senders))]
    _together(
        lambda: watching.watch(items),
        *(lambda sender=sender, part=part: sender.send_all(part) for sender, part in zip(senders, mine, strict=True)),
    )
    for sender in senders:
        told.sent += sender.acknowledged
        told.submit_s += sender.took_s
        told.queued_s += [watching.seen_s[item] - began for item, began in sender.began_s.items()]


def _decide(moderators: list[Moderator], told: Told, items: int) -> None:
    seen = moderators[0].read(items)
    _together(*(lambda moderator=moderator: moderator.decide_all(seen) for moderator in moderators))
    for moderator in moderators:
        told.decided += moderator.decided
        told.conflicts += moderator.conflicts
        told.decide_s += moderator.took_s


def _publish(reader: Reader, moderator: Moderator, told: Told, count: int) -> None:
    """Publish so many of those that were sent, and wait until a reader has each."""
    asked_s: dict[str, float] = {}
    wanted = told.sent[:count]

    def publish() -> None:
        asked_s.update((item, moderator.publish(item)) for item in wanted)

    _together(publish, lambda: reader.follow(len(wanted)))
    told.published = wanted
    told.public_s = [reader.seen_s[text_of(item)] - asked_s[item] - ACT_SETTLES_MS / 1000 for item in wanted]


def _together(*work: Callable[[], None]) -> None:
    """Do all of it at once, each in a thread. Raises the first error once all have ended."""
    with ThreadPoolExecutor(len(work)) as pool:
        for done in [pool.submit(one) for one in work]:
            done.result()


async def _compare(path: Path, told: Told) -> tuple[int, int]:
    """Hold every answer to the log; return how many are not there, and how many are there more than once."""
    async with SqliteLog(path) as log:
        records = await _records(log, desk_stream(DIALOGUE))
        public = [decode_public(record.body) for record in await _records(log, public_stream(DIALOGUE))]
    desk = [decode_desk(record.body) for record in records]
    received = _count(desk, ItemReceived)
    decided = Counter(
        Decided(event.item, event.actor.invite, event.reason) for event in desk if isinstance(event, ItemDeclined)
    )
    published = _count(desk, ItemPublished)
    shown = Counter(event.text for event in public if isinstance(event, QuestionPublished))
    lost = sum(item not in received for item in told.sent) + sum(one not in decided for one in told.decided)
    lost += sum(item not in published or text_of(item) not in shown for item in told.published)
    of_items = Counter(one.item for one in decided.elements())
    return lost, sum(count - 1 for counted in (received, of_items, published, shown) for count in counted.values())


async def _records(log: Log, stream: str) -> list[Record]:
    found: list[Record] = []
    while more := await log.read(stream, found[-1].position if found else 0, 4096):
        found += more
    return found


def _count(events: Iterable[DeskEvent | None], kind: type[ItemReceived | ItemPublished]) -> Counter[str]:
    return Counter(event.item for event in events if isinstance(event, kind))


def _spread(took_s: Iterable[float]) -> Spread:
    ordered = sorted(took_s)
    return Spread(*(round(1000 * ordered[len(ordered) * part // 100], 2) for part in (50, 95)))
