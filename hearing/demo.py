"""`hearing demo`: the packaged dialogue as a live meeting on this machine, three channels, captioned as it plays."""

import asyncio
import contextlib
import logging
import sys
import tempfile
import time
import webbrowser
from pathlib import Path

import msgspec

from hearing import app, demo_queue
from hearing.app_parts import Server
from hearing.config import Config, check
from hearing.demo_queue import BRIEFING, HEARING
from hearing.errors import Conflict
from hearing.house import HouseKeeper
from hearing.house_events import Channel, MeetingCreated
from hearing.now import utc_ms
from hearing.stream.demo import SOURCE as DEMO

logger = logging.getLogger(__name__)

_WORKER_S = 120.0
_CHANNELS = (
    Channel("en", "en", 0, "floor"),
    Channel("fr", "fr", 1),
    Channel("es", "es", 2),
)
_QUEUES = {
    HEARING: "Question queue of the hearing: what is sent stays with the committee and its secretariat.",
    BRIEFING: "Question queue of a briefing: after a look, questions become public.",
}


def run(port: int, *, browser: bool, data: Path | None, exit_after_s: float | None) -> None:
    """Serve the demo until interrupted, or for `exit_after_s` seconds."""
    folder = data or Path(tempfile.mkdtemp(prefix="hearing-demo-"))
    settings = Config(data=str(folder), port=port)
    check(settings)

    async def then(server: Server) -> None:
        async with asyncio.TaskGroup() as group:
            if exit_after_s is not None:
                group.create_task(_leave(server, exit_after_s))
            meeting = await _create(server.keeper)
            address = f"{server.url}/m/{meeting}"
            _print(f"The hearing is at {address}")
            await demo_queue.write_names(server.office, meeting)
            await _offer_queues(server)
            _print("Loading the speech model, which takes a few seconds the first time ...")
            if browser:
                group.create_task(asyncio.to_thread(_open_browser, address))
            await _worker_ready(server)
            await server.keeper.open(meeting)
            _print("Live. It lasts three minutes; stop it with Ctrl-C.")

    asyncio.run(app.serve(settings, then))
    _print(f"Everything of it is in {folder}. Read it again with: hearing serve --data {folder}")


async def _leave(server: Server, after_s: float) -> None:
    await asyncio.sleep(after_s)
    server.stop.set()


async def _create(keeper: HouseKeeper) -> str:
    """Create the meeting under the first free id: a folder can hold several demos. Those left open are closed."""
    for number in range(1, 1000):
        meeting = "valdoria" if number == 1 else f"valdoria-{number}"
        known = keeper.house().meetings.get(meeting)
        if known and known.phase == "open" and known.created.source == DEMO:
            await keeper.close(meeting)
        with contextlib.suppress(Conflict):
            await keeper.create(msgspec.structs.replace(_meeting(meeting), created_ms=utc_ms()))
            return meeting
    raise Conflict("This folder is full of demos. Choose another with --data.")


async def _offer_queues(server: Server) -> None:
    """Set up both question queues, and say how to get a seat at each."""
    now_ms = utc_ms()
    if BRIEFING not in server.keeper.house().meetings:
        await server.keeper.create(demo_queue.briefing(now_ms, _CHANNELS[0]))
    for dialogue, text in _QUEUES.items():
        await demo_queue.send_samples(server.office, dialogue)
        _print(f"\n{text}\n  send a question  {server.url}/d/{dialogue}/ask")
        for seat in await demo_queue.seats(server.office, dialogue, server.url):
            _print(f"  {seat.label:<16} {seat.address}")
    _print("\nEach seat opens once. A browser has one seat at a queue: open a second one in a private window.\n")


def _meeting(meeting: str) -> MeetingCreated:
    return MeetingCreated(
        meeting=meeting,
        dialogue=HEARING,
        title="Valdoria",
        body="A demonstration: invented State, synthetic voices",
        profile="treaty-body",
        channels=_CHANNELS,
        source=DEMO,
        close_at_end=True,
        agenda=demo_queue.AGENDA,
    )


async def _worker_ready(server: Server) -> None:
    """Wait for a loaded model, so that the first words are captioned in time; go on without one after a while."""
    deadline = time.monotonic() + _WORKER_S
    while not server.workers() and time.monotonic() < deadline:  # noqa: ASYNC110 - a start-up wait, ten looks a second
        await asyncio.sleep(0.1)
    if not server.workers():
        _print("No captions yet: the speech model is not ready. The hearing starts without it.")


def _open_browser(address: str) -> None:
    if not webbrowser.open(address):
        _print("No browser could be started here. Open the address above in one.")


def _print(text: str) -> None:
    print(text, file=sys.stdout, flush=True)
