"""A source child as its relay sees it: started, spoken to over two pipes, and always reaped."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress

from hearing import children
from hearing.errors import Unavailable
from hearing.stream.frames import FromSource, Go, Open, pack, read_from_source

_LEAVE_S = 2.0
_BUFFER = 1024 * 1024


class Child:
    """A running source."""

    def __init__(
        self, process: asyncio.subprocess.Process, commands: asyncio.StreamWriter, output: asyncio.StreamReader
    ) -> None:
        self._process = process
        self._commands = commands
        self._output = output

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def tell(self, frame: Open | Go) -> None:
        """Send a frame; both are small, so the pipe takes them at once."""
        self._commands.write(pack(frame))

    async def read(self, timeout_s: float) -> FromSource | None:
        """Wait for its next frame; None when it is gone. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            return await read_from_source(self._output)

    async def reap(self) -> None:
        """Close its input, on which it leaves; kill it if it does not. Its output is read to the end meanwhile."""
        self._commands.close()
        try:
            async with asyncio.timeout(_LEAVE_S):
                await self._gone()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._gone()

    async def _gone(self) -> None:
        while await self._output.read(_BUFFER):
            pass
        await self._process.wait()


@asynccontextmanager
async def source_child(wanted: Open) -> AsyncIterator[Child]:
    """Start a source and tell it what to open. It is gone when the context is left, however it is left.

    Raises Unavailable where no process can be started.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *children.command("hearing.stream.source"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_BUFFER,
            env=children.environ(),
            start_new_session=True,  # a Ctrl-C in the terminal is the relay's to answer, from the first moment on
        )
    except OSError as error:
        raise Unavailable(f"No process can be started now ({error.strerror}).") from error
    assert process.stdin  # noqa: S101 - it was asked for
    assert process.stdout  # noqa: S101 - it was asked for
    child = Child(process, process.stdin, process.stdout)
    try:
        child.tell(wanted)
        yield child
    finally:
        await _surely(child.reap())


async def _surely(work: Coroutine[None, None, None]) -> None:
    """Do the work to its end even when cancelled meanwhile; the cancellation goes on afterwards."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled:
        raise cancelled
