"""How questions, their states and the choices about them are said. Every text is a message of the catalogues."""

from collections.abc import Mapping

from babel import Locale, UnknownLocaleError

from hearing import lang
from hearing.desk_events import Ceiling, Kind, Reason, SourceClass, Turn
from hearing.events import Side
from hearing.qa.acts import State
from hearing.qa.status import REASONS
from hearing.site.scriptwords import Sign, t

STATES: Mapping[State, Sign] = {
    "received": Sign("todo", "off", t("Received")),
    "accepted": Sign("check", "ok", t("Accepted")),
    "declined": Sign("cross", "off", t("Not passed on")),
    "routed": Sign("route", "ok", t("Passed on")),
    "published": Sign("open", "ok", t("Published")),
    "answered": Sign("here", "ok", t("Answered")),
    "withdrawn": Sign("undo", "off", t("Withdrawn")),
}
KINDS: Mapping[Kind, str] = {"question": t("Suggested question"), "information": t("Information")}
KIND_HINTS: Mapping[Kind, str] = {
    "question": t("Something that could be asked in the meeting"),
    "information": t("Facts, figures or a source that may not be known yet"),
}
CEILINGS: Mapping[Ceiling, str] = {
    "secretariat": t("The secretariat only"),
    "committee": t("The secretariat and the committee"),
    "public-theme": t("The topic may be made public"),
    "public-text": t("My text may be made public"),
}
CEILING_HINTS: Mapping[Ceiling, str] = {
    "secretariat": t("To inform its work"),
    "committee": t("Usual for a suggested question"),
    "public-theme": t("Your words stay with those who run the meeting"),
    "public-text": t("Never at the moment you sent it"),
}
LIMITS: Mapping[Ceiling, str] = {
    "secretariat": t("Secretariat only"),
    "committee": t("Secretariat and committee"),
    "public-theme": t("Topic may be public"),
    "public-text": t("Text may be public"),
}
CLASSES: Mapping[SourceClass, str] = {
    "undisclosed": t("I prefer not to say"),
    "cso": t("Civil society organisation"),
    "nhri": t("National human rights institution"),
    "academic": t("Academic"),
    "individual": t("Individual"),
    "state": t("State or authority"),
    "other": t("Somebody else"),
}
TURNS: Mapping[Turn, str] = {"now": t("Now"), "next": t("Next"), "queued": t("Waiting")}
SHORT_REASONS: Mapping[Reason, str] = {
    "off-mandate": t("Outside the mandate"),
    "other-state": t("Another State"),
    "individual-complaint": t("Individual complaint"),
    "identifies-a-person": t("Puts a person at risk"),
    "abusive": t("Insults or threats"),
    "duplicate": t("Sent already"),
    "too-late": t("Too late"),
    "unclear": t("Cannot be understood"),
    "other": t("Another reason"),
}

# What a status says (hearing.qa.status), marked here for the catalogues; a test compares.
STATUS_MESSAGES = frozenset(
    {
        t("Its text was lost on the server. Nobody can read it any more."),
        t("If it matters to you, send it again, with a new receipt."),
        t("It is kept, but cannot be read at the moment."),
        t("Tell the secretariat: the server that keeps it needs mending. Your receipt stays good."),
        t("It has arrived. Nobody has decided about it yet."),
        t("The secretariat has read it and accepted it."),
        t("The secretariat has read it and will not pass it on."),
        t("It has been passed on to the committee."),
        t("It is published on the page of the meeting."),
        t("The topic was discussed, or answered in writing."),
        t("You have withdrawn it. Its text can be read by nobody any more."),
        t("The secretariat reads it before the next meeting."),
        t("The secretariat reads it during the meeting."),
        t("The secretariat still reads it. No further meeting of this dialogue is planned."),
        t("It is published once the next meeting of this dialogue is announced."),
        t("The secretariat decides whether it is passed on or published."),
        t("Nothing more happens. You may send another one."),
        t("Members of the committee may use it. They are free not to."),
        t("It may be taken up in the meeting."),
        t("Nothing more happens."),
        t("It is outside what this body can deal with."),
        t("It concerns another State than the one under review."),
        t("It is an individual complaint, for which there is a procedure of its own."),
        t("It could put somebody at risk who can be recognised in it."),
        t("It insults or threatens somebody."),
        t("The same was sent already and is dealt with there."),
        t("It came too late for this dialogue."),
        t("It could not be understood."),
        t("For another reason."),
    }
)


SIDES: Mapping[Side, str] = {
    "delegation": t("Delegation"),
    "committee": t("Committee"),
    "secretariat": t("Secretariat"),
    "other": t("Other"),
}
"""For whom a speaker is there."""


def language_name(code: str) -> str:
    """Return a language's name in itself, or its code where nobody knows it."""
    try:
        return lang.NAMES.get(code) or Locale.parse(code, sep="-").get_display_name() or code
    except (UnknownLocaleError, ValueError):
        return code


_OFFERED = ("pt", "fa", "tr", "uk", "de", "it", "sw", "ha", "am", "so", "ku", "ps", "ur", "hi", "bn", "my", "vi")
MORE_LANGUAGES = {code: language_name(code) for code in _OFFERED}
"""Languages offered beside the six, each in its own name: what is sent may be in any."""


class Vocabulary:
    """All of it, for the templates."""

    states = STATES
    kinds = KINDS
    kind_hints = KIND_HINTS
    ceilings = CEILINGS
    ceiling_hints = CEILING_HINTS
    limits = LIMITS
    classes = CLASSES
    turns = TURNS
    short_reasons = SHORT_REASONS
    reasons = REASONS

    def language(self, code: str) -> str:
        """Name a language."""
        return language_name(code)


VOCABULARY = Vocabulary()
