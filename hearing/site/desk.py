"""Everything of the question queues: what participants, moderators, members, the chair, the room and staff see."""

from starlette.routing import Route

from hearing.site import (
    ask,
    asked,
    captioner,
    correcting,
    hiding,
    invitations,
    items,
    lists,
    members,
    mine,
    misheard,
    notices,
    queue,
    redact,
    revising,
    revision,
    session,
    speaking,
    staff,
    supporting,
)
from hearing.site.dialogue import Rooms


def routes(known: Rooms) -> list[Route]:
    """Serve them. They stand before the pages' own routes, whose downloads match any name under a meeting."""
    return [
        *ask.routes(known),
        *mine.routes(known),
        *asked.routes(known),
        *supporting.routes(known),
        *items.routes(known),
        *session.routes(known),
        *queue.routes(known),
        *hiding.routes(known),
        *speaking.routes(known),
        *lists.routes(known),
        *correcting.routes(known),
        *misheard.routes(known),
        *notices.routes(known),
        *members.routes(known),
        *invitations.routes(known),
        *staff.routes(known),
        *redact.routes(known),
        *revision.routes(known),
        *revising.routes(known),
        *captioner.routes(known),
    ]
