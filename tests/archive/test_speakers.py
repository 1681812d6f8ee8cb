"""Who speaks, in the files and in the search: once where it changes, in its own direction, fed anew when mended."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hearing.archive import tables
from hearing.archive.exports import EXPORTS
from hearing.archive.speakers import apart
from hearing.errors import Refused
from hearing.events import Ended, PassageHidden, PublicEvent, TurnBegan, TurnChanged, TurnRemoved
from hearing.site import exporting
from hearing.site.i18n import Catalogues
from tests.archive.made import release
from tests.archive.reading import document, ffmpeg, paragraphs, strict
from tests.archive.searching import Searching, searching
from tests.archive.test_exports import spoken, written
from tests.site.serving import HOSTILE, MEETING, Speaker, meeting

LINES = ("One.", "Two of them.", "Three.", "Four.", "Five.")
"""Said at 700, 2400, 6500, 8800 and 10800."""

SET: tuple[PublicEvent, ...] = (
    TurnBegan("a", 2000, "Maria Rossi", "Head of delegation", "delegation"),
    TurnBegan("b", 7700, "مريم السالم"),
    TurnBegan("c", 10_500),
)


@pytest.fixture(scope="module")
def catalogues() -> Catalogues:
    return exporting.catalogues()


def text(catalogues: Catalogues, kind: str, *stream: PublicEvent, channel: str = "en") -> str:
    made = release([*spoken({"en": LINES, "ar": LINES}), *stream])
    return written(catalogues, made, channel, kind).decode("utf-8", "replace")


def test_text_and_markdown_name_a_speaker_once(catalogues: Catalogues) -> None:
    said = [line.partition("] ")[2] for line in text(catalogues, "txt", *SET).splitlines() if line.startswith("[")]
    assert said == [
        "One.",
        "Maria Rossi (Head of delegation): Two of them.",
        "Three.",
        "\u2068مريم السالم\u2069: Four.",
        "Speaker not identified: Five.",
    ]
    md = text(catalogues, "md", *SET)
    assert [line for line in md.splitlines() if line.startswith("**") and "[" not in line] == [
        "**Maria Rossi (Head of delegation)**",
        "**\u2068مريم السالم\u2069**",
        "**Speaker not identified**",
    ]


def test_captions_say_whose_voice_it_is_and_subtitles_name_it_on_a_line_of_its_own(catalogues: Catalogues) -> None:
    blocks = strict(text(catalogues, "vtt", *SET).encode(), "WEBVTT\n\n")
    assert [lines for *_, lines in blocks] == [
        ["One."],
        ["<v Maria Rossi>Two of them."],
        ["<v Maria Rossi>Three."],
        ["<v مريم السالم>Four."],
        ["Five."],
    ]
    assert len(ffmpeg(text(catalogues, "vtt", *SET).encode(), "webvtt")) == 5
    subtitles = strict(text(catalogues, "srt", *SET).encode(), "")
    assert [lines for *_, lines in subtitles[1:]] == [
        ["One."],
        ["Maria Rossi:", "Two of them."],
        ["Three."],
        ["\u2068مريم السالم\u2069:", "Four."],
        ["Speaker not identified:", "Five."],
    ]


def test_the_document_has_a_paragraph_for_a_speaker_and_each_name_its_direction(catalogues: Catalogues) -> None:
    made = release([*spoken({"en": LINES}), *SET])
    content = written(catalogues, made, "en", "docx")
    body, _ = document(content)
    assert paragraphs(body, "Speaker") == [
        "Maria Rossi (Head of delegation)",
        "مريم السالم",
        "Speaker not identified",
    ]
    assert '<w:rPr><w:rtl/><w:lang w:val="en-GB"/></w:rPr><w:t xml:space="preserve">مريم' in content.decode(
        "utf-8", "replace"
    )


def test_programs_are_told_of_every_segment(catalogues: Catalogues) -> None:
    rows = [json.loads(line) for line in text(catalogues, "jsonl", *SET).splitlines()][1:]
    assert [(row["speaker"], row["title"], row["side"]) for row in rows] == [
        ("", "", None),
        ("Maria Rossi", "Head of delegation", "delegation"),
        ("Maria Rossi", "Head of delegation", "delegation"),
        ("مريم السالم", "", "other"),
        ("", "", None),
    ]


def test_in_an_arabic_file_the_latin_name_is_kept_apart_and_is_three_seconds_later(catalogues: Catalogues) -> None:
    said = [
        line.partition("] ")[2] for line in text(catalogues, "txt", *SET, channel="ar").splitlines() if line[:1] == "["
    ]
    assert said[2].startswith("\u2068Maria Rossi\u2069 (\u2068Head of delegation\u2069): ")
    assert said[3:] == ["Four.", "مريم السالم: Five."]


def test_a_hidden_passage_names_nobody_and_a_change_after_the_end_is_another_release(catalogues: Catalogues) -> None:
    hides = PassageHidden("0" * 16, 2400, 7000)
    for kind in EXPORTS:
        assert "Rossi" not in text(catalogues, kind, *SET, hides), kind
    assert release([*spoken({"en": LINES}), *SET, Ended(20_000)]).id == "r1"
    assert release([*spoken({"en": LINES}), *SET, Ended(20_000), TurnRemoved("a")]).id == "r2"


@pytest.mark.parametrize("kind", EXPORTS)
def test_a_name_is_no_markup(catalogues: Catalogues, kind: str) -> None:
    content = text(catalogues, kind, TurnBegan("a", 0, HOSTILE, HOSTILE))
    assert "<script>" not in content or kind in {"txt", "jsonl"}
    assert "\u202e" not in content
    if kind == "vtt":
        assert len(strict(content.encode(), "WEBVTT\n\n")) == len(LINES)


def test_only_what_would_turn_is_isolated() -> None:
    assert apart("Rossi", "ltr") == "Rossi"
    assert apart("Rossi", "rtl") == "\u2068Rossi\u2069"
    assert apart("السالم", "rtl") == "السالم"
    assert apart("48", "rtl") == "48"


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Searching]:
    async with searching(tmp_path / "index.db") as running:
        yield running


async def debate(there: Searching) -> Speaker:
    """Let three people speak of prisons."""
    speaker = await there.meeting()
    for n, line in enumerate(("Prisons first.", "Prisons again.", "Prisons and wells.")):
        speaker._t["en"] = n * 10_000 + 500
        await speaker.words("en", line)
        speaker._t["fr"] = n * 10_000 + 3500
        await speaker.words("fr", line.replace("Prisons", "Les prisons"))
    await speaker.tell(TurnBegan("a", 0, "Ms. Maria Rossi"), TurnBegan("b", 10_000, "Awa Diallo"))
    await speaker.tell(TurnBegan("c", 20_000, "السيدة مريم السالم"))
    return speaker


@pytest.mark.parametrize("speaker", ["Ms. Maria Rossi", "rossi", "ROSSI  maria", "róssi"])
async def test_what_somebody_said_is_found_by_any_word_of_the_name(there: Searching, speaker: str) -> None:
    await debate(there)
    found = await there.find("prisons", speaker=speaker)
    assert {(hit.segment, hit.speaker) for hit in found.hits} == {
        ("en.0", "Ms. Maria Rossi"),
        ("fr.0", "Ms. Maria Rossi"),
    }
    assert found.total == 2
    assert {one.key: one.hits for one in found.languages} == {"en": 1, "fr": 1}
    told = {one.key: one.hits for one in found.speakers}
    assert told == {"Ms. Maria Rossi": 2, "Awa Diallo": 2, "السيدة مريم السالم": 2}, "what each choice would give"
    assert [one.hits for one in (await there.find("wells", language="en")).speakers] == [1]
    assert [hit.speaker for hit in (await there.find("wells", speaker="السالم", language="en")).hits] == [
        "السيدة مريم السالم"
    ]


async def test_a_name_that_was_not_said_finds_nothing_and_a_filter_that_leaves_all_out_says_so(
    there: Searching,
) -> None:
    await debate(there)
    assert (await there.find("Rossi")).total == 0
    found = await there.find("wells", speaker="Rossi", language="en")
    assert found.reason
    assert (found.reason.code, found.reason.excluded) == ("filters", 2)
    with pytest.raises(Refused):
        await there.find("wells", speaker="...")


async def test_a_turn_that_is_mended_or_removed_feeds_its_passages_anew_and_leaves_no_byte(there: Searching) -> None:
    speaker = await debate(there)
    assert await there.texts("prisons", speaker="Diallo", language="en") == ["Prisons again."]
    await speaker.tell(TurnChanged("b", 10_000, "Awa Sow"))
    assert await there.texts("prisons", speaker="Diallo") == []
    assert await there.texts("prisons", speaker="Sow", language="en") == ["Prisons again."]
    assert there.residue("Diallo") == []
    await speaker.tell(TurnRemoved("b"))
    assert await there.texts("prisons", speaker="Rossi", language="en", order="newest") == [
        "Prisons again.",
        "Prisons first.",
    ]
    assert there.residue("Sow") == []


async def test_an_index_of_an_older_layout_is_made_anew(there: Searching, tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    database = tables.connect(path)
    database.execute("PRAGMA user_version = 1001")
    database.execute("INSERT INTO owed VALUES ('en')")
    database.close()
    again = tables.connect(path)
    assert tables.owed(again) == []
    assert again.execute("PRAGMA user_version").fetchone()[0] == tables.VERSION > 2000
    again.close()


turned = st.lists(
    st.one_of(
        st.builds(TurnBegan, st.sampled_from("abc"), st.integers(0, 30_000), st.sampled_from(["Rossi", "Diallo", ""])),
        st.builds(TurnChanged, st.sampled_from("abc"), st.integers(0, 30_000), st.sampled_from(["Rossi", "Sow"])),
        st.builds(TurnRemoved, st.sampled_from("abc")),
    ),
    max_size=6,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turned)
async def test_fed_step_by_step_or_at_once_the_index_says_the_same(tmp_path: Path, events: list[PublicEvent]) -> None:
    for left in tmp_path.glob("*.db*"):
        left.unlink()
    async with searching(tmp_path / "a.db") as step:
        await step.keeper.create(meeting())
        await step.keeper.open(MEETING)
        speaker = Speaker(step.log, MEETING)
        await speaker.begin()
        for n in range(4):
            speaker._t["en"] = speaker._t["fr"] = n * 7000
            await speaker.words("en", "Prisons are full.")
            await speaker.words("fr", "Les prisons sont pleines.")
        for event in events:
            await speaker.tell(event)
            await step.feeder.catch_up()
        async with searching(tmp_path / "b.db", step.log) as whole:
            for name in ("", "Rossi", "Diallo", "Sow"):
                one, other = [await index.find("prisons", speaker=name, limit=50) for index in (step, whole)]
                assert {(hit.segment, hit.speaker) for hit in one.hits} == {
                    (hit.segment, hit.speaker) for hit in other.hits
                }
