"""What a search is asked and what it answers."""

from typing import Literal

import msgspec

from hearing.archive import query, tables
from hearing.errors import Refused
from hearing.meeting import Meeting
from hearing.transcript import Mark

Order = Literal["closest", "newest"]
ReasonCode = Literal["no-words", "no-text", "other-languages", "filters", "missing-words", "words-apart"]

MAX_LIMIT = 50
MAX_SKIP = 1000


class Wanted(msgspec.Struct, frozen=True):
    """What is looked for. An empty filter lets all through; `since` and `until` are UTC milliseconds, until excluded.

    `body` is a committee, with or without its session; `language` one of the six, or `other`; `speaker` a name, or
    some words of it.
    """

    text: str
    language: str = ""
    body: str = ""
    dialogue: str = ""
    meeting: str = ""
    since: int | None = None
    until: int | None = None
    order: Order = "closest"
    limit: int = 10
    skip: int = 0
    speaker: str = ""


class Hit(msgspec.Struct, frozen=True):
    """One passage. `t` is when the first word that matches was said; `marks` are (start, end) in `text`.

    `cut_before`, `cut_after`: the text begins or ends inside a sentence. `speaker` is empty where nobody knows.
    `state` is the least that somebody answers for of `text`, which may take in the passages around it.
    """

    meeting: Meeting
    zero_ms: int
    channel: str
    language: str
    segment: str
    t: int
    text: str
    marks: list[tuple[int, int]]
    cut_before: bool
    cut_after: bool
    speaker: str = ""
    state: Mark = "machine"

    @property
    def at_ms(self) -> int:
        """The instant, UTC."""
        return self.zero_ms + self.t


class Count(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many hits there are with this language, committee or dialogue, the other filters being as they are.

    `label` is how a dialogue is called: as its meetings are, up to the comma.
    """

    key: str
    hits: int
    label: str = ""


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why nothing was found. `languages` have hits, `excluded` were kept out by filters, `missing` stand nowhere."""

    code: ReasonCode
    languages: list[Count] = []
    excluded: int = 0
    missing: list[str] = []


class Found(msgspec.Struct, frozen=True):
    """What a search found. `behind` meetings are not in the index yet, so there may be more.

    `speakers` is empty too where there are more hits than can be told apart by speaker in good time.
    """

    hits: list[Hit]
    total: int
    meetings: int
    languages: list[Count]
    bodies: list[Count]
    dialogues: list[Count]
    behind: int = 0
    reason: Reason | None = None
    speakers: list[Count] = []


def check(wanted: Wanted) -> None:
    """Raise Refused, with the mend."""
    if len(wanted.text) > query.MAX_QUERY:
        raise Refused(f"A search takes {query.MAX_QUERY} characters at the most.")
    if wanted.language and wanted.language not in tables.TABLES:
        raise Refused(f"There is no such language here. Choose one of: {', '.join(tables.TABLES)}.")
    if wanted.speaker and not query.speaker_terms(wanted.speaker):
        raise Refused("A speaker is named by at least one letter.")
    if not 1 <= wanted.limit <= MAX_LIMIT or not 0 <= wanted.skip <= MAX_SKIP:
        raise Refused(f"A search gives 1 to {MAX_LIMIT} hits after 0 to {MAX_SKIP} others.")


def committee(body: str) -> str:
    """Return the committee without its session: `Human Rights Committee, 148th session`."""
    return body.partition(",")[0].strip()
