"""A source that comes over the network: its connections, each demuxed by a thread, as one set of tracks in time."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import av
import msgspec
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from hearing.stream.address import NotAdmitted
from hearing.stream.buffer import Buffer, ClosedError, Received
from hearing.stream.fetch import AnswerError
from hearing.stream.follow import LostError
from hearing.stream.frames import FailReason, Open, Track
from hearing.stream.lanes import PICTURE, Picture, seconds, sound_rendition
from hearing.stream.opened import OpenFailedError, coding_of, is_cover, language_of, picture_of
from hearing.stream.pace import Due
from hearing.stream.playlist import PlaylistError
from hearing.stream.tap import AnyPacket

OPEN_S = 15.0
_FIRST_S = 3.0
_SHORT_SEEK_S = 3.0
_AGAIN_S = 1.0


class Demuxed(msgspec.Struct, frozen=True):
    """An open container. Its timestamps plus `offset_s` are those of its period; see seams.Line.place."""

    container: InputContainer
    period: int = 0
    offset_s: float = 0.0
    wrap_s: float = 0.0
    begin_s: float = 0.0


class Feed(msgspec.Struct, frozen=True):
    """One connection. `open(seek_s)` yields its containers, one after the other; it may raise what sockets raise.

    `tracks` are the numbers of the source's audio tracks that it brings, in its order; None: all. `endless`: where it
    ends it has broken. When the `lead` is lost the run is over; any other is joined again, while the rest goes on.
    """

    open: Callable[[float], Iterator[Demuxed]]
    tracks: tuple[int, ...] | None = None
    picture: bool = True
    lead: bool = True
    endless: bool = True


class Plan(msgspec.Struct, frozen=True):
    """How a source is received: a `live` one is joined where it is now, another one has a beginning.

    `named` are the languages stated apart from the media. With `duration_s` a source can be played from any place.
    """

    feeds: tuple[Feed, ...]
    named: tuple[str, ...] | None = None
    duration_s: float | None = None
    live: bool = True
    mark: Callable[[], str] = lambda: ""
    close: Callable[[], None] = lambda: None


class Joined:
    """An open source that comes over the network."""

    def __init__(self, wanted: Open, plan: Plan) -> None:
        """Connect, and wait until its tracks are known. Raises OpenFailedError."""
        self._wanted = wanted
        self._plan = plan
        self._channels = {number: sound_rendition(channel) for channel, number in wanted.channels}
        self.duration_s = plan.duration_s
        self.length_s: float | None = None
        self._buffer = Buffer()
        self._pumps = self._start(0.0)
        try:
            self._await()
            self._describe()
        except OpenFailedError:
            self.close()
            raise
        self._buffer.await_first(self._names(), _FIRST_S)

    def close(self) -> None:
        """Leave: what still comes is turned away."""
        self._buffer.close()
        self._plan.close()

    def _describe(self) -> None:
        """Say what it brings. Raises OpenFailedError where that is no sound."""
        self.named = self._plan.named if self._plan.named is not None else self._pumps[0].named
        self.picture = next((pump.picture for pump in self._pumps if pump.picture), None)
        self.tracks = tuple(self._tracks())
        if not any(track.kind == "audio" and track.state == "relayed" for track in self.tracks):
            raise OpenFailedError("no-audio")

    @property
    def live(self) -> bool:
        """Tell whether it plays in its own time."""
        return self._plan.live

    @property
    def mark(self) -> str:
        """Return what tells, in another connection, whether the source has moved on since."""
        return self._plan.mark()

    def due(self, start_s: float, now_s: Callable[[], float]) -> Iterator[Due]:
        """Yield packets when they are due: a live source from `start_s` on, another one from its place there."""
        if self._plan.duration_s is not None and start_s > _SHORT_SEEK_S:
            self._seek(start_s)
        firsts = self._buffer.firsts
        line_s, begin_s = firsts.get(PICTURE) or max(firsts.values(), default=(0.0, 0.0))
        wanted_s = start_s if self._plan.live else begin_s
        yield from self._buffer.play(wanted_s - line_s, now_s, patient=not self._plan.live)

    def _start(self, seek_s: float) -> list["_Pump"]:
        used = [feed for feed in self._plan.feeds if feed.picture or self._is_wanted(feed)]
        pumps = [_Pump(feed, self._channels, self._buffer, seek_s) for feed in used]
        for pump in pumps:
            pump.start()
        return pumps

    def _is_wanted(self, feed: Feed) -> bool:
        return feed.tracks is None or any(number in self._channels for number in feed.tracks)

    def _seek(self, start_s: float) -> None:
        self._buffer.close()
        shapes = [pump.shape for pump in self._pumps]
        self._buffer = Buffer()
        self._pumps = self._start(start_s)
        self._await()
        self._buffer.await_first(self._names(), _FIRST_S)
        if [pump.shape for pump in self._pumps] != shapes:
            raise OpenFailedError("unreadable")

    def _await(self) -> None:
        """Wait for every connection. One that brings a language may be missing, but not the lead."""
        until_s = time.monotonic() + OPEN_S
        for pump in self._pumps:
            pump.ready.wait(max(0.0, until_s - time.monotonic()))
        for pump in self._pumps:
            if pump.feed.lead and (pump.failed or not pump.ready.is_set()):
                raise OpenFailedError(pump.failed or "unreachable")

    def _tracks(self) -> Iterator[Track]:
        brought = self._names()
        for channel, _ in self._wanted.channels:
            name = sound_rendition(channel)
            yield Track(name, "audio", channel, "relayed" if name in brought else "missing")
        yield from (pump.picture_track for pump in self._pumps if pump.picture_track)

    def _names(self) -> frozenset[str]:
        return frozenset(name for pump in self._pumps for name in pump.names.values())


class _Pump(threading.Thread):
    """Demuxes one connection into the buffer until it ends."""

    def __init__(self, feed: Feed, channels: dict[int, str], buffer: Buffer, seek_s: float) -> None:
        super().__init__(daemon=True)
        self.feed = feed
        self._channels = channels
        self._buffer = buffer
        self._seek_s = seek_s
        self.ready = threading.Event()
        self.failed: FailReason | None = None
        self.names: dict[int, str] = {}
        self.named: tuple[str, ...] = ()
        self.picture: Picture | None = None
        self.picture_track: Track | None = None
        self.shape: dict[str, Sequence[object]] = {}
        self._broken = False

    def run(self) -> None:
        """Open and demux; say at the end how it ended."""
        self._buffer.feed()
        lost = True
        try:
            while not self._demux() and not self.feed.lead:
                time.sleep(_AGAIN_S)
                self._buffer.again(self.names.values())
            lost = self.feed.lead and self._broken
        except ClosedError:
            lost = False
        finally:
            if not self.ready.is_set():
                self.failed = self.failed or "unreadable"
            self.ready.set()
            self._buffer.over(lost=lost)

    def _demux(self) -> bool:
        """Demux until it ends; tell whether that is the end of it."""
        self._broken = True
        try:
            for demuxed in self.feed.open(self._seek_s):
                self._describe(demuxed.container)
                self.ready.set()
                self._pass(demuxed)
        except NotAdmitted:
            self.failed = "refused"
        except LostError:
            return False
        except (AnswerError, PlaylistError, av.error.InvalidDataError):
            self.failed = "unreadable"
        except (OSError, av.FFmpegError):
            self.failed = "unreachable"
        else:
            self._broken = self.feed.endless
            return True
        return not self.ready.is_set()

    def _describe(self, container: InputContainer) -> None:
        """Find its tracks; of a later container, make sure that they are the same. Raises LostError."""
        names, shape = self._find(container)
        if self.shape and shape != self.shape:
            raise LostError
        self.names, self.shape = names, shape

    def _find(self, container: InputContainer) -> tuple[dict[int, str], dict[str, Sequence[object]]]:
        found = container.streams.audio
        self.named = tuple(language_of(stream) for stream in found)
        numbers = range(len(found)) if self.feed.tracks is None else self.feed.tracks
        streams: dict[str, Stream] = {
            self._channels[number]: stream
            for number, stream in zip(numbers, found, strict=False)
            if number in self._channels
        }
        picture = next((s for s in container.streams.video if not is_cover(s)), None) if self.feed.picture else None
        if picture and self._see(picture):
            streams[PICTURE] = picture
        shape = {name: coding_of(stream) for name, stream in streams.items()}
        return {stream.index: name for name, stream in streams.items()}, shape

    def _see(self, stream: VideoStream) -> bool:
        self.picture = picture_of(stream)
        if self.picture is None:
            self.picture_track = Track(PICTURE, "video", state="codec", codec=stream.codec_context.name)
            return False
        rate = round(1 / self.picture.frame_s, 3)
        self.picture_track = Track(PICTURE, "video", width=stream.width, height=stream.height, frame_rate=rate)
        return True

    def _pass(self, demuxed: Demuxed) -> None:
        streams = [stream for stream in demuxed.container.streams if stream.index in self.names]
        for packet in demuxed.container.demux(streams):
            name, stamp_s = self.names.get(packet.stream.index), _stamp(packet, demuxed)
            if name is None or stamp_s is None:  # libav gives everything to whoever asks for nothing
                continue
            length_s = float(packet.duration * packet.time_base) if packet.duration and packet.time_base else 0.0
            reorder_s = (seconds(packet) or stamp_s) - stamp_s
            self._buffer.put(
                Received(
                    name,
                    packet,
                    stamp_s,
                    length_s,
                    demuxed.period,
                    demuxed.wrap_s,
                    reorder_s,
                    demuxed.begin_s,
                )
            )


def _stamp(packet: AnyPacket, demuxed: Demuxed) -> float | None:
    """Return when a packet is decoded; its timestamps are moved by the offset, and to one side of a wrap."""
    if packet.time_base is None or seconds(packet) is None or not packet.size:
        return None
    turn = round(demuxed.wrap_s / packet.time_base)
    if turn and packet.pts is not None and packet.dts is not None:
        packet.pts += round((packet.dts - packet.pts) / turn) * turn
    offset = round(demuxed.offset_s / packet.time_base)
    if offset:
        packet.pts = None if packet.pts is None else packet.pts + offset
        packet.dts = None if packet.dts is None else packet.dts + offset
    stamp = packet.dts if packet.dts is not None else packet.pts
    return float(stamp * packet.time_base) if stamp is not None else None
