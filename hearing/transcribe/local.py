"""Keep a worker running on this machine, as a child that leaves when we do."""

import asyncio
import logging
import random
import secrets
from collections.abc import Callable
from typing import Literal

import msgspec

from hearing import children
from hearing.config import Config
from hearing.transcribe.models import ModelChoice
from hearing.transcribe.worker import WorkerSettings, worker_url

logger = logging.getLogger(__name__)

LocalState = Literal["running", "stopped"]

_BACKOFF_S = (0.5, 30.0)
_STEADY_S = 60.0
_LOADING_S = 600.0
_LOST_S = 15.0
"""A child that was connected and is not for so long has frozen, or cannot be used: it is replaced."""
_LEAVE_S = 3.0
_LOOK_S = 1.0


async def keep_worker(
    url: str,
    token: str,
    config: Config,
    on_state: Callable[[LocalState], None] | None = None,
    workers: Callable[[str], int] | None = None,
) -> None:
    """Run `python -m hearing.transcribe.worker` for the server at `url` until cancelled, again whenever it dies.

    `workers` counts those of a name that are connected to the server: while there are none of the child's, one that had
    its time is replaced.
    The token goes over the child's standard input, never its arguments or environment.
    """
    name = secrets.token_hex(8)
    choice = ModelChoice(config.model, config.device, config.compute_type)
    settings = WorkerSettings(worker_url(url), token, choice, name=name)
    line = msgspec.json.encode(settings) + b"\n"
    least_s, most_s = _BACKOFF_S
    pause_s = least_s
    while True:
        started = asyncio.get_running_loop().time()
        status = await _one_child(line, on_state or _ignore, lambda: workers(name) if workers else 1)
        steady = asyncio.get_running_loop().time() - started > _STEADY_S
        pause_s = least_s if steady else min(most_s, pause_s * 2)
        logger.warning("worker_died status=%d again_in_s=%.1f", status, pause_s)
        await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret


async def _one_child(line: bytes, on_state: Callable[[LocalState], None], workers: Callable[[], int]) -> int:
    try:
        child = await asyncio.create_subprocess_exec(
            *children.command("hearing.transcribe.worker"),
            stdin=asyncio.subprocess.PIPE,
            env=children.environ(),
            start_new_session=True,  # a Ctrl-C in the terminal is the server's to answer, from the first moment on
        )
    except OSError as error:
        logger.error("worker_not_started reason=%s", error.strerror)  # noqa: TRY400 - the machine's trouble, not a bug
        return -1
    try:
        on_state("running")
        if child.stdin is not None:
            child.stdin.write(line)
        return await _watched(child, workers)
    finally:
        on_state("stopped")
        await children.leave(child, _LEAVE_S)


async def _watched(child: asyncio.subprocess.Process, workers: Callable[[], int]) -> int:
    """Wait for its end, and bring that about where it is of no use any more."""
    waiting = asyncio.ensure_future(child.wait())
    patience_s = _LOADING_S
    try:
        while not (await asyncio.wait({waiting}, timeout=_LOOK_S))[0]:
            patience_s = _LOST_S if workers() else patience_s - _LOOK_S
            if patience_s <= 0:
                logger.error("worker_frozen")
                child.kill()
        return waiting.result()
    finally:
        waiting.cancel()


def _ignore(_: LocalState) -> None:
    return None
