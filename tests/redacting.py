"""A hearing with a name in it: said on the floor and, later, by an interpreter; recorded with tones, and a picture."""

import asyncio
import io
import zipfile
from pathlib import Path

import numpy as np

from hearing.events import Cut, Ended, SegmentClosed, WordsCommitted, channel_subject, encode, public_stream
from hearing.house import HouseKeeper
from hearing.log.base import Log
from hearing.log.sqlite import SqliteLog
from hearing.store.base import Store
from hearing.store.folder import FolderStore
from hearing.stream.relay import Relay
from tests.stream.made import Floats, decoded, make
from tests.stream.relaying import HURRY_S, KeptEar, meeting

NAME = "Zyxwvuqa"
SECONDS = 16.0
WORD_MS = 400
SAID = {
    "en": (
        (1000, "Thank you, Madam Chair, for the floor."),
        (4000, f"The judge said that {NAME} was held for nine days."),
        (9000, "We ask for the figures."),
    ),
    "fr": (
        (1600, "Merci, Madame la Présidente."),
        (6000, f"Le juge a dit que {NAME} fut détenue neuf jours."),
        (11000, "Nous demandons les chiffres."),
    ),
}
"""Per channel: when each segment begins, and what it says; each word takes WORD_MS."""

HELD = {"en": (5600, 6000), "fr": (8000, 8400)}
"""When the name is said."""

WORDS = {"en": "en.1.4", "fr": "fr.1.5"}


async def nothing_else(_meeting: str, _cuts: tuple[Cut, ...], _position: int) -> None:
    """Nobody else keeps anything here."""


async def say(log: Log, meeting_id: str = "one") -> None:
    """Say it all, each segment in three commits and a close, as workers do."""
    for channel, segments in SAID.items():
        for number, (start, text) in enumerate(segments):
            await say_segment(log, (channel, number, start), text.split(" "), meeting_id)


async def say_segment(
    log: Log, place: tuple[str, int, int], words: list[str], meeting_id: str = "one", *, close: bool = True
) -> None:
    """Say one segment: `place` is its channel, its number and when it begins."""
    channel, number, start = place
    stream, segment, subject = public_stream(meeting_id), f"{channel}.{number}", channel_subject(channel)
    step = max(1, len(words) // 3)
    for first in range(0, len(words), step):
        part = tuple(words[first : first + step])
        through = (start + (first + len(part)) * WORD_MS) * 16
        await log.append(stream, [encode(WordsCommitted(channel, segment, first, part, through))], subject=subject)
    if close:
        await close_segment(log, place, len(words), meeting_id)


async def close_segment(log: Log, place: tuple[str, int, int], count: int, meeting_id: str = "one") -> None:
    """Give a segment its times."""
    channel, number, start = place
    times = tuple((start + n * WORD_MS, start + (n + 1) * WORD_MS) for n in range(count))
    event = SegmentClosed(channel, f"{channel}.{number}", start, times[-1][1], times)
    await log.append(public_stream(meeting_id), [encode(event)], subject=channel_subject(channel))


async def record(log: Log, store: Store, folder: Path, codec: str = "aac") -> None:
    """Record the meeting `one`: a tone that never pauses on the floor and, an octave up, in French; and a picture."""
    source = make(
        folder / "source.mkv",
        codec,
        seconds=(SECONDS, SECONDS),
        picture="libx264",
        beeps=[n / 10 for n in range(int(SECONDS * 10))],
    )
    one = meeting(source, "en", "fr")
    await Relay(
        one, log=log, store=store, ear=KeptEar(), monotonic_s=lambda: asyncio.get_event_loop().time() - HURRY_S
    ).run()


async def held(data: Path, *, closed: bool = True) -> None:
    """Leave a data folder as a server leaves it after such a hearing."""
    data.mkdir(mode=0o700)
    async with SqliteLog(data / "log.db") as log, FolderStore(data / "media") as store:
        keeper = await HouseKeeper(log, lambda: 7).start()
        await keeper.create(meeting(data.parent / "source.mkv", "en", "fr").created)
        await keeper.open("one")
        await record(log, store, data.parent)
        await say(log)
        if closed:
            await keeper.close("one")
            await log.append(public_stream("one"), [encode(Ended(int(SECONDS * 1000)))], key="ended")


def sound(media: Path, channel: str) -> tuple[Floats, int]:
    """Decode everything that is stored of a channel, as one stream."""
    folder = media / "one" / f"audio-{channel}"
    parts = sorted(folder.glob("*.m4s"), key=lambda path: int(path.stem))
    content = (folder / "init-1.mp4").read_bytes() + b"".join(part.read_bytes() for part in parts)
    return decoded(content)


def loudest(samples: Floats, rate: int, t0: float, t1: float) -> float:
    """Return the loudest sample between two media times, in dB of full scale."""
    part = np.abs(samples[int(t0 * rate / 1000) : int(t1 * rate / 1000)])
    return 20 * float(np.log10(max(part.max(initial=0.0), 1e-9)))


def unpacked(content: bytes) -> bytes:
    """Return what is in a file that is a zip, or the file."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())
