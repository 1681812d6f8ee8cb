"""The feed never sends a hidden word: to who is there, to who comes back at any cursor, in words, times or drafts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from hearing.archive.exports import EXPORTS
from hearing.board.memory import MemoryBoard
from hearing.events import PassageHidden, PassageShown, encode, public_stream
from hearing.lang import join
from hearing.log.memory import MemoryLog
from hearing.log.window import Windows
from hearing.meeting import Meeting
from hearing.site.answers import segment_answer
from hearing.site.exporting import catalogues, writer
from hearing.site.feed import Cursor, Source, _Reader
from hearing.site.folds import Folds
from tests.scene import CHANNELS, Scene, Step, steps
from tests.site.serving import MEETING, meeting

STREAM = public_stream(MEETING)
WORDS = catalogues()


class Client:
    """What a reader of one channel holds, by the rules of docs/api.md."""

    def __init__(self, folds: Folds, channel: str) -> None:
        self._folds = folds
        self._channel = channel
        self.held: dict[str, list[str]] = {}
        self.draft = ""
        self.raw = b""
        self.seen = 0

    async def emit(self, chunk: bytes) -> None:
        self.raw += chunk
        for block in chunk.decode().split("\n\n"):
            fields = dict(line.partition(": ")[::2] for line in block.splitlines() if not line.startswith(":"))
            if fields.get("id"):
                self.seen = max(self.seen, int(fields["id"].split(".")[1]))
            if "data" in fields:
                await self._take(fields["event"], msgspec.json.decode(fields["data"]))

    async def _take(self, name: str, body: dict[str, object]) -> None:
        match name:
            case "words":
                known = self.held.setdefault(str(body["segment"]), [])
                if body["first_word"] == len(known):
                    known += msgspec.convert(body["words"], list[str])
            case "segment":
                self.held[str(body["segment"])] = str(body["text"]).split()
            case "kept":
                self.held[str(body["segment"])] = str(body["text"]).split()
            case "hidden":
                for segment in msgspec.convert(body["segments"], list[str]):
                    self.held[segment] = []
            case "shown":
                await self._read_again()
            case "draft":
                self.draft = str(body["text"])
            case _:
                pass

    async def _read_again(self) -> None:
        fold = await self._folds.of(MEETING)
        said = fold.transcript.channel(self._channel).segments
        self.held = {segment.id: join(segment.words, self._channel).split() for segment in said}


class World:
    """A log, and what reads it."""

    def __init__(self, log: MemoryLog, board: MemoryBoard, windows: Windows) -> None:
        self.log, self.board = log, board
        self.folds = Folds(log, windows)
        self.source = Source(log, windows, board, self.folds)
        self.sent = 0

    @contextlib.asynccontextmanager
    async def reader(self, channel: str, position: int = 0) -> AsyncIterator[Client]:
        client = Client(self.folds, channel)
        reader = _Reader(self.source, Meeting(meeting(), "open"), channel, drafts=True)
        work = asyncio.ensure_future(reader.run(Cursor(1, position), client.emit))
        try:
            yield client
            await self.settled(reader)
        finally:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work

    async def settled(self, reader: _Reader) -> None:
        head = await self.log.head(STREAM)
        async with asyncio.timeout(60):
            while reader._position < head or reader._news:
                await asyncio.sleep(0)

    async def tell(self, scene: Scene) -> None:
        for event in scene.events[self.sent :]:
            await self.log.append(STREAM, [encode(event)])
        self.sent = len(scene.events)


@contextlib.asynccontextmanager
async def world() -> AsyncIterator[World]:
    async with MemoryLog() as log, MemoryBoard() as board, Windows(log) as windows:
        yield World(log, board, windows)


def found(text: str, words: set[str]) -> set[str]:
    return {word for word in words if word in text}


@settings(max_examples=60, deadline=None)
@given(steps, st.data())
def test_no_reader_gets_a_hidden_word_and_all_hold_what_the_fold_holds(played: list[Step], data: st.DataObject) -> None:
    async def run() -> None:
        async with world() as here:
            scene = Scene()
            held: list[Client] = []
            for step in played:
                scene.step(step)
                await here.tell(scene)
            at = data.draw(st.integers(0, await here.log.head(STREAM)))
            for channel in CHANNELS:
                async with here.reader(channel, at) as client:
                    held.append(client)
                assert not found(client.raw.decode(), scene.forbidden())
            fold = await here.folds.of(MEETING)
            for one in meeting().channels:
                said = fold.transcript.channel(one.id)
                texts = [segment_answer(segment, one.language).text for segment in said.segments]
                for kind in EXPORTS:
                    texts.append(
                        writer(Meeting(meeting()), fold, (one.id, kind), WORDS, "")().decode("utf-8", "ignore")
                    )
                assert not found("".join(texts), scene.forbidden())

    asyncio.run(run())


@settings(max_examples=40, deadline=None)
@given(steps)
def test_who_was_there_all_along_drops_what_is_hidden_and_gets_it_back(played: list[Step]) -> None:
    async def run() -> None:
        async with world() as here:
            scene = Scene()
            position = 0
            client = Client(here.folds, "en")
            for step in played:
                scene.step(step)
                await here.tell(scene)
                async with here.reader("en", position) as part:
                    part.held = client.held
                client, position = part, await here.log.head(STREAM)
                held = {word for words in client.held.values() for word in words}
                assert not held & scene.forbidden()
            fold = await here.folds.of(MEETING)
            said = fold.transcript.channel("en").segments
            assert client.held == {segment.id: segment.words for segment in said}

    asyncio.run(run())


async def test_a_draft_that_may_hold_the_name_is_taken_away_and_withheld() -> None:
    async with world() as here:
        scene = Scene(now=60_000)
        scene.step(Step("say", "en", 3, 0))
        scene.step(Step("close", "en", 1))
        await here.tell(scene)
        async with here.reader("en") as client:
            await put(here, "the name aloud")
            await until(lambda: client.draft == "the name aloud")
            hiding = [PassageHidden("p", 55_000, 75_000)]
            await here.log.append(STREAM, [encode(event) for event in hiding])
            await until(lambda: client.draft == "" and b"event: hidden" in client.raw)
            before = client.raw.count(b"event: draft")
            await put(here, "the name aloud again")
            scene.step(Step("say", "en", 2, 0))
            await here.tell(scene)
            await until(lambda: client.seen == here_head(scene) + 1)
            assert b"aloud again" not in client.raw
            assert client.raw.count(b"event: draft") == before, "nothing is said twice of what is withheld"
            await here.log.append(STREAM, [encode(PassageShown("p"))])
            await put(here, "something else")
            await until(lambda: client.draft == "something else")


def here_head(scene: Scene) -> int:
    return len(scene.events)


async def put(here: World, text: str) -> None:
    body = msgspec.json.encode({"segment": "en.1", "after": 0, "text": text})
    await here.board.put(f"draft:{MEETING}:en", body, 60)


async def until(condition: object) -> None:
    async with asyncio.timeout(60):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0)
