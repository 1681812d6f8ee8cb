"""A name that was said on one channel is looked for on the others, where an interpreter would have said it."""

import pytest

from hearing.events import Cut, SegmentClosed, SegmentCorrected, WordsCommitted
from hearing.likely import near, sounds
from hearing.transcript import Spoken, Transcript, apply

CUT = Cut("en", 20_000, 20_400)


def spoken(*said: tuple[int, str]) -> Spoken:
    """Return a channel with these segments: when each begins, and its words, half a second each."""
    folded = Transcript()
    for n, (t, text) in enumerate(said):
        words = tuple(text.split())
        times = tuple((t + 500 * k, t + 500 * k + 500) for k in range(len(words)))
        apply(folded, WordsCommitted("xx", f"xx.{n}", 0, words, times[-1][1] * 16))
        apply(folded, SegmentClosed("xx", f"xx.{n}", t, times[-1][1], times))
    return folded.channel("xx")


@pytest.mark.parametrize(
    ("name", "said", "found"),
    [
        ("Ivanova", "La témoin Ivanova a parlé", ("xx.0.2", "xx.0.2")),
        ("Ivanova", "Свидетельница Иванову назвали здесь", ("xx.0.1", "xx.0.1")),
        ("Kowalski", "قال كوفالسكي إن ذلك", ("xx.0.1", "xx.0.1")),
        ("Sharapova", "господин Шарапов сказал", ("xx.0.1", "xx.0.1")),
        ("Müller", "el señor Muller dijo", ("xx.0.2", "xx.0.2")),
        ("Ivanova", "Rien de tel ici", ("", "")),
        ("Li", "先生 说 了", ("", "")),
    ],
)
def test_a_name_is_found_in_another_script(name: str, said: str, found: tuple[str, str]) -> None:
    there = near(spoken((22_000, said)), CUT, [name], floor=False)
    assert (there.first, there.last) == found
    assert [segment.id for segment in there.segments] == ["xx.0"]


def test_first_and_last_name_are_one_stretch_and_a_later_mention_is_not() -> None:
    there = near(
        spoken((21_000, "dijo Maria de Kowalska ayer"), (26_000, "y Kowalska otra vez")),
        CUT,
        ["Maria", "Kowalska"],
        floor=False,
    )
    assert (there.first, there.last) == ("xx.0.1", "xx.0.3")


def test_what_was_said_long_before_or_after_is_not_looked_at() -> None:
    said = spoken((1000, "Kowalska before"), (60_000, "Kowalska after"))
    assert near(said, CUT, ["Kowalska"], floor=False).segments == ()
    assert near(spoken((9000, "Kowalska here")), CUT, ["Kowalska"], floor=True).first == "xx.0.0"


def test_words_that_say_little_are_like_no_other() -> None:
    assert sounds("a") == ""
    assert near(spoken((21_000, "a e i o")), CUT, ["a"], floor=False).first == ""


def test_a_name_that_stands_in_a_corrected_text_alone_is_found() -> None:
    there = spoken((22_000, "le témoin hier va nova parlait"))
    words, ids = ("le", "témoin", "Ivanova", "parlait"), (0, 1, 6, 5)
    folded = Transcript({"xx": there})
    apply(folded, SegmentCorrected("xx", "xx.0", 1, words, ids, "corrected", "staff", 7))
    found = near(folded.channel("xx"), CUT, ["Ivanova"], floor=False)
    assert (found.first, found.last) == ("xx.0.2", "xx.0.4")


def corrected(there: Spoken, *versions: tuple[tuple[str, ...], tuple[int, ...], str]) -> Spoken:
    """Correct the first segment of a channel: words, their ordinals and the reason of each version."""
    folded = Transcript({"xx": there})
    for n, (words, ids, reason) in enumerate(versions, 1):
        apply(folded, SegmentCorrected("xx", "xx.0", n, words, ids, "corrected", "staff", 7, reason))
    return folded.channel("xx")


def test_a_name_that_stands_in_an_older_version_alone_is_found() -> None:
    there = corrected(
        spoken((22_000, "le témoin hier va nova parlait")),
        (("le", "témoin", "Ivanova", "parlait"), (0, 1, 6, 5), "Heard anew"),
        (("le", "témoin", "parlait"), (0, 1, 5), "Heard once more"),
    )
    found = near(there, CUT, ["Ivanova"], floor=False)
    assert (found.first, found.last) == ("xx.0.2", "xx.0.4")


def test_a_name_that_stands_in_the_reason_of_a_correction_alone_is_found_by_the_words_that_were_corrected() -> None:
    there = corrected(
        spoken((22_000, "le témoin hier était là parlait")),
        (("le", "témoin", "parlait"), (0, 1, 5), "«Ivanova» was misheard"),
    )
    found = near(there, CUT, ["Ivanova"], floor=False)
    assert (found.first, found.last) == ("xx.0.2", "xx.0.4")
    verified = corrected(spoken((22_000, "le témoin")), (("le", "témoin"), (0, 1), "Compared: not Ivanova"))
    found = near(verified, CUT, ["Ivanova"], floor=False)
    assert (found.first, found.last) == ("xx.0.0", "xx.0.1")
