"""What became of it: asked with the receipt, which travels in the body of a POST and never in an address."""

from typing import Any, get_args

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearing.desk_events import Ceiling
from hearing.errors import Conflict, HearingError, NotFound, Refused, Unavailable
from hearing.qa import receipt
from hearing.qa.acts import State
from hearing.qa.intake import MOST_REPLY
from hearing.qa.status import Status
from hearing.site import dialogue
from hearing.site.deskwords import VOCABULARY
from hearing.site.dialogue import Dialogue, Rooms
from hearing.site.forms import Form, clean, read_form
from hearing.site.scriptwords import t
from hearing.site.session import NO_STORE

_DIGITS_ONLY = t("A receipt has digits only, of any script. Spaces and dashes do not matter.")
_COUNT = t("A receipt has 26 digits; this one has {n}. Compare it with what you wrote down.")
_WRONG_DIGIT = t("One digit is wrong, or two are swapped. Compare it with what you wrote down.")
_NOTHING = t("Nothing has arrived under this receipt. If you have just sent it, send it again: it counts once.")
_REPLY = t("Write a reply of 1 to {n} characters, without your receipt in it.")
_CHANGED = t("This has changed in the meantime. Here is what holds now.")
_BUSY = t("This cannot be done at the moment. Try again in a minute.")
_MOST_TYPED = 200

_PASSED: tuple[State, ...] = ("routed", "published", "answered")


class Step(msgspec.Struct, frozen=True):
    """A step on the way: what it is, what is said of it, and whether it is behind."""

    text: str
    note: str = ""
    done: bool = False
    when: bool = False


class Trouble(msgspec.Struct, frozen=True):
    """What to mend about what was typed."""

    message: str
    n: int = 0
    status: int = 400


def routes(rooms: Rooms) -> list[Route]:
    """Serve the page of the receipt."""

    async def mine(request: Request) -> Response:
        found = await dialogue.find(rooms, request)
        if request.method != "POST":
            return _ask_receipt(rooms, request, found, "")
        return await _answer(rooms, request, found, await read_form(request))

    return [Route("/d/{dialogue}/mine", mine, methods=["GET", "POST"])]


def steps(status: Status, *, publishes: bool) -> list[Step]:
    """Return the way of an item, as far as it is known. Only what cannot be undone is said to be done."""
    read, passed = status.state != "received", status.state in _PASSED
    way = [Step(t("Received"), done=True), Step(t("Read by the secretariat"), done=read, when=not read)]
    if status.state == "declined":
        return [*way, Step(t("Not passed on"), done=True)]
    next_step = t("Published, or passed on") if publishes else t("Passed on to committee members")
    note = t("Those who receive it may use it, or not, as they judge best.")
    answered = status.state == "answered"
    way.append(Step(next_step, note, done=passed, when=read and not passed))
    return [*way, Step(t("Discussed, or answered in writing"), done=answered, when=passed and not answered)]


async def _answer(rooms: Rooms, request: Request, found: Dialogue, form: Form) -> Response:
    typed = form.one("receipt")[:_MOST_TYPED]
    try:
        digits = receipt.read(typed)
    except Refused:
        return _ask_receipt(rooms, request, found, typed, _mistake(typed))
    keys = receipt.keys(digits)
    trouble = await _do(rooms, keys, form)
    try:
        status = await rooms.office.status(keys)
    except NotFound:
        return _ask_receipt(rooms, request, found, typed, Trouble(_NOTHING, status=404))
    found = await dialogue.of(rooms, status.dialogue)  # as its own page says it, wherever the receipt was typed
    shown = {
        "dialogue": found,
        "say": VOCABULARY,
        "receipt": receipt.grouped(digits),
        "status": status,
        "steps": steps(status, publishes=found.rules.publishes),
        "trouble": trouble,
        "reply": form.one("text") if trouble else "",
        "fresh": False,
    }
    return rooms.look.page(request, "receipt.html", shown, status=trouble.status if trouble else 200, headers=NO_STORE)


async def _do(rooms: Rooms, keys: receipt.Keys, form: Form) -> Trouble | None:
    """Do what the sender asks for, if anything."""
    wanted = form.one("act")
    try:
        match wanted:
            case "withdraw" if form.one("sure") == "yes":
                await rooms.office.withdraw(keys)
            case "narrow" if form.one("ceiling") in get_args(Ceiling):
                await rooms.office.narrow(keys, msgspec.convert(form.one("ceiling"), Ceiling))
            case "reply":
                await rooms.office.reply(keys, clean(form.one("text")))
            case _:
                pass
    except NotFound:
        return None
    except Conflict:
        return Trouble(_CHANGED, status=409)
    except Refused:
        return Trouble(_REPLY, MOST_REPLY) if wanted == "reply" else Trouble(_CHANGED, status=409)
    except Unavailable:
        return Trouble(_BUSY, status=503)
    return None


def _mistake(typed: str) -> Trouble:
    """Say what is wrong with a receipt, as hearing.qa.receipt finds it."""
    if not typed.strip():
        return Trouble(_DIGITS_ONLY)
    count = _count(typed)
    if count is None:
        return Trouble(_DIGITS_ONLY)
    return Trouble(_COUNT, count) if count != receipt.DIGITS + 1 else Trouble(_WRONG_DIGIT)


def _count(typed: str) -> int | None:
    """Return how many digits were typed; None where something else stands among them."""
    separators = [char for char in typed if not char.isdecimal()]
    try:
        receipt.read("".join(separators) + receipt.mint())
    except HearingError:
        return None
    return sum(char.isdecimal() for char in typed)


def _ask_receipt(
    rooms: Rooms, request: Request, found: Dialogue, typed: str, trouble: Trouble | None = None
) -> Response:
    shown: dict[str, Any] = {"dialogue": found, "typed": typed, "trouble": trouble}
    return rooms.look.page(request, "mine.html", shown, status=trouble.status if trouble else 200, headers=NO_STORE)
