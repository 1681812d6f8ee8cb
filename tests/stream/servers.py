"""An RTMP and an RTSP server of a test: each sends one film in its own time to whoever asks."""

import base64
import io
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import av
import msgspec

_HELD_S = 0.5
"""Servers send so much at once, and then in time."""


class Asked(msgspec.Struct):
    """A running server: its port, and what it was asked."""

    port: int
    said: list[bytes] = []


@contextmanager
def serving(talk: Callable[[socket.socket, list[bytes]], None]) -> Iterator[Asked]:
    """Talk to everybody who connects, each in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        asked = Asked(server.getsockname()[1])

        def one(line: socket.socket) -> None:
            with line, suppress(OSError, EOFError):
                talk(line, asked.said)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    line, _ = server.accept()
                    threading.Thread(target=one, args=(line,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield asked
        server.shutdown(socket.SHUT_RDWR)


# --- RTMP -----------------------------------------------------------------------------------------------------------


def rtmp(film: Path) -> Callable[[socket.socket, list[bytes]], None]:
    """Return what sends a film by RTMP."""
    tags = _flv_tags(film)

    def talk(line: socket.socket, said: list[bytes]) -> None:
        pipe = line.makefile("rb")
        hello = _exactly(pipe, 1537)
        line.sendall(b"\x03" + bytes(1536) + hello[1:])
        _exactly(pipe, 1536)
        line.sendall(_message(2, 1, 0, struct.pack(">I", 0x7FFFFF)))
        for content in _commands(pipe):
            said.append(content)
            name = content[3 : 3 + int.from_bytes(content[1:3])]
            number = content[3 + len(name) : 12 + len(name)]
            if name == b"connect":
                line.sendall(
                    _message(3, 20, 0, _text("_result") + number + b"\x05" + _status("NetConnection.Connect.Success"))
                )
            elif name == b"createStream":
                line.sendall(_message(3, 20, 0, _text("_result") + number + b"\x05" + _amf(1.0)))
            elif name == b"play":
                line.sendall(
                    _message(3, 20, 0, _text("onStatus") + _amf(0.0) + b"\x05" + _status("NetStream.Play.Start"))
                )
                _in_time(((ms / 1000, _message(4, kind, ms, content)) for kind, ms, content in tags), line)
                return

    return talk


def _flv_tags(film: Path) -> list[tuple[int, int, bytes]]:
    file = io.BytesIO()
    with (
        av.open(str(film)) as source,
        av.open(file, "w", format="flv", options={"flvflags": "no_duration_filesize"}) as to,
    ):
        made = {s.index: to.add_stream_from_template(s) for s in (source.streams.audio[0], source.streams.video[0])}
        for packet in source.demux(list(made)):
            if packet.size:
                packet.stream = made[packet.stream.index]
                to.mux(packet)
        to.close()
        content = file.getvalue()
    tags, at = [], 13
    while at + 11 <= len(content):
        size = int.from_bytes(content[at + 1 : at + 4])
        ms = int.from_bytes(content[at + 4 : at + 7]) | content[at + 7] << 24
        tags.append((content[at], ms, content[at + 11 : at + 11 + size]))
        at += 15 + size
    return tags


def _commands(pipe: io.BufferedReader) -> Iterator[bytes]:
    """Yield the AMF0 commands of a client (RTMP 1.0, 5.3)."""
    chunk, heads, parts = 128, dict[int, tuple[int, int]](), dict[int, bytes]()
    while True:
        basic = _exactly(pipe, 1)[0]
        stream, head = basic & 63, _exactly(pipe, (11, 7, 3, 0)[basic >> 6])
        if len(head) >= 7:
            heads[stream] = int.from_bytes(head[3:6]), head[6]
        size, kind = heads[stream]
        part = parts.get(stream, b"")
        parts[stream] = part = part + _exactly(pipe, min(chunk, size - len(part)))
        if len(part) == size:
            del parts[stream]
            if kind == 1:
                chunk = int.from_bytes(part)
            if kind == 20:
                yield part


def _message(stream: int, kind: int, ms: int, content: bytes) -> bytes:
    head = (
        ms.to_bytes(3)
        + len(content).to_bytes(3)
        + bytes([kind])
        + (1 if kind in {8, 9, 18} else 0).to_bytes(4, "little")
    )
    return bytes([stream]) + head + content


def _text(text: str) -> bytes:
    return b"\x02" + len(text).to_bytes(2) + text.encode()


def _amf(number: float) -> bytes:
    return b"\x00" + struct.pack(">d", number)


def _status(code: str) -> bytes:
    rows = {"level": "status", "code": code, "description": "as asked"}
    named = b"".join(len(name).to_bytes(2) + name.encode() + _text(value) for name, value in rows.items())
    return b"\x03" + named + b"\x00\x00\x09"


# --- RTSP -----------------------------------------------------------------------------------------------------------


def rtsp(film: Path, *, describe: str = "") -> Callable[[socket.socket, list[bytes]], None]:
    """Return what sends a film by RTSP over one connection; `describe` is answered instead of what it is."""
    sdp, packets = _rtp(film)

    def talk(line: socket.socket, said: list[bytes]) -> None:
        pipe = line.makefile("rb")
        while request := _request(pipe):
            said.append(request)
            method = request.partition(b" ")[0]
            number = re.search(rb"CSeq: *(\d+)", request)
            head = b"RTSP/1.0 200 OK\r\nCSeq: " + (number[1] if number else b"0") + b"\r\n"
            if method == b"DESCRIBE" and describe:
                line.sendall(describe.replace("\n", "\r\n").encode())
            elif method == b"DESCRIBE":
                line.sendall(head + b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n" % len(sdp) + sdp)
            elif method == b"SETUP":
                wanted = re.search(rb"Transport: *([^\r]+)", request)
                line.sendall(head + b"Session: 1\r\nTransport: " + (wanted[1] if wanted else b"") + b"\r\n\r\n")
            elif method == b"PLAY":
                line.sendall(head + b"Session: 1\r\nRange: npt=0-\r\n\r\n")
                _in_time(iter(packets), line)
                return
            else:
                line.sendall(head + b"Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER\r\n\r\n")

    return talk


def _rtp(film: Path) -> tuple[bytes, list[tuple[float, bytes]]]:
    """Return the SDP and the interleaved packets of a film: AAC by RFC 3640, H.264 by RFC 6184 without fragments."""
    with av.open(str(film)) as source:
        sound, picture = source.streams.audio[0], source.streams.video[0]
        config = bytes(picture.codec_context.extradata or b"")
        sets = []
        at = 6
        for _ in range(2):
            size = int.from_bytes(config[at : at + 2])
            sets.append(base64.b64encode(config[at + 2 : at + 2 + size]).decode())
            at += 2 + size + 1
        asc = bytes(sound.codec_context.extradata or b"").hex()
        sdp = (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n"
            f"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;"
            f"sprop-parameter-sets={','.join(sets)}\r\na=control:track0\r\n"
            "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/1\r\na=fmtp:97 streamtype=5;profile-level-id=1;"
            f"mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config={asc}\r\na=control:track1\r\n"
        ).encode()
        packets: list[tuple[float, bytes]] = []
        numbers = [0, 0]
        for packet in source.demux([sound, picture]):
            if not packet.size or packet.pts is None or packet.time_base is None:
                continue
            at_s, content = float(packet.pts * packet.time_base), bytes(packet)
            if packet.stream is sound or packet.stream.index == sound.index:
                units, track, rate = [b"\x00\x10" + (len(content) << 3).to_bytes(2) + content], 1, 48_000
            else:
                units, track, rate = list(_units(content)), 0, 90_000
            for last, unit in zip([*[False] * (len(units) - 1), True], units, strict=True):
                head = struct.pack(
                    ">BBHII",
                    0x80,
                    (96 + track) | (0x80 if last else 0),
                    numbers[track],
                    round((at_s + 1) * rate),
                    7 + track,
                )
                numbers[track] += 1
                packets.append((at_s, b"$" + bytes([track * 2]) + (12 + len(unit)).to_bytes(2) + head + unit))
    return sdp, sorted(packets, key=lambda one: one[0])


def _units(content: bytes) -> Iterator[bytes]:
    at = 0
    while at + 4 <= len(content):
        size = int.from_bytes(content[at : at + 4])
        yield content[at + 4 : at + 4 + size]
        at += 4 + size


def _request(pipe: io.BufferedReader) -> bytes:
    lines = b""
    while line := pipe.readline():
        lines += line
        if line == b"\r\n":
            return lines
    return b""


def _in_time(pieces: Iterator[tuple[float, bytes]], line: socket.socket) -> None:
    began_s = time.monotonic()
    for at_s, content in pieces:
        time.sleep(max(0.0, at_s - _HELD_S - (time.monotonic() - began_s)))
        line.sendall(content)


def _exactly(pipe: io.BufferedReader, count: int) -> bytes:
    content = pipe.read(count)
    if len(content) < count:
        raise EOFError
    return content
