"""The words that the live page's script says, in the reader's language: they travel in the page."""

import msgspec

from hearing import lang
from hearing.site.i18n import Words
from hearing.transcript import Mark


class Sign(msgspec.Struct, frozen=True):
    """A state in words, with the icon and the style that go with it."""

    icon: str
    style: str
    text: str


def t(message: str) -> str:
    """Mark a message for the catalogues; it is translated where it is said."""
    return message


TOMBSTONE = t("This passage was hidden by the secretariat.")
"""What stands where a hidden passage was."""

TAKEN_OUT = t("Words were taken out of the record here.")
"""What stands where a redaction left nothing."""

STATES = {
    "planned": Sign("soon", "off", t("Not open yet")),
    "waiting": Sign("late", "wait", t("Waiting for the source")),
    "live": Sign("live", "live", t("Live")),
    "interrupted": Sign("lost", "wait", t("Interrupted since {time}, we try again")),
    "missing": Sign("late", "wait", t("The source is not there yet, we try again")),
    "no-audio": Sign("late", "wait", t("The source has no sound, we try again")),
    "unreadable": Sign("late", "wait", t("The source cannot be read, we try again")),
    "ended": Sign("closed", "off", t("The source has ended")),
    "closed": Sign("closed", "off", t("Closed")),
}
"""How each state of a meeting is said, and why its source is waited for. `{time}` is Geneva time."""


MARKS: dict[Mark, Sign] = {
    "machine": Sign("machine", "tr", t("Machine text")),
    "typed": Sign("typed", "tr", t("Typed by a captioner")),
    "corrected": Sign("corrected", "tr", t("Corrected text")),
    "verified": Sign("verified", "tr", t("Verified against the floor")),
}
"""How it is said who answers for a text."""


def sign_of(state: str, reason: str | None) -> str:
    """Return which sign says the state: that of the reason, where there is one and the source may still come."""
    return reason if reason in STATES and state in {"waiting", "interrupted"} else state


CAPTIONS = {
    "starting": t("starting"),
    "live": t("live"),
    "typed": t("typed by a captioner"),
    "quiet": t("no speech heard"),
    "late": t("{n} s late"),
    "paused": t("paused"),
    "off": t("not captioned"),
    "no-sound": t("no sound on this channel"),
}
"""How each state of a channel's captions is said. `{n}` is seconds."""


def script_words(words: Words) -> str:
    """Return all of them as JSON, safe inside a script element: no `<` in it."""
    t = words.plain
    said = {
        "states": {state: [sign.icon, sign.style, words.plain(sign.text)] for state, sign in STATES.items()},
        "captions": {state: words.plain(text) for state, text in CAPTIONS.items()},
        "jump": words.forms("Jump to live, {n} new passage", "Jump to live, {n} new passages"),
        "jump0": t("Jump to live"),
        "lost": t("Connection lost at {time}. We try again every few seconds. What you have read stays here."),
        "again": t("Connected again. Nothing was missed."),
        "local": t("({time} where you are)"),
        "gap": t("Words are missing here."),
        "quiet": t("No speech was heard here."),
        "marks": {mark: [sign.icon, words.plain(sign.text)] for mark, sign in MARKS.items()},
        "languages": dict(lang.NAMES),
        "hidden": t(TOMBSTONE),
        "taken": t(TAKEN_OUT),
        "nobody": t("Speaker not identified"),
        "play": t("Play"),
        "pause": t("Pause"),
        "loading": t("Loading"),
        "behind": t("{n} s behind the room"),
        "nopicture": t("The picture cannot be played in this browser. Choose audio: it plays everywhere."),
        "nosound": t("The sound is not there yet. We try again."),
        "renew": t("The meeting is closed. Its whole text is on the page when you load it again."),
    }
    return msgspec.json.encode(said).decode().replace("<", "\\u003c")
