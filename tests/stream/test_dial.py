"""Sources by RTMP, RTSP and UDP: heard in their place, over the one connection that was judged."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest

from hearing.stream import buffer, source
from hearing.stream.address import Rules
from hearing.stream.carry import DivertedError, RtspGuard
from hearing.stream.frames import Frame, Go, Open, Over
from hearing.stream.lanes import PICTURE
from hearing.stream.opened import OpenFailedError
from tests.stream.made import make, shown_frames
from tests.stream.servers import rtmp, rtsp, serving
from tests.stream.test_gate import INSIDE, listening
from tests.stream.test_source import heard, shown

LIVE = Rules(("rtmp", "rtsp", "udp"), (), ("127.0.0.1",))
BEEP_S = 1.5


def film(folder: Path, tracks: int = 1) -> Path:
    return make(folder / "a.mkv", seconds=[2.5] * tracks, picture="libx264", key_every=1, beeps=[BEEP_S], later_s=0.3)


def followed(url: str, *channels: str) -> list[Frame]:
    """Follow a live source from `t` 1000 to its end."""
    wanted = Open(url, tuple((name, track) for track, name in enumerate(channels)), rules=LIVE)
    opened = source.open_source(wanted)
    said: list[Frame] = []
    source.play(opened, wanted, Go(1000, time.monotonic() - 1), said.append)
    return said


@pytest.mark.parametrize("kind", ["rtmp", "rtsp"])
def test_sound_and_picture_come_by(kind: str, tmp_path: Path) -> None:
    talk = {"rtmp": rtmp, "rtsp": rtsp}[kind](film(tmp_path))
    with serving(talk) as asked:
        said = followed(f"{kind}://127.0.0.1:{asked.port}/live/key?a=b", "en")
    assert np.allclose(heard(said), [1 + BEEP_S], atol=0.05)
    frames = shown_frames(shown(said, PICTURE))
    assert frames[0] == pytest.approx(1.0, abs=0.01)
    assert len(frames) >= 58
    assert isinstance(said[-1], Over)
    assert said[-1].reason == "lost", "a server that leaves may come back"
    assert f"{kind}://127.0.0.1:{asked.port}/live".encode() in b"".join(asked.said), "the server is called by its name"


def test_a_password_is_said_to_the_server_alone(tmp_path: Path) -> None:
    refusal = "RTSP/1.0 401 Unauthorized\nCSeq: 2\nWWW-Authenticate: Basic realm=x\n\n"
    with serving(rtsp(film(tmp_path), describe=refusal)) as asked, pytest.raises(OpenFailedError) as failed:
        source.open_source(Open(f"rtsp://me:secret@127.0.0.1:{asked.port}/x", (("en", 0),), rules=LIVE))
    assert b"Authorization: Basic bWU6c2VjcmV0" in b"".join(asked.said)
    assert "secret" not in str(failed.value)


@pytest.mark.parametrize(
    "answer",
    [
        "RTSP/1.0 302 Moved\nCSeq: 2\nLocation: rtsp://INSIDE/x\n\n",
        "RTSP/1.0 200 OK\nCSeq: 2\nContent-Length: 0\n\nRTSP/1.0 302 Moved\nCSeq: 2\nLocation: rtsp://INSIDE/x\n\n",
        " RTSP/1.0 302 Moved\nCSeq: 2\nLocation: rtsp://INSIDE/x\n\n",
        "REDIRECT rtsp://127.0.0.1/ RTSP/1.0\nCSeq: 9\nLocation: rtsp://INSIDE/x\n\n",
    ],
)
def test_a_server_that_sends_elsewhere_is_left(answer: str, tmp_path: Path) -> None:
    with listening(INSIDE) as (port, came):
        answer = answer.replace("INSIDE", f"{INSIDE}:{port}")
        with serving(rtsp(film(tmp_path), describe=answer)) as asked, pytest.raises(OpenFailedError):
            source.open_source(Open(f"rtsp://127.0.0.1:{asked.port}/x", (("en", 0),), rules=LIVE))
    assert b"DESCRIBE" in b"".join(asked.said)
    assert came == []


GOOD = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\nabc"
FRAME = b"$\x00\x00\x08RTSP/1.0"


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_what_a_server_should_say_is_passed_on_whole_however_it_comes(step: int) -> None:
    guard, said = RtspGuard(), GOOD + FRAME + b"RTSP/1.0 401 No\r\nCSeq: 2\r\n\r\n" + FRAME
    assert b"".join(guard(said[at : at + step]) for at in range(0, len(said), step)) == said


def test_frames_that_libav_would_read_as_text_are_dropped() -> None:
    assert RtspGuard()(b"$\x00\x00\x07RTSP/1." + FRAME) == FRAME


@pytest.mark.parametrize(
    "said",
    [
        b"RTSP/1.0 301 Moved\r\n\r\n",
        b"RTSP/1.0 200 OK\nCSeq: 1\n\nRTSP/1.0 302 Moved\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n$\x00\x00\x04abcd\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: -9\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nX: \x00\r\n\r\n",
        b"RTSP/1.0 200 OK\r\n\nX: a\r\n\r\n",
        b"\r\n\r\nRTSP/1.0 302 Moved\r\n\r\n",
        b"RTSP/1.0  302 Moved\r\n\r\n",
        b"RTSP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 302 Found\r\n\r\n",
        b"x" * 40_000,
    ],
)
def test_what_could_be_read_in_two_ways_ends_it(said: bytes) -> None:
    with pytest.raises(DivertedError):
        RtspGuard()(said)


def test_mpeg_ts_by_udp_brings_every_track(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer, "STALL_S", 0.7)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with sending(film(tmp_path, 2), port):
        said = followed(f"udp://@127.0.0.1:{port}", "en", "fr")
    assert np.allclose([*heard(said, "en"), *heard(said, "fr")], [1 + BEEP_S, 1.3 + BEEP_S], atol=0.1)


@contextmanager
def sending(path: Path, port: int) -> Iterator[None]:
    """Send a film as MPEG-TS in datagrams, in its own time."""
    stopped = threading.Event()

    class Datagrams:
        def write(self, content: bytes) -> int:
            for at in range(0, len(content), 188 * 7):
                line.sendto(content[at : at + 188 * 7], ("127.0.0.1", port))
            return len(content)

    def send() -> None:
        with av.open(str(path)) as film, av.open(Datagrams(), "w", format="mpegts") as output:
            streams = [*film.streams.audio, film.streams.video[0]]
            made = {one.index: output.add_stream_from_template(one) for one in streams}
            began_s = time.monotonic() + 0.3
            for packet in film.demux(streams):
                at_s = float(packet.dts * packet.time_base) if packet.dts is not None and packet.time_base else 0.0
                if packet.size and not stopped.wait(max(0.0, began_s + at_s - time.monotonic())):
                    packet.stream = made[packet.stream.index]
                    output.mux(packet)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        thread = threading.Thread(target=send)
        thread.start()
        yield
        stopped.set()
        thread.join()
