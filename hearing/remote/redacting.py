"""Take words and sound out of the record, list what was taken out, and take it out again of a copy."""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from hearing.archive.feeder import Feeder
from hearing.archive.index import Index
from hearing.board.memory import MemoryBoard
from hearing.events import Cut
from hearing.house import HouseKeeper
from hearing.log.sqlite import SqliteLog
from hearing.now import utc_ms
from hearing.redacting import Redactor, read_on
from hearing.redaction import Account
from hearing.remote import meetings
from hearing.remote.connection import Target, at_meeting, reach, request
from hearing.remote.folder import with_log
from hearing.site.redactions import AskedRedaction, RedactionAnswer, RedactionsAnswer, answer, listed, wanted_of
from hearing.store.folder import FolderStore
from hearing.stream.erasure import StillThere

_PATH = "/redactions"


def redact(where: Target, meeting: str, asked: AskedRedaction) -> RedactionAnswer:
    """Take words and sound of a meeting out of the record; `ended` is null where that is not done yet."""
    found = reach(where)
    if found:
        told = request(found, "POST", at_meeting(meeting, _PATH), msgspec.json.encode(asked))
        return msgspec.convert(told, RedactionAnswer)
    return with_log(where.data, lambda log: _on_folder(where.data, log, meeting, asked))


def redactions(where: Target, meeting: str) -> list[RedactionAnswer]:
    """Return what was taken out of a meeting, and no word of it."""
    found = reach(where)
    if found:
        return msgspec.convert(request(found, "GET", at_meeting(meeting, _PATH)), RedactionsAnswer).redactions

    async def read(log: SqliteLog) -> list[RedactionAnswer]:
        known = (await HouseKeeper(log, utc_ms).start()).house().meeting(meeting)
        return listed(known.id, await read_on(log, known.id, Account()))

    return with_log(where.data, read)


def all_redactions(where: Target) -> list[RedactionAnswer]:
    """Return what was taken out of all meetings of a server or a data folder: what a restore must take out again."""
    return [told for meeting in meetings.listed(where) for told in redactions(where, meeting["id"])]


def again(where: Target, told: Sequence[RedactionAnswer]) -> list[RedactionAnswer]:
    """Take out again what was taken out before, of a copy from before. What is out of it already stays as it is."""
    return [redact(where, one.meeting, _asked(one)) for one in told]


def _asked(one: RedactionAnswer) -> AskedRedaction:
    return AskedRedaction(one.basis, one.cuts, one.redaction, one.picture, one.margin_ms)


async def _on_folder(data: Path, log: SqliteLog, meeting: str, asked: AskedRedaction) -> RedactionAnswer:
    keeper = await HouseKeeper(log, utc_ms).start()
    known = keeper.house().meeting(meeting)

    async def forget(_meeting: str, _cuts: tuple[Cut, ...], _position: int) -> None:
        if (data / "index.db").exists():
            async with Index(data / "index.db") as index:
                await Feeder(keeper.house, log, index).catch_up()

    async with FolderStore(data / "media") as store, MemoryBoard() as board:
        redactor = Redactor(log, store, board, house=keeper.house, forget=forget, now_ms=utc_ms)
        wanted = wanted_of(known, await redactor.account(known.id), asked, lambda: secrets.token_hex(8))
        await redactor.ask(known.id, wanted)
        with suppress(StillThere):  # the answer says what
            await redactor.carry_out_alone(known.id, wanted.redaction)
        return answer(known.id, await redactor.account(known.id), wanted.redaction)
