"""Sites made from a log in memory, with meetings in every state."""

import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from hearing.events import Ended, GapMarked, NoticePublished, QuestionAnswered, QuestionPublished, QuietMarked, Wording
from hearing.house import HouseKeeper
from hearing.log.base import Log
from hearing.log.memory import MemoryLog
from hearing.publishing.folder import MANIFEST
from hearing.publishing.folder_source import open_folder
from hearing.publishing.run import Published, Wanted, make
from hearing.site.copy.edition import Setting
from hearing.store.folder import FolderStore
from tests.site.serving import HOSTILE, MEETING, ZERO_MS, Speaker, meeting

ADDRESS = "https://hearing.example.org"
DAY_MS = 86_400_000
_LINK = re.compile(r'(?:href|src|data-find|data-meetings)="([^"]*)"')
_ID = re.compile(r'\bid="([^"]*)"')


async def fill(log: MemoryLog, rounds: int = 1) -> HouseKeeper:
    """Hold meetings: two that are closed, one of them an open dialogue's; one on, one planned, one rehearsed."""
    keeper = await HouseKeeper(log, lambda: ZERO_MS).start()
    await held(log, keeper, MEETING, title="Arlandia, first meeting", rounds=rounds)
    briefing: dict[str, Any] = {"title": "Veshtia, briefing", "dialogue": "brief", "profile": "open"}
    speaker = await held(log, keeper, "briefing", close=False, body=HOSTILE[:60], **briefing)
    said = HOSTILE.replace("\u202e", "").replace("\u202c", "")
    await speaker.tell(
        QuestionPublished("q1", "question", "fr", f"Combien ? {said}", "", "Ann & Co"),
        QuestionPublished("q2", "question", "en", "", "Detention"),
        QuestionAnswered("q1", "briefing", ("en.1",)),
        NoticePublished("n1", (Wording("en", f"Bring water {said}"), Wording("ar", "أحضروا الماء")), call=False),
        GapMarked("en", 60_000, 61_000, "unheard"),
        QuietMarked("en", 61_000, 89_000),
        Ended(90_000),
    )
    await keeper.close("briefing")
    await held(log, keeper, "going", close=False, title="Teralund", dialogue="ter")
    await keeper.create(meeting("planned", title="Planned State", dialogue="pla"))
    rehearsal = await keeper.rehearse("planned")
    speaker = Speaker(log, rehearsal)
    await speaker.begin()
    await speaker.words("en", "Rehearsing only")
    return keeper


async def held(
    log: MemoryLog, keeper: HouseKeeper, name: str, *, rounds: int = 1, close: bool = True, **changes: object
) -> Speaker:
    """Hold a meeting."""
    await keeper.create(meeting(name, **changes))
    await keeper.open(name)
    speaker = Speaker(log, name)
    await speaker.begin()
    await speaker.speak(rounds)
    if close:
        await speaker.tell(Ended(90_000))
        await keeper.close(name)
    return speaker


async def publish(log: Log, folder: Path, *, passages: bool = True, **wanted: object) -> Published:
    """Publish what is in the log."""
    setting = Setting(ADDRESS, "en", passages)
    async with FolderStore(folder.parent / "media") as store:
        source = await open_folder(log, store, ZERO_MS)
        return await make(source, folder, Wanted(setting, **wanted))  # type: ignore[arg-type]


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a site, but for the list of them."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found.pop(MANIFEST)
    return found


def everything(folder: Path) -> bytes:
    """Return every byte of a site."""
    return b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def dead_links(files: Mapping[str, bytes]) -> list[str]:
    """Return the links that lead nowhere: `page -> address`. What begins with the server's address leads there."""
    pages = {name: content.decode() for name, content in files.items() if name.endswith(".html")}
    ids = {name: {html.unescape(one) for one in _ID.findall(page)} for name, page in pages.items()}
    folders = {str(parent) for name in files for parent in Path(name).parents}
    return [
        f"{name} -> {address}"
        for name, page in pages.items()
        for address in map(html.unescape, _LINK.findall(page))
        if not address.startswith(f"{ADDRESS}/m/") and not _leads(name, address, ids, files, folders)
    ]


def _leads(name: str, address: str, ids: Mapping[str, set[str]], files: Mapping[str, bytes], folders: set[str]) -> bool:
    path, _, anchor = address.partition("#")
    parts = name.split("/")[:-1]
    for part in unquote(path).split("/") if path else []:
        if part == "..":
            if not parts:
                return False
            parts.pop()
        else:
            parts.append(part)
    target = "/".join(parts) if path else name
    icons = target.endswith(".svg") and f'id="{anchor}"'.encode() in files.get(target, b"")
    return target in folders or (target in files and (not anchor or icons or anchor in ids.get(target, ())))
