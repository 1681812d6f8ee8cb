"""The exports, read back by readers that are not ours: nothing is lost, nothing hidden comes out of them."""

import io
import re
import unicodedata
from xml.etree import ElementTree

import docx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from hearing.archive import record
from hearing.archive.exports import EXPORTS, export
from hearing.archive.record import Release
from hearing.errors import NotFound
from hearing.events import Ended, GapMarked, PublicEvent, QuietMarked, Redacted, SegmentClosed, WordsCommitted
from hearing.lang import join, spaced
from hearing.site import exporting
from hearing.site.i18n import Catalogues
from tests.archive.made import ADDRESS, begun, meeting, release, wording
from tests.archive.reading import R, W, document, ffmpeg, paragraphs, strict
from tests.site.serving import HOSTILE, SPEECH

RLM = "\u200f"
REORDERS = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@pytest.fixture(scope="module")
def catalogues() -> Catalogues:
    return exporting.catalogues()


def said(channel: str, n: int, text: str, t: int) -> list[PublicEvent]:
    """Return a segment with times, 300 ms a word."""
    words = tuple(text.split(" ")) if spaced(channel) else tuple(text)
    times = tuple((t + 300 * k, t + 300 * k + 280) for k in range(len(words)))
    segment = f"{channel}.{n}"
    end = t + 300 * len(words)
    return [
        WordsCommitted(channel, segment, 0, words, end * 16),
        SegmentClosed(channel, segment, t, end, times),
    ]


def spoken(speech: dict[str, tuple[str, ...]]) -> list[PublicEvent]:
    """Return a stream of many segments."""
    stream: list[PublicEvent] = []
    for channel, lines in speech.items():
        t = 700
        for n, line in enumerate(lines):
            stream += said(channel, n, line, t)
            t += 300 * max(1, len(line)) + 500
    return begun(*stream)


def written(catalogues: Catalogues, made: Release, channel: str, kind: str) -> bytes:
    """Export one channel."""
    return EXPORTS[kind].write(made, made.channel(channel), wording(catalogues, made, channel))


def texts(blocks: list[tuple[str, int, int, list[str]]], channel: str) -> list[str]:
    """Join captions to the text of each segment they were cut from."""
    found: dict[str, list[str]] = {}
    for name, _, _, lines in blocks:
        segment = ".".join(name.split(".")[:2])
        found.setdefault(segment, []).extend(line.removeprefix(RLM) for line in lines)
    return [join(lines, channel) for lines in found.values()]


def unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


@pytest.mark.parametrize("channel", SPEECH)
def test_captions_hold_all_words_in_pieces_of_two_lines(catalogues: Catalogues, channel: str) -> None:
    made = release([*spoken(SPEECH), Ended(90_000)])
    content = written(catalogues, made, channel, "vtt")
    blocks = strict(content, "WEBVTT\n\n")
    assert texts(blocks, channel) == list(SPEECH[channel])
    width = 42 if spaced(channel) else 17
    assert all(len(lines) <= 2 for *_, lines in blocks)
    assert all(len(line) <= 2 * width for *_, lines in blocks for line in lines)
    by_ffmpeg = ffmpeg(content, "webvtt")
    assert [(t0, t1, text.split("\n")) for t0, t1, text in by_ffmpeg] == [
        (t0, t1, lines) for _, t0, t1, lines in blocks
    ]
    srt = written(catalogues, made, channel, "srt")
    numbered = strict(srt, "")
    assert [int(name) for name, *_ in numbered] == list(range(1, len(blocks) + 2))
    assert [lines for *_, lines in numbered[1:]] == [[unescaped(line) for line in lines] for *_, lines in blocks]
    assert [(t0, t1) for _, t0, t1, _ in numbered[1:]] == [(t0, t1) for _, t0, t1, _ in blocks]
    assert len(ffmpeg(srt, "srt")) == len(numbered)


def test_a_piece_has_the_times_and_the_id_of_its_words(catalogues: Catalogues) -> None:
    made = release(spoken({"en": (SPEECH["en"][1],)}))
    blocks = strict(written(catalogues, made, "en", "vtt"), "WEBVTT\n\n")
    segment = made.channel("en").segments[0]
    assert blocks[0][0] == "en.0"
    for name, t0, _, lines in blocks[1:]:
        word = segment.words[int(name.split(".")[2])]
        assert (t0, lines[0].split(" ")[0]) == (word.t0, word.text)


def test_an_arabic_line_that_begins_in_latin_keeps_its_direction(catalogues: Catalogues) -> None:
    made = release(spoken({"ar": ("CCPR هو العهد", "هذا العهد")}))
    lines = [line for *_, lines in strict(written(catalogues, made, "ar", "vtt"), "WEBVTT\n\n") for line in lines]
    assert lines == [f"{RLM}CCPR هو العهد", "هذا العهد"]


@pytest.mark.parametrize("kind", EXPORTS)
@pytest.mark.parametrize("channel", SPEECH)
def test_every_export_says_where_it_is_from_and_what_it_is_not(catalogues: Catalogues, kind: str, channel: str) -> None:
    made = release([*spoken(SPEECH), Ended(90_000)])
    text = written(catalogues, made, channel, kind).decode("utf-8", "replace").replace("\\", "")
    words = wording(catalogues, made, channel)
    assert f"{ADDRESS}/m/arlandia" in text
    assert words.title in text
    assert all(line in text for line in words.status)
    assert "r1" in words.status[0]
    assert catalogues.words(channel).plain("Times are those of Geneva.") in text


def test_a_provisional_release_says_so(catalogues: Catalogues) -> None:
    made = release(spoken(SPEECH))
    for kind in EXPORTS:
        assert b"provisional while the meeting is on" in written(catalogues, made, "en", kind)


@pytest.mark.parametrize("kind", EXPORTS)
def test_what_was_taken_away_is_in_no_byte_and_a_tombstone_is_in_its_place(catalogues: Catalogues, kind: str) -> None:
    stream = [*spoken({"en": ("Before.", "CANARY spoke", "After.")}), Ended(9000)]
    stream += [Redacted(5), Redacted(6), GapMarked("en", 20_000, 21_000, "unheard")]
    made = release(stream)
    content = written(catalogues, made, "en", kind)
    assert b"CANARY" not in content
    if kind == "jsonl":
        assert b'"segment":"en.1","t0":1000,"t1":1000,"timed":true,"hidden":true' in content
    else:
        text = content.decode("utf-8", "replace")
        places = [
            re.sub(r"\\(.)", r"\1", text).index(part) for part in ("Before.", "This passage was hidden.", "After.")
        ]
        assert places == sorted(places)
        assert "Words are missing here" in text


PAUSED = [*said("en", 0, "Before.", 1000), QuietMarked("en", 2000, 302_000), *said("en", 1, "After.", 303_000)]


@pytest.mark.parametrize("kind", EXPORTS)
def test_a_pause_is_told_from_what_is_missing(catalogues: Catalogues, kind: str) -> None:
    content = written(catalogues, release(begun(*PAUSED)), "en", kind)
    text = re.sub(r"\\(.)", r"\1", content.decode("utf-8", "replace"))
    told = '"type":"quiet","t0":2000,"t1":302000' if kind == "jsonl" else "No speech was heard here."
    places = [text.index(part) for part in ("Before.", told, "After.")]
    assert places == sorted(places)
    assert text.count(told) == 1
    assert "Words are missing" not in text
    assert told not in written(catalogues, release(begun(*PAUSED[:2], *PAUSED[3:])), "en", kind).decode(
        errors="replace"
    )


def test_a_caption_of_a_pause_does_not_stay_for_all_of_it(catalogues: Catalogues) -> None:
    made = release(begun(*PAUSED))
    for kind, head in (("vtt", "WEBVTT\n\n"), ("srt", "")):
        _, quiet, after = strict(written(catalogues, made, "en", kind), head)[-3:]
        assert quiet[1:] == (2000, 7000, ["[No speech was heard here.]"])
        assert after[1] == 303_000
    short = release(begun(QuietMarked("en", 0, 3000)))
    assert strict(written(catalogues, short, "en", "vtt"), "WEBVTT\n\n")[0][:3] == ("quiet-0", 0, 3000)


def test_text_says_from_when_to_when_nobody_spoke(catalogues: Catalogues) -> None:
    made = release(begun(*PAUSED))
    assert "\n[10:02:02–10:07:02] [No speech was heard here.]\n" in written(catalogues, made, "en", "txt").decode()
    assert "**10:02:02–10:07:02** *No speech was heard here.*" in written(catalogues, made, "en", "md").decode()
    body, _ = document(written(catalogues, made, "en", "docx"))
    assert paragraphs(body, "Said")[1] == "10:02:02\t[No speech was heard here.] (10:02:02–10:07:02)"


def test_text_and_markdown_hold_a_line_a_passage(catalogues: Catalogues) -> None:
    made = release(spoken(SPEECH))
    text = written(catalogues, made, "fr", "txt").decode()
    assert [line[11:] for line in text.split("\n\n")[1].splitlines()] == list(SPEECH["fr"])
    assert "[10:02:00] Merci" in text
    html = MarkdownIt().render(written(catalogues, made, "ar", "md").decode())
    assert html.startswith('<div lang="ar" dir="rtl">\n<h1>Arlandia</h1>')
    for n, line in enumerate(SPEECH["ar"]):
        assert f'<a href="{ADDRESS}/m/arlandia/ar/{n}">' in html
        assert f"</strong> {line}</p>" in html


def test_json_lines_hold_every_word_with_its_times(catalogues: Catalogues) -> None:
    made = release(spoken(SPEECH))
    head, *lines = map(msgspec.json.decode, written(catalogues, made, "zh", "jsonl").splitlines())
    assert (head["type"], head["release"], head["channel"], head["end_t"]) == ("release", "r0", "zh", made.end_t)
    assert [line["text"] for line in lines] == list(SPEECH["zh"])
    assert ["".join(word["text"] for word in line["words"]) for line in lines] == list(SPEECH["zh"])
    assert lines[0]["words"][1] == {"n": 1, "text": "谢", "t0": 1000, "t1": 1280}
    assert lines[2]["source"] == f"{ADDRESS}/m/arlandia/zh/2"


@pytest.mark.parametrize("channel", SPEECH)
def test_a_document_holds_every_passage_and_reads_in_its_direction(catalogues: Catalogues, channel: str) -> None:
    made = release(spoken(SPEECH))
    body, parts = document(written(catalogues, made, channel, "docx"))
    assert [text.split("\t")[1] for text in paragraphs(body, "Said")] == list(SPEECH[channel])
    assert paragraphs(body, "Heading1") == ["Arlandia"]
    assert paragraphs(body, "Said")[0].startswith("10:02:00\t")
    links = {one.get("Id"): one.get("Target") for one in parts["word/_rels/document.xml.rels"]}
    used = [link.get(f"{R}id") for link in body.iter(f"{W}hyperlink")]
    assert [links[name] for name in used][1:] == [f"{ADDRESS}/m/arlandia/{channel}/{n}" for n in range(len(used) - 1)]
    rtl = channel == "ar"
    assert all((one.find(f"{W}pPr/{W}bidi") is not None) == rtl for one in body.iter(f"{W}p"))
    assert (body.find(f"{W}body/{W}sectPr/{W}bidi") is not None) == rtl
    spoken_runs = [run for run in body.iter(f"{W}r") if run.findtext(f"{W}t") in SPEECH[channel]]
    assert len(spoken_runs) == len(SPEECH[channel])
    kind, tag = {"ar": ("bidi", "ar-SA"), "zh": ("eastAsia", "zh-CN"), "fr": ("val", "fr-FR")}.get(
        channel, ("val", "en-GB")
    )
    for run in spoken_runs:
        assert (run.find(f"{W}rPr/{W}rtl") is not None) == rtl
        language = run.find(f"{W}rPr/{W}lang")
        assert language is not None
        assert language.get(f"{W}{kind}") == tag


@pytest.mark.parametrize("channel", SPEECH)
def test_another_library_reads_the_document_as_it_was_said(catalogues: Catalogues, channel: str) -> None:
    content = written(catalogues, release(spoken(SPEECH)), channel, "docx")
    read = docx.Document(io.BytesIO(content))
    said = [one.text.split("\t") for one in read.paragraphs if one.style is not None and one.style.name == "Said"]
    assert [text for _, text in said] == list(SPEECH[channel])
    assert [one.text for one in read.paragraphs if one.style is not None and one.style.name == "Heading 1"] == [
        "Arlandia"
    ]
    links = [link.address for one in read.paragraphs for link in one.hyperlinks]
    assert links[1:] == [f"{ADDRESS}/m/arlandia/{channel}/{n}" for n in range(len(said))]


def test_every_part_of_a_document_is_named_and_found(catalogues: Catalogues) -> None:
    _, parts = document(written(catalogues, release(spoken(SPEECH)), "en", "docx"))
    listed = {(one.get("PartName") or "").lstrip("/") for one in parts["[Content_Types].xml"]} - {""}
    assert listed == {name for name in parts if not name.endswith(".rels") and name != "[Content_Types].xml"}
    for name, folder in (("_rels/.rels", ""), ("word/_rels/document.xml.rels", "word/")):
        inside = [one.get("Target") or "" for one in parts[name] if one.get("TargetMode") != "External"]
        assert all(f"{folder}{target}" in parts for target in inside)
    styles = {one.get(f"{W}styleId") for one in parts["word/styles.xml"].iter(f"{W}style")}
    for part in ("word/document.xml", "word/footer1.xml"):
        named = [one for tag in ("pStyle", "rStyle") for one in parts[part].iter(f"{W}{tag}")]
        assert named
        assert {one.get(f"{W}val") for one in named} <= styles


def test_without_an_address_nothing_is_linked(catalogues: Catalogues) -> None:
    made = release(spoken(SPEECH))
    words = msgspec.structs.replace(wording(catalogues, made, "en"), address="", page="/m/arlandia")
    body, _ = document(EXPORTS["docx"].write(made, made.channel("en"), words))
    assert list(body.iter(f"{W}hyperlink")) == []
    assert paragraphs(body, "Source") == ["/m/arlandia"]


def test_hostile_words_stay_words(catalogues: Catalogues) -> None:
    of = meeting("<i>T</i> --> {n} & \u202e", "](http://evil.example) `x`\n\n# Title")
    made = release(
        spoken(
            {
                "en": (
                    HOSTILE,
                    "# 1. *not* | [a](http://evil.example) <http://evil.example>",
                    "1. www.evil.example",
                    "- x",
                )
            }
        ),
        of,
    )
    for kind in EXPORTS:
        assert not REORDERS & set(written(catalogues, made, "en", kind).decode("utf-8", "replace"))
    blocks = strict(written(catalogues, made, "en", "vtt"), "WEBVTT\n\n")
    assert unescaped(texts(blocks, "en")[0]) == made.channel("en").segments[0].text
    srt = written(catalogues, made, "en", "srt").decode()
    assert len(strict(srt.encode(), "")) == len(blocks) + 1
    assert not re.search(r"[<>{}]", re.sub(r"\d --> \d", "", srt))
    html = MarkdownIt().render(written(catalogues, made, "en", "md").decode())
    assert re.findall(r"<(?!/?(?:div|h1|p|a|strong|em|blockquote|br)\b)", html) == []
    assert "evil.example" not in "".join(re.findall(r'href="([^"]*)"', html))
    assert html.count("<h1>") == 1


_WORDS = st.lists(
    st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("\n\r\t<>&-{}\u202e\u2067\ufffe ")), max_size=12),
    max_size=9,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(_WORDS, max_size=4), st.sampled_from(["en", "ar", "zh"]), st.booleans())
def test_any_words_give_sound_files_and_the_same_ones_again(
    catalogues: Catalogues, segments: list[list[str]], channel: str, timed: bool
) -> None:
    stream: list[PublicEvent] = []
    for n, words in enumerate(segments):
        stream.append(WordsCommitted(channel, f"{channel}.{n}", 0, tuple(words), 16_000 * (n + 1)))
        if timed:
            times = tuple((1000 * n + k, 1000 * n + k + 1) for k in range(len(words)))
            stream.append(SegmentClosed(channel, f"{channel}.{n}", 1000 * n, 1000 * n + 900, times))
    made = release(begun(*stream))
    files = {kind: written(catalogues, made, channel, kind) for kind in EXPORTS}
    again = release(begun(*stream))
    assert files == {kind: written(catalogues, again, channel, kind) for kind in EXPORTS}
    for kind, content in files.items():
        text = content.decode("utf-8", "ignore" if kind == "docx" else "strict")
        controls = {letter for letter in text if unicodedata.category(letter) in {"Cc", "Cs"}} - {"\n"}
        assert kind == "docx" or not controls
        assert not REORDERS & set(text)
    blocks = strict(files["vtt"], "WEBVTT\n\n")
    assert len(strict(files["srt"], "")) == len(blocks) + 1
    body, parts = document(files["docx"])
    wanted = [
        one.text for one in record.shown(made.channel(channel)) if isinstance(one, record.Segment) and not one.hidden
    ]
    tombstone = f"[{wording(catalogues, made, channel).hidden}]"
    found = [text.split("\t", 1)[1] for text in paragraphs(body, "Said")]
    assert [text for text in found if text != tombstone] == wanted
    for part in parts.values():
        for node in part.iter():
            assert not any(unicodedata.category(letter) == "Cc" for letter in node.text or "" if letter != "\n")
    lines = [msgspec.json.decode(line) for line in files["jsonl"].splitlines()]
    assert [line["text"] for line in lines[1:]] == [one.text for one in made.channel(channel).segments]
    ElementTree.tostring(body)


def test_a_kind_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(NotFound, match="vtt, srt, txt, md, docx, jsonl"):
        export("pdf")
