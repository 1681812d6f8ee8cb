"""How the findings of a check before a meeting are said: a sentence and a mend for each code."""

from collections.abc import Mapping, Sequence

import msgspec
from babel.numbers import format_decimal
from markupsafe import Markup

from hearing.finding import CHECKS, Check, Finding, Verdict, overall
from hearing.site.i18n import Words
from hearing.site.scriptwords import Sign, t


class Saying(msgspec.Struct, frozen=True):
    """What was found, and what to do about it; both are messages of the catalogues."""

    text: str
    mend: str = ""


SIGNS: Mapping[Verdict, Sign] = {
    "go": Sign("check", "ok", t("Ready")),
    "warn": Sign("warn", "wait", t("Warning")),
    "no-go": Sign("cross", "bad", t("Not ready")),
}
OVERALL: Mapping[Verdict, Sign] = {
    "go": Sign("check", "ok", t("Everything is ready: the meeting can open.")),
    "warn": Sign("warn", "wait", t("The meeting can open. Read the warnings first.")),
    "no-go": Sign("cross", "bad", t("The meeting is not ready to open.")),
}
TITLES: Mapping[Check, str] = {
    "meeting": t("Meeting"),
    "source": t("Source"),
    "tracks": t("Audio tracks"),
    "disk": t("Disk"),
    "worker": t("Captions"),
    "clock": t("Clock"),
}
_DISK = t("Free on the disk: {free} GB. Needed for {hours} h: about {need} GB.")
_WORKERS = t("Speech workers connected: {workers}. Channels they have room for: {free}; needed: {wanted}.")
SAYINGS: Mapping[str, Saying] = {
    "meeting-closed": Saying(
        t("This meeting is closed. It cannot be opened again."), t("Set up another one like it, and check that one.")
    ),
    "meeting-open": Saying(
        t("This meeting is open already."), t("Nothing is left to open. What is said below holds for now.")
    ),
    "source-opens": Saying(t("The source opens. Its length: {minutes} min.")),
    "source-endless": Saying(t("The source opens. It does not say how long it is.")),
    "source-short": Saying(
        t("The source is {minutes} min long; the agenda takes {planned} min."),
        t("Choose the whole recording, or shorten the agenda."),
    ),
    "source-missing": Saying(
        t("There is no file where the source should be."), t("Correct the path of the source, or put the file there.")
    ),
    "source-unreadable": Saying(
        t("The source cannot be read as sound or video."),
        t("Play the file on a computer. If that fails too, fetch it again or choose another source."),
    ),
    "source-no-audio": Saying(
        t("The source has no audio track for any of the channels."),
        t("Choose a source with sound, or correct which track belongs to which channel."),
    ),
    "source-slow": Saying(
        t("The source did not open within {seconds} s."), t("Check the disk that the file lies on, then check again.")
    ),
    "source-refused": Saying(
        t("This server may not open the source: its address, or where that leads, is not among what is allowed."),
        t("Ask whoever runs the server to allow its host. Copy the address again if it is wrong."),
    ),
    "source-unreachable": Saying(
        t("Nothing could be received from the source within {seconds} s."),
        t("Ask whoever sends it whether it is on air, and at which address. Then check again."),
    ),
    "picture-codec": Saying(
        t("Browsers do not play the picture of the source ({codec}). Sound and captions are not affected."),
        t("Convert the picture to H.264, or go on with sound alone."),
    ),
    "tracks-match": Saying(t("Audio tracks of the source: {found}. Channels configured: {wanted}.")),
    "tracks-missing": Saying(
        t("Audio tracks of the source: {found}. Channels configured: {wanted}. A channel has no track."),
        t("Remove a channel, correct its track, or choose another source."),
    ),
    "track-named": Saying(t("Track {track} is {channel}; the source calls it {stated}.")),
    "track-unnamed": Saying(t("Track {track} is {channel}; the source does not name its language.")),
    "track-unused": Saying(t("Track {track} is not used; the source calls it {stated}.")),
    "track-other": Saying(
        t("Track {track} is set up as {channel}, but the source calls it {stated}."),
        t("Listen to the track, then put the channels in the order of the tracks."),
    ),
    "track-silent": Saying(
        t("Track {track} ({channel}) is silent in its first seconds."),
        t("Listen to it further on. If it stays silent, choose another track or another source."),
    ),
    "disk-enough": Saying(_DISK),
    "disk-tight": Saying(_DISK, t("That is less than twice what is needed. Make room before the meeting.")),
    "disk-little": Saying(_DISK, t("Make room on the disk, or keep the data folder on another one.")),
    "disk-refuses": Saying(
        t("The data folder cannot be written."),
        t("Check that the disk is connected and not full, and who owns the folder."),
    ),
    "worker-enough": Saying(_WORKERS),
    "worker-few": Saying(_WORKERS, t("Connect another worker, close another meeting, or remove a channel.")),
    "worker-language": Saying(
        t("No connected worker knows the language of {channel}. It will have no captions."),
        t("Connect a worker with a model for it, or go on without captions there."),
    ),
    "worker-loading": Saying(t("The speech model is still loading."), t("Wait a minute, then check again.")),
    "worker-none": Saying(
        t("No speech worker is connected: there would be no captions."),
        t("Start a worker. Where one should run on this server, its log says why it does not."),
    ),
    "worker-off": Saying(
        t("Captions are switched off on this server, and no other worker is connected."),
        t("Connect a worker if captions are wanted."),
    ),
    "worker-unasked": Saying(
        t("No server runs on this data folder, so its workers cannot be asked."),
        t("Start the server, then check again."),
    ),
    "clock-kept": Saying(t("The clock of this server is synchronised.")),
    "clock-free": Saying(
        t("The clock of this server is not synchronised."),
        t("Switch time synchronisation on, or compare the clock with another one and set it."),
    ),
    "clock-unknown": Saying(
        t("This server cannot tell whether its clock is synchronised."), t("Compare the clock with another one.")
    ),
    "clock-behind": Saying(
        t("The clock of this server shows a time that is past."),
        t("Set the clock before the meeting opens: every time in the record comes from it."),
    ),
}


class Line(msgspec.Struct, frozen=True):
    """One finding in a reader's words."""

    sign: Sign
    text: Markup
    mend: Markup


class Group(msgspec.Struct, frozen=True):
    """One check with what it found."""

    title: str
    lines: list[Line]


class Readiness(msgspec.Struct, frozen=True):
    """What readiness.html shows: the worst verdict first, then check by check."""

    sign: Sign
    checks: list[Group]


class FindingAnswer(msgspec.Struct, frozen=True):
    """A finding, as the API tells it: `text` and `mend` are English."""

    check: Check
    verdict: Verdict
    code: str
    values: Mapping[str, str | int | float]
    text: str
    mend: str


class ReadinessAnswer(msgspec.Struct, frozen=True):
    """The worst verdict, and all findings."""

    verdict: Verdict
    findings: list[FindingAnswer]


def shown(findings: Sequence[Finding], words: Words) -> Readiness:
    """Say the findings in a reader's words."""
    groups = [(check, [one for one in findings if one.check == check]) for check in CHECKS]
    checks = [Group(TITLES[check], [_line(one, words) for one in found]) for check, found in groups if found]
    return Readiness(OVERALL[overall(findings)], checks)


def answer(findings: Sequence[Finding]) -> ReadinessAnswer:
    """Say the findings to programs."""
    return ReadinessAnswer(overall(findings), [_answer(one) for one in findings])


def _answer(one: Finding) -> FindingAnswer:
    saying = SAYINGS[one.code]
    text, mend = (message.format(**one.values) for message in (saying.text, saying.mend))
    return FindingAnswer(one.check, one.verdict, one.code, one.values, text, mend)


def _line(one: Finding, words: Words) -> Line:
    values = {name: _value(value, words) for name, value in one.values.items()}
    saying = SAYINGS[one.code]
    mend = words.t(saying.mend, **values) if saying.mend else Markup("")
    return Line(SIGNS[one.verdict], words.t(saying.text, **values), mend)


def _value(value: str | float, words: Words) -> Markup:
    """Write a figure as the language does, and set a name apart from the direction of the text around it."""
    if isinstance(value, str):
        return Markup("<bdi>{}</bdi>").format(value)
    return Markup("{}").format(format_decimal(value, locale=words.locale))
