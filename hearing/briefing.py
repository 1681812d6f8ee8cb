"""Tell the workers of open meetings what words they should know: as staff write it, from that moment on."""

import asyncio
import logging

from hearing.desk_events import desk_stream, glossary_subject, names_subject
from hearing.errors import HearingError
from hearing.glossary import told
from hearing.house import HouseKeeper
from hearing.log.base import Log
from hearing.meeting import Meeting
from hearing.qa.office import Office
from hearing.transcribe.dispatch import Dispatch

logger = logging.getLogger(__name__)

_AGAIN_S = 5.0


class Briefing:
    """One task for each open meeting."""

    def __init__(self, keeper: HouseKeeper, *, log: Log, office: Office, dispatch: Dispatch) -> None:
        self._keeper = keeper
        self._log = log
        self._office = office
        self._dispatch = dispatch

    async def run(self) -> None:
        """Tell until cancelled."""
        tasks: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                open_now = {one.id: one for one in self._keeper.house().meetings.values() if one.phase == "open"}
                for gone in tasks.keys() - open_now.keys():
                    tasks.pop(gone).cancel()
                    self._dispatch.forget_glossary(gone)
                for key in open_now.keys() - tasks.keys():
                    tasks[key] = group.create_task(self._brief(open_now[key]), name=f"brief {key}")
                await self._patiently()

    async def _patiently(self) -> None:
        try:
            await self._keeper.changed()
        except HearingError as error:
            logger.warning("waiting code=%s", error.code)
            await asyncio.sleep(_AGAIN_S)

    async def _versions(self, stream: str, of: str) -> tuple[int, int]:
        """Return where the glossary and the names were last written: whatever else happens there opens nothing."""
        return await self._log.head(stream, glossary_subject(of)), await self._log.head(stream, names_subject(of))

    async def _brief(self, meeting: Meeting) -> None:
        dialogue = meeting.created.dialogue
        stream, of = desk_stream(dialogue), meeting.created.rehearses or meeting.id
        briefed: tuple[int, int] | None = None
        while True:
            try:
                seen = await self._log.head(stream)
                if briefed != (now := await self._versions(stream, of)):
                    await self._dispatch.tell_glossary(meeting.id, await self._words(dialogue, of))
                    briefed = now
                await self._log.wait(stream, seen)
            except HearingError as error:
                logger.warning("briefing_failed code=%s", error.code)
                await asyncio.sleep(_AGAIN_S)

    async def _words(self, dialogue: str, meeting: str) -> tuple[str, ...]:
        """Return what the workers of a meeting are told. Raises NotFound."""
        glossary = (await self._office.glossaries.known(dialogue, meeting)).content
        if not glossary.names:
            return told(glossary, ())
        return told(glossary, (await self._office.names.known(dialogue, meeting)).content)
