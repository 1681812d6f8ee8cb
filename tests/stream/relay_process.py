"""A relay in a process of its own, to be killed: `python -m tests.stream.relay_process FOLDER SOURCE`."""

import asyncio
import sys
from pathlib import Path

from hearing.log.sqlite import SqliteLog
from hearing.store.folder import FolderStore
from hearing.stream.relay import Relay
from tests.stream.relaying import KeptEar, meeting


async def main(folder: Path, source: str) -> None:
    async with SqliteLog(folder / "log.db") as log, FolderStore(folder / "media") as store:
        await Relay(meeting(source, "en", "fr", loop=True), log=log, store=store, ear=KeptEar()).run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
