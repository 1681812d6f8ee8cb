"""A `hearing serve` of its own, as a child process, for the benchmarks that measure a server from outside."""

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from hearing import children
from hearing.errors import Unavailable

_LEAVE_S = 15.0


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve `folder/data` on a free port while the context lives; yield its address. Captions are left out.

    Its key and what it says lie beside the data. On return it has left, and the log can be read.
    Raises Unavailable where it does not start or does not leave.
    """
    environ = {name: value for name, value in children.environ().items() if not name.startswith("HEARING_")}
    environ["HEARING_KEY_FILE"] = str(folder.resolve() / "kek")
    command = [*children.command("hearing"), "serve", "--data", str(folder / "data"), "--port", "0", "--no-worker"]
    with (
        (folder / "serve.err").open("wb") as errors,
        subprocess.Popen(  # noqa: S603 - our own module
            command, env=environ, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as child,
    ):
        try:
            yield _address(child)
        finally:
            _leave(child)


def _address(child: subprocess.Popen[str]) -> str:
    """Wait for the line that says where it serves."""
    assert child.stdout  # noqa: S101 - it is a pipe
    line = child.stdout.readline()
    if not line.startswith("Serving "):
        raise Unavailable("The server to be measured did not start. Does `hearing serve` run here?")
    return line.rpartition(" at ")[2].strip()


def _leave(child: subprocess.Popen[str]) -> None:
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(_LEAVE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        raise Unavailable("The server that was measured did not leave within 15 seconds.") from None
