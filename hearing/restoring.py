"""Restore a backup and see to its question queues: with the vault that was kept apart, or knowing that it is lost."""

import asyncio
import os
import time
from pathlib import Path

from hearing.backup.restore import VAULT, Restored, restore
from hearing.listen import hold
from hearing.log.sqlite import SqliteLog
from hearing.qa import removal
from hearing.qa.desk import Desk
from hearing.qa.key_file import default_key_file
from hearing.qa.rooms import Rooms
from hearing.qa.shown import PublicFold
from hearing.qa.vault import Vault


def run(
    place: Path,
    data: Path,
    *,
    at: str = "",
    since: Path | None = None,
    vault: Path | None = None,
    without_vault: bool = False,
    all_media: bool = False,
    key_file: str = "",
) -> Restored:
    """Restore, and return what came back. Raises as `hearing.backup.restore.restore` does.

    With items in the backup one of `vault` and `without_vault` is needed.
    """
    done = restore(
        place,
        data,
        now_ms=_now_ms(),
        at=at,
        since=since,
        vault=vault,
        without_vault=without_vault,
        all_media=all_media,
    )
    key = Path(key_file) if key_file else default_key_file(data, os.environ)
    if without_vault and done.items:
        with hold(data):
            asyncio.run(_let_go(data, key))
    elif vault and key_file:
        asyncio.run(_opens(data, key))
    return done


async def _opens(data: Path, key_file: Path) -> None:
    """Raise Unavailable where the key file is not the vault's."""
    async with Vault(data / VAULT, key_file):
        pass


async def _let_go(data: Path, key_file: Path) -> None:
    """Make a vault that knows which keys are lost, and take out of the public view what could not be taken back there.

    What a question became in public is found by a secret of the lost vault. Without it neither its sender nor staff
    could take it back, and they would be told that they had.
    """
    async with SqliteLog(data / "log.db") as log, Vault(data / VAULT, key_file) as vault:
        rooms = await Rooms(log).refresh()
        for dialogue in rooms.dialogues():
            desk = Desk(dialogue, log=log, vault=vault, now_ms=_now_ms)
            state = await desk.refresh()
            for name in (*state.items, *state.notices):
                await vault.destroy(desk.key_name(name))
            meetings = [meeting.id for meeting in rooms.meetings(dialogue)]
            for one in (await PublicFold(log).read(meetings)).questions:
                for meeting in meetings:
                    await removal.remove(log, meeting, one.question, f"vault lost {one.question}")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
