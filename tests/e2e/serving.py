"""A real `hearing serve` in a process of its own, to be killed, and a reader that follows it from outside."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]
_UP_S = 60.0


def free_port() -> int:
    """Return a port nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def descendants(pid: int) -> set[int]:
    """Return the pids of all children, and theirs."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def alive(pid: int) -> bool:
    """Tell whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(condition: Any, seconds: float, what: str) -> None:  # noqa: ANN401 - any callable
    """Wait for a condition, `seconds` or a minute. Raises AssertionError, naming what did not come."""
    deadline = time.monotonic() + max(60.0, seconds)
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


class Serving:
    """`hearing serve` on a data folder; can be killed and started again on the same port."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.errors = data.parent / "serve.err"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)

    def start(self) -> None:
        """Start and wait until it answers, and the command line finds it."""
        command = [sys.executable, "-m", "hearing", "serve", "--data", str(self.data), "--port", str(self.port)]
        with self.errors.open("ab") as errors:
            self._process = subprocess.Popen([*command, *self._options], cwd=ROOT, stdout=errors, stderr=errors)
        until(self._answers, _UP_S, "the server to answer")

    @property
    def pid(self) -> int:
        """The server's process, 0 before it was started."""
        return self._process.pid if self._process else 0

    def kill(self) -> None:
        """Kill -9, and wait until no child of it is left."""
        assert self._process is not None
        children = descendants(self._process.pid)
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(5)
        until(lambda: not any(alive(child) for child in children), 10, "the children to leave")

    def leave(self, number: signal.Signals) -> int:
        """Ask it to leave; return its exit status. Fails where that takes more than a few seconds."""
        assert self._process is not None
        children = descendants(self._process.pid)
        self._process.send_signal(number)
        status = self._process.wait(8)
        until(lambda: not any(alive(child) for child in children), 1, "the children to be gone already")
        return status

    def hearing(self, *arguments: str) -> str:
        """Run a command on the folder and return what it printed."""
        command = [sys.executable, "-m", "hearing", *arguments, "--data", str(self.data)]
        return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return what the API answers."""
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:  # noqa: S310 - a loopback URL
            return json.load(answer)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.errors.read_text()[-2000:]
        try:
            self.get("/api/meetings")
            presence = json.loads((self.data / "serve.json").read_bytes())  # one killed before left its own
        except (FileNotFoundError, urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        return bool(presence["pid"] == self.pid)


class Reader:
    """Follows a meeting's events as a stranger would, coming back with its cursor whenever the line breaks.

    `words` holds every final word by segment, in order; a word that comes twice or leaves a hole is an AssertionError
    kept in `fault`. Told to begin again, it does, and counts that in `resets`.
    """

    def __init__(self, url: str, meeting: str) -> None:
        self._address = f"{url}/api/meetings/{meeting}/events?after="
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self.words: dict[str, list[str]] = {}
        self.cursor = ""
        self.state = ""
        self.fault = ""
        self.lines = 0
        self.resets = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopped.set()
        self._thread.join(15)

    def count(self) -> int:
        """Return how many final words were read."""
        return sum(len(words) for words in self.words.values())

    def _follow(self) -> None:
        while not self._stopped.is_set():
            try:
                with urllib.request.urlopen(self._address + self.cursor, timeout=12) as lines:  # noqa: S310 - loopback
                    self._read(lines)
            except (urllib.error.URLError, ConnectionError, TimeoutError, OSError, ValueError):
                time.sleep(0.2)

    def _read(self, lines: Any) -> None:  # noqa: ANN401 - a response
        kind, cursor, body = "", "", ""
        for raw in lines:
            if self._stopped.is_set():
                return
            field, _, value = raw.decode().rstrip("\n").partition(": ")
            match field:
                case "event":
                    kind = value
                case "id":
                    cursor = value
                case "data":
                    body = value
                case "" if body:
                    self._take(kind, json.loads(body))
                    self.cursor = cursor or self.cursor
                    kind, cursor, body = "", "", ""

    def _take(self, kind: str, event: dict[str, Any]) -> None:
        if kind == "words":
            self.lines += 1
            known = self.words.setdefault(event["segment"], [])
            if event["first_word"] != len(known):
                self.fault = f"word {event['first_word']} of {event['segment']} after {len(known)} words"
            known.extend(event["words"])
        elif kind == "reset":
            self.words.clear()
            self.resets += 1
        elif kind == "state":
            self.state = event["state"]
