"""A source in a process of its own: `python -m hearing.stream.source`, driven over its two pipes (see frames).

A crash of the media library ends this process and no other. The process leaves when the relay's end of its input
closes, whatever it is doing.
"""

import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

import av

from hearing.stream import demo
from hearing.stream.address import is_address
from hearing.stream.arrive import open_address
from hearing.stream.buffer import StalledError
from hearing.stream.frames import Failed, Frame, FromRelay, Go, Open, Over, Ready, pack, read_from_relay
from hearing.stream.join import Joined
from hearing.stream.lanes import PICTURE, Lane, PictureLane, SoundLane
from hearing.stream.opened import Opened, OpenedFile, OpenFailedError
from hearing.stream.pace import Due, as_live, timeline

Emit = Callable[[Frame], None]

_SHORT_S = 2.0
"""A source that stops so much before the end it stated has broken: it was damaged, or is still being copied."""


def main() -> None:
    """Open, say ready, wait for go, play."""
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to the whole group; they are the relay's to answer
        signal.signal(number, signal.SIG_IGN)
    av.logging.set_level(av.logging.PANIC)  # libav's lines name files
    out = _take_stdout()
    orders = _follow_relay()

    def emit(frame: Frame) -> None:
        try:
            out.write(pack(frame))
            out.flush()
        except BrokenPipeError:  # the relay has gone, and nobody is left to play to
            os._exit(0)

    wanted = orders.get()
    if isinstance(wanted, Open):
        _open_and_play(wanted, orders, emit)
    os._exit(0)  # the thread that waits on the relay would hold up an orderly end


def _open_and_play(wanted: Open, orders: "queue.Queue[FromRelay]", emit: Emit) -> None:
    try:
        opened = open_source(wanted)
    except OpenFailedError as failed:
        emit(Failed(failed.reason))
        return
    duration_ms = round(opened.duration_s * 1000) if opened.duration_s else None
    emit(Ready(opened.tracks, duration_ms, opened.named, live=isinstance(opened, Joined) and opened.live))
    go = orders.get()
    if isinstance(go, Go):
        play(opened, wanted, go, emit)


def open_source(wanted: Open) -> Opened | Joined:
    """Open by kind. Raises OpenFailedError."""
    if is_address(wanted.source):
        return open_address(wanted)
    return demo.OpenedDemo(wanted) if wanted.source == demo.SOURCE else OpenedFile(wanted)


def play(opened: Opened | Joined, wanted: Open, go: Go, emit: Emit) -> None:
    """Play as live until the source ends or breaks, then say which."""
    start_s = go.t / 1000
    lanes = _lanes(opened, start_s, emit)
    at_s = place_s = start_s
    lost = False
    try:
        for due in _due(opened, wanted, start_s, lambda: time.monotonic() - go.zero_s):
            lanes[due.item.track].take(due.item.packet, due.shift_s)
            place_s = max(place_s, due.due_s - due.shift_s - due.item.zero_s)
            if due.due_s > at_s:
                at_s = due.due_s
                for lane in lanes.values():
                    lane.rest(at_s)
    except (av.FFmpegError, OSError, OpenFailedError, StalledError):
        lost = True
    for lane in lanes.values():
        lane.flush()
    short = opened.length_s is not None and place_s < opened.length_s - _SHORT_S
    mark = ""
    if isinstance(opened, Joined):
        mark = opened.mark
        opened.close()
    emit(Over(round(at_s * 1000), "lost" if lost or short else "ended", mark))


def _due(opened: Opened | Joined, wanted: Open, start_s: float, now_s: Callable[[], float]) -> Iterator[Due]:
    """Yield packets when they are due."""
    if isinstance(opened, Joined):
        return opened.due(start_s, now_s)

    def again() -> Opened:
        fresh = open_source(wanted)
        if isinstance(fresh, Joined) or fresh.shape != opened.shape:  # another file: a run of its own
            raise OpenFailedError("unreadable")
        return fresh

    return as_live(timeline(opened, again if wanted.loop else None, start_s), now_s, time.sleep)


def _lanes(opened: Opened | Joined, start_s: float, emit: Emit) -> dict[str, Lane]:
    lanes: dict[str, Lane] = {}
    for track in opened.tracks:
        if track.kind == "audio" and track.state == "relayed":
            lanes[track.name] = SoundLane(track.channel, start_s, emit)
    if opened.picture:
        lanes[PICTURE] = PictureLane(opened.picture, start_s, emit)
    return lanes


def _take_stdout() -> BinaryIO:
    """Keep stdout for frames, and point it at stderr, so that nothing printed by accident breaks the framing."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return out


def _follow_relay() -> "queue.Queue[FromRelay]":
    """Queue what the relay says (two frames at most), and leave when its end of the pipe is gone."""
    orders: queue.Queue[FromRelay] = queue.Queue()

    def follow() -> None:
        while order := read_from_relay(sys.stdin.buffer):
            orders.put(order)
        os._exit(0)

    threading.Thread(target=follow, name="relay", daemon=True).start()
    return orders


if __name__ == "__main__":
    main()
