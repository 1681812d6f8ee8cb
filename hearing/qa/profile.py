"""How a dialogue works, by its profile: what may be sent, who may see it at the most, what is kept in a browser."""

from collections.abc import Iterable

import msgspec

from hearing.desk_events import Ceiling, Kind
from hearing.house_events import Profile


class Rules(msgspec.Struct, frozen=True):
    """What a profile allows. `ceilings` are offered in this order; the first is the one chosen beforehand.

    `publishes`: items may become public. `names`: a sender may give a name. `quiet`: nothing is stored in the
    browser, no cookie, neutral titles. `routes`: members read what is routed to them. `supports`: readers may support
    what is published.
    """

    profile: Profile
    ceilings: tuple[Ceiling, ...]
    publishes: bool
    names: bool
    quiet: bool
    routes: bool
    supports: bool = False
    kinds: tuple[Kind, ...] = ("question", "information")
    question_chars: int = 2_000
    information_chars: int = 8_000

    def longest(self, kind: Kind) -> int:
        """Return how many characters a text of this kind may have."""
        return self.question_chars if kind == "question" else self.information_chars


def _confidential(profile: Profile) -> Rules:
    return Rules(profile, ("committee", "secretariat"), publishes=False, names=False, quiet=True, routes=True)


_RULES: dict[Profile, Rules] = {
    "treaty-body": _confidential("treaty-body"),
    "upr": _confidential("upr"),
    "procedures": _confidential("procedures"),
    "open": Rules(
        "open",
        ("public-text", "public-theme", "committee", "secretariat"),
        publishes=True,
        names=True,
        quiet=False,
        routes=True,
    ),
}


def rules_of(profile: Profile) -> Rules:
    """Return the rules of a profile."""
    return _RULES[profile]


def strictest(profiles: Iterable[Profile]) -> Rules:
    """Return the rules of a dialogue whose meetings have these profiles: open only where all of them are."""
    found = list(profiles)
    closed = [profile for profile in found if profile != "open"]
    return rules_of(closed[0] if closed or not found else "open") if found else rules_of("treaty-body")
