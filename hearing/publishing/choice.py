"""Which meetings are published: those that are closed, or as much as there is of those that are named provisional."""

from collections.abc import Collection, Sequence

import msgspec

from hearing.errors import Conflict, NotFound, Refused
from hearing.meeting import Phase


class Candidate(msgspec.Struct, frozen=True):
    """A meeting that everybody may see, as far as it must be known to choose."""

    id: str
    phase: Phase


def choose(known: Sequence[Candidate], named: Collection[str], *, provisional: bool) -> list[str]:
    """Return those that are named, or all, as far as they may be published.

    One that is on is published only where its text may be `provisional`. Raises NotFound, Conflict and Refused for one
    that is named and may not be.
    """
    there = {one.id: one for one in known}
    for name in named:
        _check(there.get(name), provisional=provisional)
    phases = {"closed", "open"} if provisional else {"closed"}
    return [one.id for one in known if one.phase in phases and (not named or one.id in named)]


def _check(found: Candidate | None, *, provisional: bool) -> None:
    if found is None:
        raise NotFound("There is no meeting with this id. List them with: hearing meeting list")
    if found.phase == "planned":
        raise Refused(f"Nothing was said in {found.id} yet: it was not open.")
    if found.phase == "open" and not provisional:
        raise Conflict(f"{found.id} is not closed, so its text still grows. Close it, or add --provisional.")
