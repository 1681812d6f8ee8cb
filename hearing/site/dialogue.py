"""A dialogue as its pages see it: its meetings, how it works, and addresses within it."""

from collections.abc import Callable
from urllib.parse import quote

import msgspec
from starlette.requests import Request

from hearing import agenda
from hearing.board.base import Board
from hearing.errors import NotFound
from hearing.meeting import House, Meeting
from hearing.qa.office import Office
from hearing.qa.profile import Rules
from hearing.site.api import Staff
from hearing.site.folds import Folds
from hearing.site.look import Look
from hearing.transcribe.dispatch import Dispatch


class Rooms(msgspec.Struct, frozen=True):
    """What the pages of the question queues and of staff are made from. `now_ms` gives UTC milliseconds.

    `dispatch` takes what captioners type.
    """

    look: Look
    office: Office
    house: Callable[[], House]
    folds: Folds
    board: Board
    staff: Staff
    now_ms: Callable[[], int]
    dispatch: Dispatch | None = None


class Dialogue(msgspec.Struct, frozen=True):
    """One dialogue. `meeting` is the one its pages name: the one that is open, the next, or the last."""

    id: str
    rules: Rules
    meetings: tuple[Meeting, ...]
    meeting: Meeting

    @property
    def title(self) -> str:
        return self.meeting.created.title

    @property
    def blocks(self) -> dict[str, str]:
        """The titles of the blocks of its agendas, by id; the meeting that its pages name has the last word."""
        return agenda.titles([*self.meetings, self.meeting])

    @property
    def coming(self) -> Meeting | None:
        """The meeting that is open, or the next; None where all are over."""
        return None if self.meeting.phase == "closed" else self.meeting

    def named(self, wanted: str) -> Meeting:
        """Return a meeting of the dialogue; the one its pages name where none is asked for. Raises NotFound."""
        if not wanted:
            return self.meeting
        meeting = next((one for one in self.meetings if one.id == wanted), None)
        if meeting is None:
            raise NotFound("This dialogue has no such meeting.")
        return meeting

    def path(self, page: str) -> str:
        """Return the address of one of its pages."""
        return f"/d/{quote(self.id, safe='')}/{page}"


async def find(rooms: Rooms, request: Request) -> Dialogue:
    """Return the dialogue of an address. Raises NotFound."""
    return await of(rooms, request.path_params["dialogue"])


async def of(rooms: Rooms, dialogue: str) -> Dialogue:
    """Return a dialogue. Raises NotFound."""
    rules = await rooms.office.rules(dialogue)
    known = [one for one in rooms.house().public().meetings.values() if one.created.dialogue == dialogue]
    meetings = sorted(known, key=lambda one: one.created.starts_ms or one.created.created_ms)
    going = [one for one in reversed(meetings) if one.phase == "open"]
    planned = [one for one in meetings if one.phase == "planned"]
    return Dialogue(dialogue, rules, tuple(meetings), next(iter([*going, *planned, *reversed(meetings)])))
