"""HTTP through the gate: every request and every redirect is judged, and every answer is bounded in bytes and time."""

import base64
import http.client
import io
import itertools
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote_to_bytes, urljoin

import msgspec

from hearing.stream.address import WEB, Address, NotAdmitted
from hearing.stream.gate import Admitted, Gate

if TYPE_CHECKING:
    from typing_extensions import Buffer

_READ_S = 4.0
_HEAD_S = 8.0
_MOST_REDIRECTS = 5
_IDLE_S = 20.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_AGENT = "hearing/0.1"
_BLOCK = 65_536


class AnswerError(OSError):
    """The server answered, but not with what was asked for. `lasting`: asking again would not help."""

    def __init__(self, text: str, *, lasting: bool) -> None:
        super().__init__(text)
        self.lasting = lasting


class Fetched(msgspec.Struct, frozen=True):
    """A whole answer; `url` is where it came from in the end."""

    url: str
    content: bytes


class Fetcher:
    """A client of one source. What it connected to is kept open for the next request; usable from several threads."""

    def __init__(self, gate: Gate, top: str = "") -> None:
        """`top` is the source's own address: user and password in it go to its own host and port only."""
        self._gate = gate
        self._idle: dict[tuple[str, str, int], list[tuple[float, _Line]]] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._login: tuple[tuple[str, str, int], str] | None = None
        if top:
            self._remember(gate.admit(top).address)

    def get(self, url: str, *, most: int, within_s: float, part: tuple[int, int] | None = None) -> Fetched:
        """Fetch at most `most` bytes; `part` is (first byte, count). Raises NotAdmitted or OSError."""
        until_s = time.monotonic() + within_s
        if part and part[1] > most:
            raise AnswerError("a part that is too long", lasting=True)
        with self.stream(url, until_s=until_s, part=part) as body:
            if part and body.status != 206:
                body.skip(part[0])
            content = body.read_all(part[1] if part else most + 1)
        if len(content) > most:
            raise AnswerError("an answer that is too long", lasting=True)
        return Fetched(body.url, content)

    def stream(self, url: str, *, until_s: float | None = None, part: tuple[int, int] | None = None) -> "Body":
        """Open an answer to be read bit by bit. Raises NotAdmitted or OSError."""
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._ask(url, until_s, part)
            if answer.status not in _REDIRECTS:
                return answer
            answer.close()
            url = urljoin(url, answer.header("location"))
        raise AnswerError("too many redirects", lasting=True)

    def close(self) -> None:
        """Close what lies idle; what is in use is closed when it is done."""
        with self._lock:
            self._closed = True
            for _, line in itertools.chain(*self._idle.values()):
                line.drop()
            self._idle.clear()

    def _ask(self, url: str, until_s: float | None, part: tuple[int, int] | None) -> "Body":
        admitted = self._gate.admit(url)
        if admitted.address.scheme not in WEB:
            raise NotAdmitted("scheme", "A playlist leads to what is not the web.")
        line = self._take(admitted.address)
        if line:
            try:
                return self._request(line, url, admitted, until_s, part)
            except (http.client.HTTPException, OSError):  # it was closed while it lay idle
                line.drop()
        fresh = _Line(self._gate.connect(admitted))
        try:
            return self._request(fresh, url, admitted, until_s, part)
        except http.client.HTTPException as error:
            fresh.drop()
            raise AnswerError("an answer that is no HTTP", lasting=False) from error
        except OSError:
            fresh.drop()
            raise

    def _request(
        self, line: "_Line", url: str, admitted: Admitted, until_s: float | None, part: tuple[int, int] | None
    ) -> "Body":
        address = admitted.address
        line.until_s = min(time.monotonic() + _HEAD_S, until_s or float("inf"))
        asking = http.client.HTTPConnection(address.host, address.port)
        asking.sock = line  # what http.client uses of a socket
        headers = {"Host": address.authority, "User-Agent": _AGENT, "Accept-Encoding": "identity"}
        if part:
            headers["Range"] = f"bytes={part[0]}-{part[0] + part[1] - 1}"
        if self._login and self._login[0] == _place(address):
            headers["Authorization"] = self._login[1]
        asking.request("GET", address.path, headers=headers)
        answer = asking.getresponse()
        line.until_s = until_s or float("inf")
        body = Body(answer, url, line, lambda: self._give(address, line))
        if answer.status not in {200, 206} | _REDIRECTS:
            body.close()
            raise AnswerError(f"status {answer.status}", lasting=400 <= answer.status < 500 and answer.status != 429)
        return body

    def _remember(self, address: Address) -> None:
        if address.user or address.password:
            said = unquote_to_bytes(address.user) + b":" + unquote_to_bytes(address.password)
            login = base64.b64encode(said).decode()
            self._login = _place(address), f"Basic {login}"

    def _take(self, address: Address) -> "_Line | None":
        with self._lock:
            lines = self._idle.get(_place(address), [])
            while lines:
                since_s, line = lines.pop()
                if time.monotonic() - since_s < _IDLE_S:
                    return line
                line.drop()
        return None

    def _give(self, address: Address, line: "_Line") -> None:
        with self._lock:
            if self._closed:
                line.drop()
            else:
                self._idle.setdefault(_place(address), []).append((time.monotonic(), line))


class Body:
    """An answer being read. Closed before its end, its connection is not used again."""

    def __init__(self, answer: http.client.HTTPResponse, url: str, line: "_Line", keep: Callable[[], None]) -> None:
        self._answer = answer
        self._line = line
        self._keep = keep
        self.url = url
        self.status = answer.status
        self.length = answer.length

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def unbound(self) -> None:
        """Let it take as long as it likes from now on; something must still come every few seconds."""
        self._line.until_s = float("inf")

    def header(self, name: str) -> str:
        """Return a header; empty where there is none."""
        return self._answer.getheader(name) or ""

    def read(self, size: int) -> bytes:
        """Read what is there, up to `size` bytes; empty at the end. Raises OSError."""
        try:
            return self._answer.read1(min(size, _BLOCK))
        except (http.client.HTTPException, ValueError) as error:
            raise AnswerError("an answer that broke off", lasting=False) from error

    def read_all(self, most: int) -> bytes:
        """Read to the end or to `most` bytes. Raises OSError where it breaks off."""
        found = bytearray()
        while len(found) < most and (more := self.read(most - len(found))):
            found += more
        if len(found) < most and self._answer.length:
            raise AnswerError("an answer that broke off", lasting=False)
        return bytes(found)

    def skip(self, count: int) -> None:
        """Read past the first bytes."""
        while count > 0 and (more := self.read(count)):
            count -= len(more)

    def close(self) -> None:
        """Keep the connection if all was read and the server keeps it too; else close it."""
        done = self._answer.isclosed() and not self._answer.will_close
        self._answer.close()
        if done:
            self._keep()
        else:
            self._line.drop()


class _Line:
    """A connection with a deadline: what http.client needs of a socket, each wait bounded by `until_s`."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self.until_s = float("inf")

    def makefile(self, mode: str, *_: object) -> io.BufferedReader:
        """Return a reader; closing it leaves the connection open."""
        return io.BufferedReader(_Reader(self))

    def sendall(self, content: bytes) -> None:
        """Send it all. Raises OSError."""
        self._wait()
        self._line.sendall(content)

    def receive_into(self, space: memoryview) -> int:
        """Wait for more. Raises TimeoutError past the deadline, or after a few seconds in which nothing came."""
        self._wait()
        return self._line.recv_into(space)

    def close(self) -> None:
        """Do nothing: http.client lets go of it when the server will leave, and the answer is still to be read."""

    def drop(self) -> None:
        """Close it."""
        self._line.close()

    def _wait(self) -> None:
        left_s = self.until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("an answer that takes too long")
        self._line.settimeout(min(_READ_S, left_s))


class _Reader(io.RawIOBase):
    def __init__(self, line: _Line) -> None:
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, space: "Buffer") -> int:
        return self._line.receive_into(memoryview(space).cast("B"))


def _place(address: Address) -> tuple[str, str, int]:
    return address.scheme, address.host, address.port
