"""The pages of a site of files: lists of meetings, a meeting, its channels, one passage; whole without script."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

from hearing import lang
from hearing.archive import record
from hearing.archive.exports import EXPORTS
from hearing.archive.record import Channel, Gap, Quiet
from hearing.archive.speakers import changes, spoken
from hearing.archive.wanted import committee
from hearing.site import exporting, i18n, show, web
from hearing.site.asked import wording
from hearing.site.cited import Cited
from hearing.site.copy import link, searchwords
from hearing.site.copy.edition import Edition, Listed, Setting, parts
from hearing.site.copy.link import Link
from hearing.site.folds import Fold
from hearing.site.i18n import Words
from hearing.site.look import Look
from hearing.site.passage import BASES, Place, citation
from hearing.site.scriptwords import MARKS
from hearing.transcript import Transcript

File = tuple[str, bytes]
Others = Callable[[str], str]
"""Says which file says the same in another language; empty where there is none."""

_ASSETS = ("hearing.css", "icons.svg", "mark.svg", "cite.js", "words.js")


class Pages:
    """Makes the files of a site. What they share, its style and scripts, lies in one folder that its digest names."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self._look = _look()
        files = self._look.web
        self._assets = {name: files.assets[name].content for name in _ASSETS}
        self._assets |= {f"find/{path.name}": web.script(path) for path in (files.folder / "src/find").glob("*.js")}
        self._static = f"static/{_digest(self._assets)}"

    def assets(self) -> Iterator[File]:
        """Yield style, icons and scripts."""
        return ((f"{self._static}/{name}", content) for name, content in sorted(self._assets.items()))

    def meeting(self, edition: Edition) -> Iterator[File]:
        """Yield everything of one meeting, pages and files."""
        words = self._look.catalogues.words(self.setting.language)
        channels = [(one, self._name(words, one)) for one in edition.release.channels]
        shown = {
            "edition": edition,
            "channels": channels,
            "status": self._about(words, edition, edition.release.channels[0]),
        }
        yield self._page("copy/meeting.html", words, link.meeting(edition.id), shown)
        for channel in edition.release.channels:
            yield from self._channel(edition, channel)

    def lists(self, listed: Sequence[Listed], find: str) -> Iterator[File]:
        """Yield the lists of meetings and the search, in every language; the first page in the language of the site."""
        newest = sorted(listed, key=lambda one: (-one.day_ms, one.id))
        for language in lang.NAMES:
            yield from self._lists(self._look.catalogues.words(language), newest, find)
        words = self._look.catalogues.words(self.setting.language)
        yield self._home(words, newest, "index.html", link.home)

    def _lists(self, words: Words, newest: list[Listed], find: str) -> Iterator[File]:
        language = words.language
        years = sorted({one.year for one in newest}, reverse=True)
        yield self._home(words, newest, link.home(language), link.home)
        for year in years:
            yield self._home(words, newest, f"{language}/{year}.html", f"{{}}/{year}.html".format, year)
        by = (
            ("committees", words.t("By committee"), lambda one: committee(one.body)),
            ("reviews", words.t("By State or topic"), lambda one: one.title.partition(",")[0].strip()),
        )
        for name, heading, key in by:
            groups = [(group, list(held)) for group, held in groupby(sorted(newest, key=key), key)]
            shown: dict[str, Any] = {"groups": groups, "heading": heading, "years": years, "here": name}
            yield self._page("copy/groups.html", words, f"{language}/{name}.html", shown, f"{{}}/{name}.html".format)
        shown = {"find": find, "part": link.PART, "script_words": searchwords.script_words(words), "years": years}
        yield self._page("copy/search.html", words, f"{language}/search.html", shown, "{}/search.html".format)

    def _home(self, words: Words, newest: list[Listed], name: str, others: Others, year: int = 0) -> File:
        years = sorted({one.year for one in newest}, reverse=True)
        now = year or (years[0] if years else 0)
        shown = {"meetings": [one for one in newest if one.year == now], "years": years, "year": now, "first": not year}
        return self._page("copy/home.html", words, name, shown, others)

    def _channel(self, edition: Edition, channel: Channel) -> Iterator[File]:
        words = self._look.catalogues.words(channel.language.split("-", 1)[0])
        around = exporting.wording(words, edition.release, channel, self.setting.address)
        for kind, export in EXPORTS.items():
            yield f"m/{edition.id}/{channel.id}.{kind}", export.write(edition.release, channel, around)
        cut = parts(channel)
        for number, entries in enumerate(cut):
            shown = {
                "edition": edition,
                "channel": channel,
                "channels": [(one, self._name(words, one)) for one in edition.release.channels],
                "entries": entries,
                "part": number,
                "parts": [link.text(edition.id, channel.id, at * link.PART) for at in range(len(cut))],
                "status": around.status,
                "spoken": any(one.text for one in channel.segments),
            }
            name = link.text(edition.id, channel.id, number * link.PART)
            yield self._page("copy/channel.html", words, name, shown, self._same(edition))
        if self.setting.passages:
            yield from self._passages(words, edition, channel)

    def _passages(self, words: Words, edition: Edition, channel: Channel) -> Iterator[File]:
        created = next(one for one in edition.meeting.created.channels if one.id == channel.id)
        zero = edition.release.media_zero_utc_ms
        fold = Fold()
        fold.transcript = Transcript(media_zero_utc_ms=zero)
        fold.numbered = record.Numbered(int(edition.release.id[1:]))
        said = channel.segments
        for at, here in enumerate(said):
            address = f"{self.setting.address}{record.path(edition.id, here.id)}"
            near = said[max(0, at - 1) : at + 2]
            shown = {
                "edition": edition,
                "channel": channel,
                "channel_name": self._name(words, channel),
                "here": here,
                "near": [one for one in near if one is here or one.text or one.hidden],
                "context": link.text(edition.id, channel.id, here.n),
                "cite": ""
                if here.hidden
                else citation(words, Place(edition.meeting, created, (), Cited(here, fold.release)), fold, address),
            }
            yield self._page("copy/passage.html", words, link.passage(edition.id, here.id), shown, self._same(edition))

    def _page(
        self, template: str, words: Words, name: str, shown: Mapping[str, Any], others: Others | None = None
    ) -> File:
        alike = {code: others(code) for code in lang.NAMES} if others else {}
        made = Link(name, words.language, {code: found for code, found in alike.items() if found})
        filled = {
            "link": made,
            "asset": lambda asset: made.file(f"{self._static}/{asset}"),
            "searchable": True,
            "site": self.setting,
            "files": link,
            "kinds": exporting.KINDS,
            "marks": MARKS,
            "bases": BASES,
            "changes": changes,
            "tongues": spoken,
            "clock_of": show.clock,
            "media_time": show.media_time,
            "is_gap": lambda entry: isinstance(entry, Gap),
            "is_quiet": lambda entry: isinstance(entry, Quiet),
            "wording": wording,
            **shown,
        }
        return name, self._look.fill(template, words, filled).encode()

    def _same(self, edition: Edition) -> Others:
        """Return what tells where a meeting is read in another language."""
        by_language = {one.language.split("-", 1)[0]: one.id for one in reversed(edition.release.channels)}

        def text(code: str) -> str:
            return link.text(edition.id, by_language[code]) if code in by_language else ""

        return text

    def _name(self, words: Words, channel: Channel) -> str:
        return exporting.language_of(words, channel)

    def _about(self, words: Words, edition: Edition, channel: Channel) -> tuple[str, ...]:
        return exporting.wording(words, edition.release, channel, self.setting.address).status


@lru_cache(1)
def _look() -> Look:
    files = web.load()
    return Look(files, i18n.load(files.folder / "locale"))


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(name.encode() + b"\0" + content)
    return digest.hexdigest()[:12]
