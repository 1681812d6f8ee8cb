"""What a sender is told, by receipt: what became of it, what happens next, and when. Only what cannot be undone."""

from collections.abc import Mapping

import msgspec

from hearing.desk_events import CEILINGS, Ceiling, ItemNoted, Kind, Reason, SenderAsked
from hearing.meeting import Meeting
from hearing.qa import item as items
from hearing.qa.acts import State
from hearing.qa.desk import Desk
from hearing.qa.intake import read_content
from hearing.qa.item import Item
from hearing.qa.vault import Sealed, Vault
from hearing.qa.views import Line

SAYS: Mapping[State, str] = {
    "received": "It has arrived. Nobody has decided about it yet.",
    "accepted": "The secretariat has read it and accepted it.",
    "declined": "The secretariat has read it and will not pass it on.",
    "routed": "It has been passed on to the committee.",
    "published": "It is published on the page of the meeting.",
    "answered": "The topic was discussed, or answered in writing.",
    "withdrawn": "You have withdrawn it. Its text can be read by nobody any more.",
}
NEXT: Mapping[State, str] = {
    "received": "The secretariat reads it before the next meeting.",
    "accepted": "The secretariat decides whether it is passed on or published.",
    "declined": "Nothing more happens. You may send another one.",
    "routed": "Members of the committee may use it. They are free not to.",
    "published": "It may be taken up in the meeting.",
    "answered": "Nothing more happens.",
    "withdrawn": "Nothing more happens.",
}
READ_NOW = "The secretariat reads it during the meeting."
READ_AFTER = "The secretariat still reads it. No further meeting of this dialogue is planned."
WAITS = "It is published once the next meeting of this dialogue is announced."
UNREADABLE = "It is kept, but cannot be read at the moment."
TELL = "Tell the secretariat: the server that keeps it needs mending. Your receipt stays good."
LOST = "Its text was lost on the server. Nobody can read it any more."
SEND_AGAIN = "If it matters to you, send it again, with a new receipt."
REASONS: Mapping[Reason, str] = {
    "off-mandate": "It is outside what this body can deal with.",
    "other-state": "It concerns another State than the one under review.",
    "individual-complaint": "It is an individual complaint, for which there is a procedure of its own.",
    "identifies-a-person": "It could put somebody at risk who can be recognised in it.",
    "abusive": "It insults or threatens somebody.",
    "duplicate": "The same was sent already and is dealt with there.",
    "too-late": "It came too late for this dialogue.",
    "unclear": "It could not be understood.",
    "other": "For another reason.",
}
"""The words of the pages, to be translated; each is a message of the catalogues."""


class Status(msgspec.Struct, frozen=True):
    """An item as its sender sees it. `says` and `then` are messages of the catalogues.

    `asked` is what staff ask and nobody answered yet. `narrower` are the ceilings its sender could still choose.
    `next_meeting` is the meeting that is open, or the next; `next_starts_ms` when that is planned to start, UTC.
    """

    dialogue: str
    state: State
    says: str
    then: str
    kind: Kind
    language: str
    ceiling: Ceiling
    narrower: tuple[Ceiling, ...]
    text: str
    name: str
    reason: Reason | None = None
    explanation: str = ""
    asked: str = ""
    lines: tuple[Line, ...] = ()
    public_text: str = ""
    theme: bool = False
    answer_meeting: str = ""
    answer_segments: tuple[str, ...] = ()
    answer_text: str = ""
    next_meeting: str = ""
    next_starts_ms: int | None = None


async def status_of(
    desk: Desk, vault: Vault, item: Item, now_ms: int, *, upcoming: Meeting | None, ceilings: tuple[Ceiling, ...]
) -> Status:
    """Return what its sender is told. `upcoming` is the meeting that is open, or the next."""
    if item.withdrawn:
        return _empty(desk, item, "withdrawn")
    stage = items.settled(item, now_ms)
    declined, published, answered = stage.declined, stage.published, stage.answered
    talk = [said.event for said in item.said if not isinstance(said.event, ItemNoted)]
    bodies = [item.received.body, *(act.body if act else "" for act in (declined, published, answered))]
    bodies += [event.body for event in talk]
    opened = [plain or b"" for plain in await vault.open_all([Sealed(desk.key_name(item.id), body) for body in bodies])]
    if not opened[0]:
        lost = await vault.destroyed(desk.key_name(item.id))  # restored from a backup, without the vault of then
        says, then = (LOST, SEND_AGAIN) if lost else (UNREADABLE, TELL)
        return msgspec.structs.replace(_empty(desk, item, stage.state), says=says, then=then)
    content = read_content(opened[0])
    explanation, public_text, answer_text, *said = (plain.decode() for plain in opened[1:])
    lines = tuple(
        Line("asked" if isinstance(event, SenderAsked) else "replied", text)
        for event, text in zip(talk, said, strict=True)
    )
    # Where all meetings are over, what staff published waits for another to be shown in.
    waits = stage.state == "published" and upcoming is None and stage.published_at not in desk.state.placed
    state: State = "accepted" if waits else stage.state
    return Status(
        dialogue=desk.dialogue,
        state=state,
        says=SAYS[state],
        then=WAITS if waits else _then(state, upcoming),
        kind=item.received.kind,
        language=item.received.language,
        ceiling=item.ceiling,
        narrower=tuple(one for one in CEILINGS if one in ceilings and items.rank(one) < items.rank(item.ceiling)),
        text=content.text,
        name=content.name,
        reason=declined.reason if declined else None,
        explanation=explanation,
        asked=lines[-1].text if item.awaits_reply else "",
        lines=lines,
        public_text=(public_text or content.text) if published else "",
        theme=bool(published and published.theme),
        answer_meeting=answered.meeting if answered else "",
        answer_segments=answered.segments if answered else (),
        answer_text=answer_text,
        next_meeting=upcoming.id if upcoming else "",
        next_starts_ms=upcoming.created.starts_ms if upcoming and upcoming.phase == "planned" else None,
    )


def _then(state: State, upcoming: Meeting | None) -> str:
    if state != "received" or (upcoming and upcoming.phase == "planned"):
        return NEXT[state]
    return READ_NOW if upcoming else READ_AFTER


def _empty(desk: Desk, item: Item, state: State) -> Status:
    return Status(
        dialogue=desk.dialogue,
        state=state,
        says=SAYS[state],
        then=NEXT[state],
        kind=item.received.kind,
        language=item.received.language,
        ceiling=item.ceiling,
        narrower=(),
        text="",
        name="",
    )
