"""Why a search found nothing, in the reader's words."""

from markupsafe import Markup

from hearing.archive.wanted import Reason, Wanted
from hearing.lang import NAMES
from hearing.site.i18n import Words


def because(reason: Reason, wanted: Wanted, words: Words) -> Markup:
    """Say the reason and what can be done."""
    t = words.t
    languages = ", ".join(language_name(count.key, words) for count in reason.languages)
    missing = Markup(", ").join(Markup("“{}”").format(said) for said in reason.missing)
    match reason.code:
        case "no-words":
            said = t("Type at least one letter, digit or character.")
        case "no-text" if wanted.language:
            said = t("Nothing was said in this language yet.")
        case "no-text":
            said = t("Nothing was said yet. There is no text to search.")
        case "other-languages":
            said = t("These words were not found in this language, but in others: {languages}.", languages=languages)
        case "filters" if wanted.speaker:
            said = words.tn(
                "Your choice of speaker, committee, review, language or day leaves out {n} moment.",
                "Your choice of speaker, committee, review, language or day leaves out {n} moments.",
                reason.excluded,
            )
        case "filters":
            said = words.tn(
                "Your choice of committee, review, language or day leaves out {n} moment.",
                "Your choice of committee, review, language or day leaves out {n} moments.",
                reason.excluded,
            )
        case "missing-words":
            said = t("These words were not found in any meeting: {words}.", words=missing)
        case "words-apart":
            said = t("Each of these words was said, but nowhere close together. Try fewer of them.")
    return said


def language_name(code: str, words: Words) -> str:
    """Return a language's name in itself; of others we know none."""
    return NAMES.get(code) or str(words.t("Another language"))
