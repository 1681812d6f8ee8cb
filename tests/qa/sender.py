"""A process that sends items, decides and withdraws until it is killed, saying what it tries and what was answered.

`python -m tests.qa.sender FOLDER RECEIPT...` does the same to every receipt, in one order: send, accept, publish, and
withdraw every third. One more line than was acknowledged may have happened.
"""

import asyncio
import os
import sys
from pathlib import Path

from hearing.errors import Conflict, Gone
from hearing.qa import receipt
from hearing.qa.acts import Accept
from tests.qa.support import MODERATOR, NEEDLE, OPEN, Clock, office, question


def say(*words: object) -> None:
    """Write a line past all buffers: what was said before a kill -9 has been said."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def main(folder: Path, receipts: list[str]) -> None:
    async with office(folder, Clock()) as (desk, _), asyncio.TaskGroup() as group:
        sending = asyncio.Semaphore(6)

        async def send(number: int, digits: str) -> None:
            keys = receipt.keys(digits)
            async with sending:
                say("try", number)
                try:
                    await desk.submit(OPEN, keys, question(f"{NEEDLE} {number}"))
                except Gone:
                    say("gone", number)
                    return
                say("sent", number)
                view = await desk.moderators.item(MODERATOR, OPEN, keys.item)
                try:
                    await desk.moderators.decide(MODERATOR, OPEN, keys.item, view.version, Accept())
                    say("accepted", number)
                except Conflict:
                    say("conflict", number)
                if number % 3 == 0:
                    await desk.withdraw(keys)
                    say("withdrawn", number)

        for number, digits in enumerate(receipts):
            group.create_task(send(number, digits))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
    say("done")
