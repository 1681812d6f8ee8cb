"""Serve a data folder, in one process: as its home or as an edge, whichever this one is. The only place that builds."""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable

from hearing.app_edge import edge
from hearing.app_home import home
from hearing.app_parts import Server
from hearing.config import Config
from hearing.errors import Unavailable
from hearing.home import Claim, is_home
from hearing.listen import hold
from hearing.log.redis import RedisLog
from hearing.seams import Seams, lost, opened

logger = logging.getLogger(__name__)


Then = Callable[[Server], Awaitable[None]]

_AGAIN_S = 0.5
_LEAVE_BY = (signal.SIGINT, signal.SIGTERM)


async def serve(config: Config, then: Then | None = None) -> None:
    """Serve until SIGINT or SIGTERM, or until `then`, called once all is up, sets `stop`.

    Begins again, and calls `then` again, where Redis lost records that this server had folded. Raises Unavailable where
    another server has the folder or the port, Refused for settings that cannot work.
    """
    with hold(config.folder):
        again = await _serve(config, then)
        while again:
            for number in _LEAVE_BY:  # what was asked to stop then has stopped
                asyncio.get_running_loop().remove_signal_handler(number)
            await asyncio.sleep(_AGAIN_S)
            try:
                again = await _serve(config, then)
            except* Unavailable:
                logger.warning("not_served_yet code=unavailable")


async def _serve(config: Config, then: Then | None) -> bool:
    """Serve; True where all of it has to be read anew."""
    async with opened(config, os.environ) as seams:
        if not config.redis:
            async with home(config, seams, None) as (server, work):
                return await _work(seams, server, work, then)
        if not await is_home(seams.log, config.folder):
            logger.info("role=edge: another data folder of this Redis is the home")
            async with edge(config, seams) as (server, work):
                return await _work(seams, server, work, then)
        claim = Claim(seams.board, config.folder)
        await claim.take()
        try:
            async with home(config, seams, claim) as (server, work):
                return await _work(seams, server, work, then)
        finally:
            await claim.give_back()


async def _work(seams: Seams, server: Server, work: list[Awaitable[None]], then: Then | None) -> bool:
    """Do all the work until the server is stopped; True where it stops because records were lost."""
    again = False

    async def watch(redis: RedisLog) -> None:
        nonlocal again
        await lost(redis, server.keeper.house)
        again = True
        server.stop.set()

    if seams.redis:
        work.append(watch(seams.redis))
    if then:
        work.append(then(server))
    await _until_stopped(work, server.stop)
    return again


async def _until_stopped(work: list[Awaitable[None]], stop: asyncio.Event) -> None:
    """Run all of it until `stop` is set or a signal asks to leave; an error in one ends them all."""
    loop = asyncio.get_running_loop()
    for number in _LEAVE_BY:
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_run(part)) for part in work]
        await stop.wait()
        logger.info("leaving")
        await _cancel(tasks)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel until all are gone: a task group of Python 3.11 that fails in the same moment forgets that it was."""
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=5.0)


async def _run(part: Awaitable[None]) -> None:
    await part
