"""The words that the search of a site of files says, in the reader's language: they travel in its page."""

import msgspec

from hearing import lang
from hearing.archive import finding_aid
from hearing.site.i18n import Words
from hearing.site.scriptwords import MARKS


def script_words(words: Words) -> str:
    """Return all of them as JSON, safe inside a script element: no `<` in it."""
    t, forms = words.plain, words.forms
    said = {
        "languages": {**lang.NAMES, "other": t("Another language")},
        "moments": forms("{n} moment", "{n} moments"),
        "in": forms("in {n} meeting", "in {n} meetings"),
        "searching": t("Searching…"),
        "closest": [t("Closest first."), t("Newest first")],
        "newest": [t("Newest first."), t("Closest first")],
        "floor": t("Floor"),
        "marks": [t(MARKS[mark].text) for mark in finding_aid.MARKS],
        "language": t("Language"),
        "body": t("Committee"),
        "dialogue": t("Review"),
        "chosen": t("(chosen, take it away)"),
        "before": t("Ten before"),
        "after": t("Next ten"),
        "no-more": t("There are no more."),
        "no-words": t("Type at least one letter, digit or character."),
        "no-text-here": t("Nothing was said in this language yet."),
        "no-text": t("Nothing was said yet. There is no text to search."),
        "other-languages": t("These words were not found in this language, but in others: {languages}."),
        "filters": forms(
            "Your choice of committee, review, language or day leaves out {n} moment.",
            "Your choice of committee, review, language or day leaves out {n} moments.",
        ),
        "missing-words": t("These words were not found in any meeting: {words}."),
        "words-apart": t("Each of these words was said, but nowhere close together. Try fewer of them."),
        "quoted": t("“{quote}”"),
        "anew": t(
            "This site was published anew since you opened the page, or a file of it is missing. Load the page again."
        ),
    }
    return msgspec.json.encode(said).decode().replace("<", "\\u003c")
