"""Notices and calls for information: posted by moderators, public after ten seconds, taken away or closed."""

from collections.abc import Callable, Sequence

from hearing.access import Capability, require
from hearing.events import Wording
from hearing.qa import views
from hearing.qa.desks import Desks
from hearing.qa.vault import Vault
from hearing.qa.views import NoticeView


class Notices:
    """The notices of all dialogues. `now_ms` gives UTC milliseconds."""

    def __init__(self, desks: Desks, vault: Vault, now_ms: Callable[[], int]) -> None:
        self._desks = desks
        self._vault = vault
        self._now_ms = now_ms

    async def read(self, who: Capability | None, dialogue: str) -> list[NoticeView]:
        """Return notices and calls, newest first, those not public yet too."""
        room = await self._desks.allowed(who, "notice.write", dialogue)
        return await views.notice_views(room.desk, self._vault, self._now_ms())

    async def post(
        self,
        who: Capability | None,
        dialogue: str,
        texts: Sequence[Wording],
        *,
        call: bool = False,
        block: str = "",
        notice: str | None = None,
    ) -> str:
        """Post a notice or a call, public after ten seconds; return its id. With the id `notice`, twice is once."""
        room = await self._desks.allowed(who, "notice.write", dialogue)
        actor = require(who, "notice.write", dialogue).actor
        return (await room.desk.post(texts, actor, call=call, block=block, notice=notice)).id

    async def take_away(self, who: Capability | None, dialogue: str, notice_id: str) -> None:
        """Take a notice or call away; within ten seconds of posting nobody has seen it."""
        room = await self._desks.allowed(who, "notice.write", dialogue)
        await room.desk.take_away(notice_id, require(who, "notice.write", dialogue).actor)
        await room.publish_now()

    async def close_call(self, who: Capability | None, dialogue: str, notice_id: str) -> None:
        """Close a call for information; it stays readable."""
        room = await self._desks.allowed(who, "notice.write", dialogue)
        await room.desk.close_call(notice_id, require(who, "notice.write", dialogue).actor)
