"""The paragraphs of a page without end, as they are written and stay: when, who, in which language, and what."""

from collections.abc import Callable

from markupsafe import Markup, escape

from hearing import lang
from hearing.house_events import Channel
from hearing.lang import join, spaced
from hearing.site import show
from hearing.site.i18n import Words
from hearing.site.scriptwords import MARKS, TAKEN_OUT, TOMBSTONE
from hearing.transcript import Mark, Segment
from hearing.turns import NOBODY

_SAID = Markup(
    '<div class="turn"><p class="at">{mark}<time title="{media_time}">{clock}</time></p>{who}'
    '{turned}<p class="said"{id} lang="{language}" dir="auto">{said}'
)
_SAID_END = Markup("</p></div>\n")
_WHO = Markup('<p class="who"><bdi>{}</bdi></p>')
_TONGUE = Markup('<p class="tongue"><bdi lang="{0}">{1}</bdi></p>')
_NOBODY = Markup('<p class="who soft">{}</p>')
_NOTE = Markup('<p class="note soft">{}</p>\n')
_TIME = Markup("<time>{}</time>")
_CORRECTED = Markup(
    '<div class="turn"><p class="at">{mark} <time>{clock}</time></p>'
    '<p class="said" lang="{language}" dir="auto">{said}</p></div>\n'
)
_HIDDEN = Markup('<div class="turn hid"{id}><p class="soft">{words}</p></div>\n')


class Paragraphs:
    """What was written so far, and what comes next. `zero` is when media time 0 was; `heard`, who speaks when.

    `written` and `buried` are the segments that stand here with their words, and with a tombstone. `between` is asked
    for what goes before a new segment's paragraph, and told how many there are with it.
    """

    def __init__(self, words: Words, channel: Channel, between: Callable[[int], Markup]) -> None:
        self.zero: int | None = None
        self.heard = NOBODY
        self.through_t = 0
        self.written: set[str] = set()
        self.buried: set[str] = set()
        self._words = words
        self._channel = channel
        self._between = between
        self._open = False
        self._segment = ""
        self._segments = 0
        self._speaker = ""
        self._tongue = ""

    def spoken(self, language: str) -> str:
        """Return what is spoken: the channel's language where nothing else is said of a segment."""
        return language or self._channel.language

    def say(self, segment: str, said: str, through_t: int, language: str, mark: Mark) -> Markup:
        """Go on in the segment's paragraph where it is the last and open, else open one."""
        if self._open and segment == self._segment:
            written = escape((" " if spaced(self.spoken(language)) else "") + said)
        else:
            written = self.paragraph(segment, said, through_t, language, mark)
        self.through_t = through_t
        return written

    def paragraph(self, segment: str, said: str, through_t: int, language: str = "", mark: Mark = "machine") -> Markup:
        """Open the segment's paragraph, with its mark; one that a pause broke goes on in another, which has no id."""
        goes_on, self._segment = segment == self._segment, segment
        self.written.add(segment)
        closing = self.close()
        self._open = True
        if not goes_on:
            self._segments += 1
            closing += self._between(self._segments)
        return closing + _SAID.format(
            mark=self._words.t(MARKS[mark].text) + " " if mark != "machine" else "",
            media_time=show.media_time(self.through_t),
            clock=show.clock(self.zero, self.through_t),
            who=self._who(through_t),
            id="" if goes_on else Markup(' id="{}"').format(segment),
            turned=self._turned(language),
            language=self.spoken(language),
            said=said,
        )

    def corrected(self, known: Segment) -> Markup:
        """Say how a segment that stands above reads now: what was written cannot be changed."""
        t = known.after_t if known.t0 is None else known.t0
        mark = self._words.t(MARKS[known.mark].text)
        language = self.spoken(known.language)
        said = join(known.shown, language)
        return self.close() + _CORRECTED.format(mark=mark, clock=show.clock(self.zero, t), language=language, said=said)

    def tombstone(self, segment: str, basis: str = "") -> Markup:
        """Write once that a segment is hidden, or that nothing is left of it."""
        if segment in self.buried:
            return Markup()
        self.buried.add(segment)
        return self.close() + _HIDDEN.format(
            id=Markup(' id="{}"').format(segment), words=self._words.t(TAKEN_OUT if basis else TOMBSTONE)
        )

    def note(self, text: Markup, *times: int) -> Markup:
        """Write what is not of a speaker; with media times, when it was so, or from when to when."""
        clocks = Markup("–").join(_TIME.format(show.clock(self.zero, t)) for t in times)
        return self.close() + _NOTE.format(clocks + " " + text if times else text)

    def close(self) -> Markup:
        """End the paragraph that is open."""
        closing, self._open = (_SAID_END if self._open else Markup()), False
        return closing

    def _turned(self, language: str) -> Markup:
        """Name the language, where another one was spoken before."""
        before, self._tongue = self._tongue, language or self._tongue
        return Markup() if language in {"", before} else _TONGUE.format(language, lang.name(language))

    def _who(self, through_t: int) -> Markup:
        """Name who speaks, where that is somebody else than before."""
        turn = self.heard.most(self.through_t, through_t)
        before, self._speaker = self._speaker, turn.name if turn else ""
        if self._speaker == before:
            return Markup()
        return _WHO.format(self._speaker) if self._speaker else _NOBODY.format(self._words.t("Speaker not identified"))
