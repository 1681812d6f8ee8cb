"""What the search of a site without a server reads: every language's terms, the meetings they were said in, the text
around them. It is made from releases, so it holds no word that a release does not."""

import hashlib
from collections.abc import Iterator

import msgspec

from hearing.archive import analyse
from hearing.archive.record import Channel, Release, Segment
from hearing.archive.shards import LAYOUT, Terms
from hearing.archive.tables import TABLES, table_of
from hearing.archive.wanted import committee
from hearing.transcript import Mark

FOLDER = "find"
STEP = 8
"""So many passages stand in one file of text."""

MARKS: tuple[Mark, ...] = ("machine", "corrected", "verified")
"""Who answers for a text, nobody first: a file holds the place in this list."""


class Listed(msgspec.Struct, frozen=True, array_like=True):
    """A channel in a language's list: its passages have the numbers from `base` on, in the order of their ordinals."""

    meeting: int
    channel: str
    language: str
    floor: bool
    base: int
    passages: int


class Held(msgspec.Struct, frozen=True, array_like=True):
    """A meeting in the list. `review` is how its dialogue is called, `day_ms` the instant by which it is chosen."""

    id: str
    title: str
    body: str
    committee: str
    dialogue: str
    review: str
    day_ms: int
    zero_ms: int | None


class Language(msgspec.Struct, frozen=True):
    """What is known of a language without fetching its terms."""

    passages: int
    firsts: list[str]
    channels: list[Listed]


class Directory(msgspec.Struct, frozen=True):
    """The file that a browser reads first."""

    layout: int
    analyser: int
    step: int
    meetings: list[Held]
    languages: dict[str, Language]


class FindingAid:
    """Grows by one release after the other, oldest meeting first."""

    def __init__(self) -> None:
        self._terms = {language: Terms(language) for language in TABLES}
        self._channels: dict[str, list[Listed]] = {language: [] for language in TABLES}
        self._next = dict.fromkeys(TABLES, 0)
        self._meetings: list[Held] = []

    def add(self, release: Release, day_ms: int) -> Iterator[tuple[str, bytes]]:
        """Take a release in; yield the files of its text."""
        number = len(self._meetings)
        review = release.title.partition(",")[0].strip()
        about = (release.title, release.body, committee(release.body), release.dialogue, review)
        self._meetings.append(Held(release.meeting, *about, day_ms, release.media_zero_utc_ms))
        for channel in release.channels:
            said = [one for one in channel.segments if one.text]
            if said:
                self._take(number, channel, said)
                yield from _texts(release.meeting, channel.id, said)

    def files(self) -> tuple[str, list[tuple[str, bytes]]]:
        """Return the folder that is named by what it holds, and the files in it."""
        files: list[tuple[str, bytes]] = []
        languages: dict[str, Language] = {}
        for language, terms in self._terms.items():
            if terms.passages:
                firsts, made = terms.files()
                files += [(f"{language}/{name}", content) for name, content in made]
                languages[language] = Language(terms.passages, firsts, self._channels[language])
        directory = Directory(LAYOUT, analyse.VERSION, STEP, self._meetings, languages)
        files.append(("index.json", msgspec.json.encode(directory)))
        digest = hashlib.sha256()
        for name, content in files:
            digest.update(name.encode() + b"\0" + content)
        folder = f"{FOLDER}/{digest.hexdigest()[:16]}"
        return folder, [(f"{folder}/{name}", content) for name, content in files]

    def _take(self, meeting: int, channel: Channel, said: list[Segment]) -> None:
        """Take a channel in: under each of its languages the passages that are in it."""
        count, floor = said[-1].n + 1, channel.kind == "floor"
        spoken = dict.fromkeys(segment.spoken(channel.language) for segment in said)
        for tongue in spoken:
            language = table_of(tongue)
            base = self._next[language]
            self._channels[language].append(Listed(meeting, channel.id, tongue, floor, base, count))
            self._next[language] += count
            for segment in said:
                if segment.spoken(channel.language) == tongue:
                    self._terms[language].add(base + segment.n, segment.text)


def _texts(meeting: str, channel: str, said: list[Segment]) -> Iterator[tuple[str, bytes]]:
    """Yield the text in files of STEP passages, with one more at each end for the sentence that goes on there."""
    by_file: dict[int, list[Segment]] = {}
    for segment in said:
        for number in {max(0, segment.n - 1) // STEP, segment.n // STEP, (segment.n + 1) // STEP}:
            by_file.setdefault(number, []).append(segment)
    for number in sorted({one.n // STEP for one in said}):
        lines = [(one.n, one.t0, one.t1, one.text, MARKS.index(one.mark)) for one in by_file[number]]
        yield f"{FOLDER}/text/{meeting}/{channel}/{number}.json", msgspec.json.encode(lines)
