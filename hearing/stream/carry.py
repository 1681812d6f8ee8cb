"""Carry what libav opens by itself (RTMP, RTSP) to the address that the gate has checked, and nowhere else.

libav connects to a port of this machine; what is said there is passed on, by TLS where the address says so. So libav
resolves no name, and a server that sends it elsewhere (an RTSP redirect) is cut off before libav hears of it.
"""

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from hearing.stream.gate import Admitted, Gate

_MOST_CONNECTIONS = 4
_BLOCK = 65_536
_QUIET_S = 30.0
_MOST_HEAD = 32_768
_MOST_BODY = 1024 * 1024
_SHORTEST_FRAME = 8

_STATUS = re.compile(rb"RTSP/1\.[01] ([0-9]{3})(?: [^\r\n]*)?")
_LENGTH = re.compile(rb"content-length:[ \t]*([0-9]{1,7})[ \t]*", re.IGNORECASE)


class DivertedError(OSError):
    """The server said what this client does not take: that it should go elsewhere, or what is no RTSP."""


class Carrier:
    """A port of this machine that leads to one address. `near` changes what goes to libav, `far` what to the server."""

    def __init__(
        self,
        gate: Gate,
        admitted: Admitted,
        near: Callable[[], Callable[[bytes], bytes]],
        far: Callable[[bytes], bytes] = bytes,
    ) -> None:
        self._gate = gate
        self._admitted = admitted
        self._near = near
        self._far = far
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.reached = False
        threading.Thread(target=self._accept, name="carrier", daemon=True).start()

    def bind(self, far: Callable[[bytes], bytes]) -> None:
        """Set how what goes to the server is changed, now that the port is known."""
        self._far = far

    def _accept(self) -> None:
        """Carry a few connections: one that has to say a password connects again."""
        with self._listener:
            for _ in range(_MOST_CONNECTIONS):
                line, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(line,), daemon=True).start()

    def _carry(self, line: socket.socket) -> None:
        try:
            server = self._gate.connect(self._admitted)
        except OSError:
            line.close()
            return
        self.reached = True
        for one in (line, server):
            one.settimeout(_QUIET_S)
        threading.Thread(target=_pass, args=(line, server, self._far), daemon=True).start()
        _pass(server, line, self._near())


class RtspGuard:
    """What an RTSP server says, let through only where it is surely what libav will take it for (RFC 2326).

    Refused are redirects, requests to go elsewhere, and all spellings that another reader might split differently.
    """

    def __init__(self) -> None:
        self._held = bytearray()

    def __call__(self, content: bytes) -> bytes:
        """Take what came; return what may go on. Raises DivertedError."""
        self._held += content
        passed = bytearray()
        while (size := self._whole()) is not None:
            is_frame = self._held[0] == ord("$")
            if not is_frame or size - 4 >= _SHORTEST_FRAME:  # libav reads the content of shorter ones as text
                passed += self._held[:size]
            del self._held[:size]
        return bytes(passed)

    def _whole(self) -> int | None:
        """Return the size of the first whole frame or message; None until there is one."""
        if not self._held:
            return None
        if self._held[0] == ord("$"):
            size = 4 + int.from_bytes(self._held[2:4]) if len(self._held) >= 4 else None
        else:
            end = self._held.find(b"\r\n\r\n")
            if end < 0:
                if len(self._held) > _MOST_HEAD:
                    raise DivertedError
                return None
            size = end + 4 + _judge(bytes(self._held[:end]))
        return size if size is not None and size <= len(self._held) else None


def _judge(head: bytes) -> int:
    """Return how long the body of a message is. Raises DivertedError for one that must not be passed on."""
    lines = head.split(b"\r\n")
    status = _STATUS.fullmatch(lines[0])
    if status is None or not (status[1][:1] == b"2" or status[1][:1] in b"45"):
        raise DivertedError
    sizes = set()
    for line in lines[1:]:
        if not line or line[:1] == b"$" or len(line) > 4000 or any(byte in line for byte in b"\r\n\0"):
            raise DivertedError
        if line.lower().lstrip().startswith(b"content-length"):
            stated = _LENGTH.fullmatch(line)
            if stated is None:
                raise DivertedError
            sizes.add(int(stated[1]))
    if len(sizes) > 1 or any(size > _MOST_BODY for size in sizes):
        raise DivertedError
    return sizes.pop() if sizes else 0


def _pass(source: socket.socket, target: socket.socket, change: Callable[[bytes], bytes]) -> None:
    """Pass on until one side leaves; then both have left."""
    with suppress(OSError):
        while content := source.recv(_BLOCK):
            target.sendall(change(content))
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
