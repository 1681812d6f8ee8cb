"""A site on a real socket, over memory: meetings, a scripted hearing in four languages, and a fake recording."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import msgspec
import uvicorn
from starlette.routing import BaseRoute

from hearing import redaction
from hearing.archive.feeder import Feeder
from hearing.archive.index import Index
from hearing.archive.search import Search
from hearing.board.memory import MemoryBoard
from hearing.errors import HearingError
from hearing.events import (
    ClockStarted,
    PassageRedacted,
    PublicEvent,
    RunStarted,
    SegmentClosed,
    WordsCommitted,
    channel_subject,
    encode,
    public_stream,
)
from hearing.finding import Finding
from hearing.house import HouseKeeper
from hearing.house_events import Channel, MeetingCreated
from hearing.lang import spaced
from hearing.log.memory import MemoryLog
from hearing.log.window import Windows
from hearing.qa.office import Office
from hearing.redacting import read_on
from hearing.redaction import Account, Wanted
from hearing.site import captioning
from hearing.site.assemble import assemble
from hearing.site.leaving import Leaving
from hearing.site.show import Track
from hearing.sources import Sources
from hearing.stream.address import Rules, is_address, read
from hearing.transcribe.dispatch import Dispatch
from hearing.transcribe.typed import Hand

TOKEN = "-".join(["a", "staff", "token", "for", "these", "tests"])
ZERO_MS = 1_794_128_520_000  # 8 November 2026, 10:02 in Geneva
MEETING = "arlandia"
CHANNELS = (
    Channel("en", "en", 0, "floor"),
    Channel("fr", "fr", 1),
    Channel("ar", "ar", 2),
    Channel("zh", "zh", 3),
)
SPEECH = {
    "en": (
        "Thank you, Madam Chair. I turn to article 9.",
        "The State party’s replies tell us that the law sets a limit of 48 hours before a detained person is brought "
        "before a judge. What they do not tell us is how often that limit is kept.",
        "We have asked for the number of persons held longer than 48 hours, by region and by year.",
        "May I ask the delegation whether those figures exist, and if they do, why they are not before us?",
        "Thank you, Madam Chair. The figures are collected by the regional courts.",
        "For last year the Ministry of Justice has received reports from eleven of fourteen regions. We are ready to "
        "submit them in writing within the forty-eight hours that the Committee allows.",
    ),
    "fr": (
        "Merci, Madame la Présidente. J’en viens à l’article 9.",
        "Les réponses de l’État partie nous disent que la loi fixe une limite de 48 heures.",
        "Nous avons demandé le nombre de personnes détenues plus longtemps, par région et par année.",
    ),
    "ar": (
        "شكرًا السيدة الرئيسة. أنتقل إلى المادة 9.",
        "تفيد ردود الدولة الطرف بأن القانون يحدد مهلة 48 ساعة لعرض الشخص المحتجز على قاضٍ، غير أنها لا تبيّن لنا كم مرة "
        "جرى احترام هذه المهلة.",
        "لقد طلبنا عدد الأشخاص الذين احتُجزوا أكثر من 48 ساعة، بحسب المنطقة والسنة.",
        "فهل لي أن أسأل الوفد إن كانت هذه الأرقام موجودة، وإن وُجدت فلماذا لم تُعرض علينا؟",
    ),
    "zh": (
        "谢谢主席女士。我现在谈谈第九条。",
        "缔约国的答复告诉我们，法律规定被拘留者应在四十八小时内被带见法官。",
        "我们曾要求按地区和年份提供被关押超过四十八小时的人数。",
    ),
}
HOSTILE = "<script>alert(1)</script> --> ]]> &amp; \u202eevil\u202c \u2066<b>bold</b>\u2069 {{ 7*7 }} {n}"


def meeting(meeting_id: str = MEETING, **changes: object) -> MeetingCreated:
    """Return a meeting of four channels."""
    created = MeetingCreated(
        meeting_id,
        "arl",
        "Arlandia",
        "treaty-body",
        CHANNELS,
        "/secret/source.mp4",
        "Human Rights Committee, 148th session",
    )
    return msgspec.structs.replace(created, created_ms=ZERO_MS - 60_000, **changes)


class Speaker:
    """Appends to a meeting's public stream as the relay and the workers do."""

    def __init__(self, log: MemoryLog, meeting_id: str = MEETING) -> None:
        self._log = log
        self._stream = public_stream(meeting_id)
        self._next: dict[str, int] = {}
        self._t: dict[str, int] = {}

    async def tell(self, *events: PublicEvent, subject: str | None = None) -> int:
        """Append events."""
        return await self._log.append(self._stream, [encode(event) for event in events], subject=subject)

    async def begin(self) -> None:
        """Start the clock and the first run."""
        await self.tell(ClockStarted(ZERO_MS), RunStarted(1, 0))

    async def words(self, channel: str, text: str, *, more: bool = False) -> str:
        """Commit one segment's words in two steps; unless `more` comes, close it. Return its id."""
        number = self._next.get(channel, 0)
        self._next[channel] = number + 1
        segment = f"{channel}.{number}"
        words = tuple(text.split(" ")) if spaced(channel) else tuple(text)
        half = max(1, len(words) // 2)
        start = self._t.get(channel, 0)
        for first, part in ((0, words[:half]), (half, words[half:])):
            if part:
                t = start + 300 * (first + len(part))
                await self.tell(WordsCommitted(channel, segment, first, part, t * 16), subject=channel_subject(channel))
        end = start + 300 * len(words)
        self._t[channel] = end + 500
        if not more:
            times = tuple((start + 300 * n, start + 300 * (n + 1)) for n in range(len(words)))
            await self.tell(SegmentClosed(channel, segment, start, end, times), subject=channel_subject(channel))
        return segment

    async def speak(self, rounds: int = 1) -> None:
        """Say the whole script on all channels."""
        for _ in range(rounds):
            for channel, lines in SPEECH.items():
                for line in lines:
                    await self.words(channel, line)


class Staffing:
    """Staff acts over the real house."""

    def __init__(self, keeper: HouseKeeper) -> None:
        self._keeper = keeper
        self._sources = Sources(Rules(), Path())

    def allows(self, token: str) -> bool:
        """Know one token."""
        return token == TOKEN

    def near(self, token: str) -> bool:
        """Know nobody on this machine."""
        return False

    async def create(self, wanted: MeetingCreated, *, near: bool = False) -> None:
        """Create."""
        _check_source(wanted)
        await self._keeper.create(wanted)

    async def change(self, wanted: MeetingCreated) -> None:
        """Set up anew."""
        _check_source(wanted)
        await self._keeper.change(wanted)

    async def begin_block(self, meeting: str, block: str) -> None:
        """Go on to a block."""
        await self._keeper.begin_block(meeting, block)

    async def open(self, meeting: str) -> None:
        """Open."""
        await self._keeper.open(meeting)

    async def close(self, meeting: str) -> None:
        """Close."""
        await self._keeper.close(meeting)

    async def rehearse(self, meeting: str) -> str:
        """Rehearse."""
        return await self._keeper.rehearse(meeting)

    async def purge(self, meeting: str) -> None:
        """Purge; nobody erases here."""
        await self._keeper.purge(meeting)

    async def account(self, meeting: str) -> Account:
        """Read the stream."""
        return await read_on(self._keeper._log, meeting, Account())

    async def redact(self, meeting: str, wanted: Wanted) -> bool:
        """Ask as the redactor does, and do no more: nobody carries it out here."""
        redaction.check(wanted)
        event = PassageRedacted(wanted.redaction, wanted.basis, wanted.cuts, ZERO_MS, wanted.picture, wanted.margin_ms)
        await self._keeper._log.append(public_stream(meeting), [encode(event)], key=wanted.redaction)
        return False

    def masked(self, source: str) -> str:
        """Hide what stands behind a question mark."""
        return f"{source.partition('?')[0]}?…" if "?" in source else source

    def seen(self, created: MeetingCreated) -> str:
        """Name how a meeting is set up."""
        return self._sources.seen(created)

    async def readiness(self, meeting: str) -> list[Finding]:
        """Find one thing of every kind."""
        about: dict[str, str | int] = {
            "track": 2,
            "channel": self._keeper.house().meeting(meeting).created.channels[1].id,
        }
        return [Finding("tracks", "warn", "track-silent", about), Finding("clock", "go", "clock-kept")]


def _check_source(wanted: MeetingCreated) -> None:
    if is_address(wanted.source):
        read(wanted.source, Rules(hosts=("live.example.org",)))


class Serving(msgspec.Struct):
    """A running site and what is behind it."""

    url: str
    log: MemoryLog
    board: MemoryBoard
    keeper: HouseKeeper
    speaker: Speaker
    port: int
    tracks: list[Track]
    dispatch: Dispatch


async def no_tracks(_meeting: str) -> Sequence[Track]:
    """Nothing was recorded."""
    return []


@contextlib.asynccontextmanager
async def fed(path: Path, keeper: HouseKeeper, log: MemoryLog) -> AsyncIterator[Search]:
    """Keep an index of the log, as a server does."""
    async with Index(path) as opened:
        feeder = Feeder(keeper.house, log, opened, settle_s=0)
        following = asyncio.create_task(feeder.run(keeper.changed))
        try:
            yield Search(opened, keeper.house, feeder)
        finally:
            following.cancel()
            await asyncio.wait({following})


@contextlib.asynccontextmanager
async def serving(
    *,
    log: MemoryLog | None = None,
    port: int = 0,
    more: Callable[[], Sequence[BaseRoute]] = list,
    recorded: Sequence[Track] = (),
    office: Office | None = None,
    now_ms: Callable[[], int] = lambda: ZERO_MS,
    index: Path | None = None,
    hand: Hand | None = None,
) -> AsyncIterator[Serving]:
    """Serve on a port until the context ends; a log that is given outlives it. With an index, it can be searched.

    With an office, captions are taken for meetings that a test attaches to the dispatch.
    """
    kept = log is not None
    log = log or MemoryLog()
    tracks = list(recorded)

    async def media(_meeting: str) -> Sequence[Track]:
        return tracks

    async with (
        contextlib.nullcontext() if kept else log,
        MemoryBoard() as board,
        Windows(log) as windows,
        contextlib.AsyncExitStack() as searched,
    ):
        keeper = await HouseKeeper(log, now_ms).start()
        dispatch = Dispatch(log, board, hand)
        hands = captioning.routes(office, keeper.house, Staffing(keeper), dispatch) if office else []
        feeding = await searched.enter_async_context(fed(index, keeper, log)) if index else None
        app = Leaving(
            assemble(
                log=log,
                windows=windows,
                board=board,
                house=keeper.house,
                staff=Staffing(keeper),
                media=media,
                more=[*more(), *hands],
                office=office,
                now_ms=now_ms,
                search=feeding,
                dispatch=dispatch,
            )
        )
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        port = sock.getsockname()[1]
        config = uvicorn.Config(
            app, lifespan="off", log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
        async with asyncio.TaskGroup() as group:
            task = group.create_task(server.serve(sockets=[sock]))
            dispatching = group.create_task(dispatch.run())
            async with asyncio.timeout(60):
                while not server.started:
                    await asyncio.sleep(0.01)
            try:
                yield Serving(f"http://127.0.0.1:{port}", log, board, keeper, Speaker(log), port, tracks, dispatch)
            finally:
                dispatching.cancel()
                app.leave()
                server.should_exit = True
                with contextlib.suppress(HearingError):
                    await asyncio.wait({task}, timeout=5)


async def hold_meeting(site: Serving, rounds: int = 1, *, open_it: bool = True) -> None:
    """Create the meeting, open it and let it speak."""
    await site.keeper.create(meeting())
    if open_it:
        await site.keeper.open(MEETING)
        await site.speaker.begin()
        await site.speaker.speak(rounds)
