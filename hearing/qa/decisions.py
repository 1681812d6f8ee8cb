"""What may happen to an item: each command of staff or of its sender gives events, or says why not. Pure."""

import re

from hearing.access import Actor
from hearing.desk_events import (
    ACT_SETTLES_MS,
    ActUndone,
    Ceiling,
    CeilingLowered,
    ItemAccepted,
    ItemAnswered,
    ItemDeclined,
    ItemEvent,
    ItemNoted,
    ItemPublished,
    ItemRouted,
    ItemTurned,
    ItemUnpublished,
    ItemWithdrawn,
    SenderAsked,
    SenderReplied,
)
from hearing.errors import Conflict, Gone, Refused
from hearing.qa.acts import Accept, Act, Answer, Ask, Decline, Lower, Note, Publish, Route, TurnTo, Unpublish
from hearing.qa.item import Item, rank
from hearing.qa.profile import Rules

# Segments go into the public stream: what names them has no room for words.
_SEGMENT = re.compile(r"[a-z]{2,8}(-[a-z0-9]{1,8})*\.[0-9]{1,6}")


def decide(item: Item, act: Act, *, actor: Actor, at_ms: int, rules: Rules) -> list[ItemEvent]:  # noqa: C901, PLR0911 - one line per act
    """Decide an act of staff; what is so already decides nothing.

    Raises Gone for a withdrawn item, Conflict where its state does not allow the act, Refused where the profile or
    its sender's ceiling does not.
    """
    _check_there(item)
    match act:
        case Accept():
            return _accept(item, actor, at_ms)
        case Decline():
            return _decline(item, act, actor, at_ms)
        case Publish():
            return _publish(item, act, actor, at_ms, rules)
        case Unpublish():
            return [ItemUnpublished(item.id, actor, at_ms)] if item.stage.published else []
        case Route():
            return _route(item, act, actor, at_ms)
        case Answer():
            return _answer(item, act, actor, at_ms)
        case TurnTo():
            return _turn(item, act, actor, at_ms)
        case Lower():
            return lower(item, act.ceiling, actor, at_ms)
        case Note():
            return [ItemNoted(item.id, actor, at_ms, _some(act.body))]
        case Ask():
            return [SenderAsked(item.id, actor, at_ms, _some(act.body))]


def undo(item: Item, *, actor: Actor, at_ms: int) -> list[ItemEvent]:
    """Decide to take the last act back: by who did it, within ten seconds. Raises Gone, Conflict, Refused."""
    _check_there(item)
    stage = item.stage
    if not stage.position or at_ms >= stage.at_ms + ACT_SETTLES_MS:
        raise Conflict("There is nothing to undo here: the ten seconds are over.")
    if stage.actor != actor:
        raise Refused("Only who decided this can undo it. Decide anew instead.")
    return [ActUndone(item.id, actor, at_ms, stage.position)]


def lower(item: Item, ceiling: Ceiling, actor: Actor | None = None, at_ms: int = 0) -> list[ItemEvent]:
    """Decide to let fewer see it; raising it is refused, whoever asks."""
    _check_there(item)
    if rank(ceiling) > rank(item.ceiling):
        raise Refused("Who may see an item can only be narrowed. Its sender set the limit.")
    return [] if ceiling == item.ceiling else [CeilingLowered(item.id, ceiling, actor, at_ms)]


def withdraw(item: Item) -> list[ItemEvent]:
    """Decide to withdraw; a second time decides nothing."""
    return [] if item.withdrawn else [ItemWithdrawn(item.id)]


def reply(item: Item, body: str, bucket: int) -> list[ItemEvent]:
    """Decide a sender's reply. Raises Conflict where nothing was asked."""
    _check_there(item)
    if not item.awaits_reply:
        raise Conflict("Nothing is asked of you at the moment.")
    return [SenderReplied(item.id, bucket, _some(body))]


def _accept(item: Item, actor: Actor, at_ms: int) -> list[ItemEvent]:
    if item.state in ("received", "declined"):
        return [ItemAccepted(item.id, actor, at_ms)]
    return []


def _decline(item: Item, act: Decline, actor: Actor, at_ms: int) -> list[ItemEvent]:
    if item.state in ("published", "answered") or item.stage.published:
        raise Conflict("This is public or answered. Take it out of the public view first.")
    if item.stage.declined and item.stage.declined.reason == act.reason and item.state == "declined":
        return []
    return [ItemDeclined(item.id, actor, at_ms, act.reason, act.body)]


def _publish(item: Item, act: Publish, actor: Actor, at_ms: int, rules: Rules) -> list[ItemEvent]:
    _check_accepted(item)
    if not rules.publishes:
        raise Refused("Nothing is published in this dialogue: what is sent is for the committee alone.")
    if rank(item.ceiling) < rank("public-theme" if act.theme else "public-text"):
        raise Refused("Its sender does not want this to be public. Route it, or publish its theme if they allow that.")
    if act.theme and not act.body:
        raise Refused("Say in a few words what the theme is.")
    if item.state == "published" and not act.body:
        return []
    return [ItemPublished(item.id, actor, at_ms, act.body, act.theme, act.named and rules.names)]


def _route(item: Item, act: Route, actor: Actor, at_ms: int) -> list[ItemEvent]:
    _check_accepted(item)
    if rank(item.ceiling) < rank("committee"):
        raise Refused("Its sender wants the secretariat alone to read this.")
    to = tuple(dict.fromkeys(act.to))
    if not 1 <= len(to) <= 32:
        raise Refused("Choose who it goes to: `committee`, or up to 32 members.")
    return [] if item.state == "routed" and to == item.stage.routed_to else [ItemRouted(item.id, actor, at_ms, to)]


def _answer(item: Item, act: Answer, actor: Actor, at_ms: int) -> list[ItemEvent]:
    if item.state not in ("published", "routed", "answered"):
        raise Conflict("Only what is published or routed can be answered.")
    if not act.segments and not act.body:
        raise Refused("Name the passage in which it was answered, or write the answer.")
    if len(act.segments) > 200 or bool(act.segments) != bool(act.meeting):
        raise Refused("A passage is up to 200 segments of one meeting.")
    if not all(_SEGMENT.fullmatch(segment) for segment in act.segments):
        raise Refused("A segment is named by its channel and its number, as in en.12.")
    same = item.stage.answered
    if (
        item.state == "answered"
        and same
        and (same.meeting, same.segments) == (act.meeting, act.segments)
        and not act.body
    ):
        return []
    return [ItemAnswered(item.id, actor, at_ms, act.meeting, act.segments, act.body)]


def _turn(item: Item, act: TurnTo, actor: Actor, at_ms: int) -> list[ItemEvent]:
    if not item.stage.published:
        raise Conflict("Only a published question has a turn.")
    return [] if item.turn == act.turn else [ItemTurned(item.id, actor, at_ms, act.turn)]


def _check_there(item: Item) -> None:
    if item.withdrawn:
        raise Gone("Its sender withdrew this. Nothing more can be done with it.")


def _check_accepted(item: Item) -> None:
    if item.state not in ("accepted", "routed", "published", "answered"):
        raise Conflict("Accept it first.")


def _some(body: str) -> str:
    if not body:
        raise Refused("Write something first.")
    return body
