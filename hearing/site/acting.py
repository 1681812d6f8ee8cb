"""What the forms of the question queue ask for, read into acts."""

from collections.abc import Mapping
from typing import TypeVar, get_args

from hearing.desk_events import Ceiling, Reason, Turn
from hearing.errors import Refused
from hearing.qa.acts import Accept, Act, Answer, Ask, Decline, Lower, Note, Publish, Route, TurnTo, Unpublish
from hearing.qa.outcome import Wanted
from hearing.qa.views import ItemView
from hearing.site.forms import Form

_MOST_SEGMENTS = 200

Choice = TypeVar("Choice")
_REASONS: Mapping[str, Reason] = {one: one for one in get_args(Reason)}
_TURNS: Mapping[str, Turn] = {one: one for one in get_args(Turn)}
_CEILINGS: Mapping[str, Ceiling] = {one: one for one in get_args(Ceiling)}


def read_act(form: Form, item: ItemView | None = None) -> Act:  # noqa: C901, PLR0911 - one line per act
    """Read an act. Raises Refused for none that there is. A text that was not changed is published as sent."""
    body = form.one("body").replace("\r\n", "\n").strip()
    match form.one("act"):
        case "accept":
            return Accept()
        case "decline":
            return Decline(_offered(form.one("reason"), _REASONS), body)
        case "publish":
            return Publish("" if item and body == item.text else body, bool(form.one("theme")), bool(form.one("named")))
        case "unpublish":
            return Unpublish()
        case "route":
            return Route(tuple(form.all("to")[:33]))
        case "answer":
            return _answer(form, body)
        case "turn":
            return TurnTo(_offered(form.one("turn"), _TURNS))
        case "lower":
            return Lower(_offered(form.one("ceiling"), _CEILINGS))
        case "note":
            return Note(body)
        case "ask":
            return Ask(body)
        case _:
            raise Refused("There is no such act.")


def read_wanted(form: Form) -> list[Wanted]:
    """Read which items a bulk decision is about, each with the version that was seen."""
    ticked = [value.partition(" ")[::2] for value in form.all("item")]
    return [Wanted(item, read_version(version)) for item, version in ticked if item]


def read_version(text: str) -> int:
    """Read a version. Raises Refused."""
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise Refused("Open the queue again: this page is not whole.")
    return int(text)


def _answer(form: Form, body: str) -> Answer:
    segments = tuple(segment[:80] for segment in form.all("segment")[:_MOST_SEGMENTS])
    return Answer(form.one("meeting") if segments else "", segments, body)


def _offered(given: str, choices: Mapping[str, Choice]) -> Choice:
    if given not in choices:
        raise Refused("Choose one of what is offered.")
    return choices[given]
