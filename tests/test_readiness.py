"""GO or NO-GO: real files looked at in a child process, and every finding with a sentence and a mend."""

import re
from pathlib import Path

import msgspec
import pytest
from starlette.requests import Request

from hearing import RELEASED_MS
from hearing.finding import Finding, Verdict, overall
from hearing.house_events import Block, Channel
from hearing.lang import NAMES
from hearing.machine import Room, room
from hearing.meeting import House, Meeting
from hearing.readiness import (
    Workers,
    check,
    judge_clock,
    judge_disk,
    judge_meeting,
    judge_source,
    judge_tracks,
    judge_workers,
)
from hearing.site import i18n, readiness, web
from hearing.site.look import Look
from hearing.stream.frames import Track
from hearing.stream.probe import Probed, probe
from hearing.transcribe.assignment import Seat
from tests.e2e.serving import descendants
from tests.stream.made import make
from tests.stream.relaying import house, meeting

ROOT = Path(__file__).parents[1]
NOW_MS = RELEASED_MS + 1_000_000_000
GB = 1_000_000_000


async def probed(known: Meeting) -> Probed:
    return await probe(known.created.source, tuple((channel.id, channel.track) for channel in known.created.channels))


def said(findings: list[Finding]) -> list[tuple[str, Verdict]]:
    return [(one.code, one.verdict) for one in findings]


def planned(known: Meeting, minutes: int) -> Meeting:
    agenda = (Block("a", "All of it", minutes),)
    return msgspec.structs.replace(known, created=msgspec.structs.replace(known.created, agenda=agenda))


async def test_a_source_that_fits_is_go_with_its_tracks_in_order(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", seconds=(6.0, 6.0), picture="libx264", languages=("eng", "fra"))
    known = meeting(source, "en", "fr")
    found = await probed(known)
    assert said(judge_source(known, found)) == [("source-opens", "go")]
    findings = judge_tracks(known, found)
    assert said(findings) == [("tracks-match", "go"), ("track-named", "go"), ("track-named", "go")]
    assert [one.values for one in findings[1:]] == [
        {"track": 1, "channel": "en", "stated": "eng"},
        {"track": 2, "channel": "fr", "stated": "fra"},
    ]
    assert 0.3 * 32768 < found.peaks["en"] <= 32768
    size = source.stat().st_size
    assert 0.5 * size / 6 < found.bytes_per_s < 3 * size / 6


async def test_looking_leaves_no_process_behind(tmp_path: Path) -> None:
    import os

    before = descendants(os.getpid())
    await probed(meeting(make(tmp_path / "a.mp4"), "en"))
    assert descendants(os.getpid()) <= before


@pytest.mark.parametrize(
    ("kind", "code"), [("none", "source-missing"), ("text", "source-unreadable"), ("mute", "source-no-audio")]
)
async def test_a_source_that_cannot_play_is_no_go(kind: str, code: str, tmp_path: Path) -> None:
    source = tmp_path / "a.mp4"
    if kind == "text":
        source.write_text("not a film")
    if kind == "mute":
        make(source, seconds=(), picture="libx264")
    known = meeting(source, "en")
    found = await probed(known)
    assert said(judge_source(known, found)) == [(code, "no-go")]
    assert judge_tracks(known, found) == []


async def test_a_source_that_does_not_open_in_time_is_no_go(tmp_path: Path) -> None:
    known = meeting(make(tmp_path / "a.mp4"), "en")
    found = await probe(known.created.source, (("en", 0),), open_s=0.0)
    assert said(judge_source(known, found)) == [("source-slow", "no-go")]


async def test_an_address_that_the_rules_do_not_allow_is_no_go() -> None:
    known = meeting("https://example.org/live.m3u8", "en")
    assert said(judge_source(known, await probed(known))) == [("source-refused", "no-go")]
    assert said(judge_source(known, Probed("slow"))) == [("source-unreachable", "no-go")]


@pytest.mark.parametrize(
    ("stated", "code"),
    [("French", "track-named"), ("Floor", "track-named"), ("es-MX", "track-other"), ("", "track-unnamed")],
)
def test_a_playlist_may_call_a_track_by_the_name_of_its_language(stated: str, code: str) -> None:
    found = Probed(named=(stated, "Russian"), tracks=(Track("audio-fr", "audio", "fr"),), peaks={"fr": 9000})
    findings = judge_tracks(meeting("https://example.org/live.m3u8", "fr"), found)
    assert [one.code for one in findings] == ["tracks-match", code, "track-unused"]
    assert findings[-1].values == {"track": 2, "stated": "Russian"}


async def test_too_few_tracks_are_no_go_and_both_numbers_are_said(tmp_path: Path) -> None:
    known = meeting(make(tmp_path / "a.mp4", seconds=(2.0, 2.0)), "en", "fr", "es")
    missing, *_ = judge_tracks(known, await probed(known))
    assert (missing.code, missing.verdict, missing.values) == ("tracks-missing", "no-go", {"found": 2, "wanted": 3})
    assert "Remove a channel" in readiness.answer([missing]).findings[0].mend


async def test_a_silent_track_and_a_track_of_another_language_are_warnings(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mkv", seconds=(3.0, 3.0), languages=("fre", "eng"), quiet=(1,))
    known = meeting(source, "fr", "ar")
    findings = [one for one in judge_tracks(known, await probed(known)) if one.verdict == "warn"]
    assert said(findings) == [("track-other", "warn"), ("track-silent", "warn")]
    assert readiness.answer(findings).findings[1].text == "Track 2 (ar) is silent in its first seconds."


async def test_a_picture_that_browsers_do_not_play_is_a_warning(tmp_path: Path) -> None:
    known = meeting(make(tmp_path / "a.mp4", seconds=(2.0,), picture="mpeg4"), "en")
    findings = judge_source(known, await probed(known))
    assert said(findings) == [("source-opens", "go"), ("picture-codec", "warn")]
    assert findings[1].values == {"codec": "mpeg4"}


async def test_a_source_shorter_than_the_agenda_is_a_warning_unless_it_loops(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", seconds=(2.0,))
    known = planned(meeting(source, "en"), 30)
    found = await probed(known)
    assert said(judge_source(known, found)) == [("source-short", "warn")]
    looping = msgspec.structs.replace(known, created=msgspec.structs.replace(known.created, loop=True))
    assert said(judge_source(looping, found)) == [("source-opens", "go")]


@pytest.mark.parametrize(
    ("free", "code", "verdict"),
    [(0.9 * GB, "disk-little", "no-go"), (1.1 * GB, "disk-tight", "warn"), (2.5 * GB, "disk-enough", "go")],
)
def test_the_disk_is_held_against_what_the_meeting_will_take(free: float, code: str, verdict: Verdict) -> None:
    found = Probed(bytes_per_s=GB / 3600)
    finding = judge_disk(planned(meeting("a.mp4", "en"), 60), found, Room(writable=True, free=int(free)))
    assert (finding.code, finding.verdict) == (code, verdict)
    assert finding.values == {"free": round(free / GB, 1), "need": 1.0, "hours": 1.0}


def test_without_an_agenda_or_a_measure_four_hours_of_an_estimate_are_needed() -> None:
    finding = judge_disk(meeting("a.mp4", "en", "fr"), Probed("missing"), Room(writable=True, free=10 * GB))
    assert finding.values == {"free": 10.0, "need": 3.9, "hours": 4.0}


def test_a_folder_that_cannot_be_written_is_no_go(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert room(tmp_path).writable
    seen = room(tmp_path / "file" / "data")
    finding = judge_disk(meeting("a.mp4", "en"), Probed(), seen)
    assert (finding.code, finding.verdict) == ("disk-refuses", "no-go")


@pytest.mark.parametrize(
    ("workers", "said_"),
    [
        (Workers(None), [("worker-unasked", "warn")]),
        (Workers([], wanted=True), [("worker-none", "no-go")]),
        (Workers([], wanted=True, loading=True), [("worker-loading", "warn")]),
        (Workers([], wanted=False), [("worker-off", "warn")]),
        (Workers([Seat(16, 3)]), [("worker-enough", "go")]),
        (Workers([Seat(2, 1), Seat(1, 1)]), [("worker-few", "no-go")]),
        (Workers([Seat(4, 0, frozenset({"en"}))]), [("worker-enough", "go"), ("worker-language", "warn")]),
    ],
)
def test_every_channel_needs_a_worker(workers: Workers, said_: list[tuple[str, Verdict]]) -> None:
    known = meeting("a.mp4", "en", "fr", phase="closed")
    assert said(judge_workers(known, workers)) == said_


def test_the_room_of_its_own_rehearsal_is_room_for_the_meeting() -> None:
    known, busy = meeting("a.mp4", "en", "fr", phase="closed"), Workers([Seat(2, 2)])
    assert said(judge_workers(known, busy)) == [("worker-few", "no-go")]
    assert said(judge_workers(known, busy, rehearsing=2)) == [("worker-enough", "go")]


def test_a_clock_before_this_release_or_before_the_newest_fact_is_no_go() -> None:
    known = msgspec.structs.replace(meeting("a.mp4", "en"), opened_ms=NOW_MS + 1)
    assert judge_clock(house(known), NOW_MS, kept=True).code == "clock-behind"
    assert judge_clock(House(), 0, kept=True).verdict == "no-go"
    verdicts = [judge_clock(House(), NOW_MS, kept=kept).verdict for kept in (True, False, None)]
    assert verdicts == ["go", "warn", "warn"]


@pytest.mark.parametrize(
    ("phase", "code", "verdict"), [("closed", "meeting-closed", "no-go"), ("open", "meeting-open", "warn")]
)
def test_a_meeting_that_is_closed_is_no_go_and_one_that_is_on_is_said_to_be(
    phase: str, code: str, verdict: Verdict
) -> None:
    findings = judge_meeting(meeting("a.mp4", "en", phase=phase))
    assert said(findings) == [(code, verdict)]
    assert readiness.answer(findings).verdict == verdict


async def test_everything_is_looked_at_and_each_check_says_something(tmp_path: Path) -> None:
    on = meeting(make(tmp_path / "a.mp4", seconds=(2.0,)), "en")
    known = msgspec.structs.replace(on, phase="planned")
    findings = await check(
        known, house=house(known), folder=tmp_path / "data", workers=Workers([Seat(4, 0)]), now_ms=NOW_MS
    )
    assert [one.check for one in findings] == ["source", "tracks", "tracks", "disk", "worker", "clock"]
    assert overall(findings) in {"go", "warn"}
    over = msgspec.structs.replace(on, phase="closed")
    findings = await check(
        over, house=house(over), folder=tmp_path / "data", workers=Workers([Seat(4, 0)]), now_ms=NOW_MS
    )
    assert (findings[0].code, overall(findings)) == ("meeting-closed", "no-go")


def test_the_worst_verdict_is_the_verdict() -> None:
    go, warn, no = Finding("disk", "go", "a"), Finding("disk", "warn", "b"), Finding("disk", "no-go", "c")
    assert [overall(some) for some in ([], [go], [go, warn], [no, warn, go])] == ["go", "go", "warn", "no-go"]


def test_every_code_has_a_sentence_and_whatever_is_not_go_has_a_mend() -> None:
    source = (ROOT / "hearing/readiness.py").read_text("utf-8")
    codes = set(re.findall(r'"((?:meeting|source|picture|tracks?|disk|worker|clock)-[a-z-]+)"', source))
    codes |= {"source-missing", "source-unreadable", "source-no-audio", "source-slow", "source-refused"}
    assert codes == set(readiness.SAYINGS)
    fine = {
        "source-opens",
        "source-endless",
        "tracks-match",
        "track-named",
        "track-unnamed",
        "track-unused",
        "disk-enough",
    }
    unmended = {code for code, saying in readiness.SAYINGS.items() if not saying.mend}
    assert unmended == fine | {"worker-enough", "clock-kept"}


@pytest.mark.parametrize("language", NAMES)
def test_the_page_says_the_worst_first_and_then_each_check(language: str) -> None:
    files = web.load()
    look = Look(files, i18n.load(files.folder / "locale"))
    request = Request({"type": "http", "path": "/", "query_string": f"l={language}".encode(), "headers": []})
    channel = Channel("fr", "fr", 1)
    findings = [
        Finding("clock", "go", "clock-kept"),
        Finding("tracks", "no-go", "tracks-missing", {"found": 1, "wanted": 2}),
        Finding("tracks", "warn", "track-silent", {"track": 2, "channel": channel.id}),
    ]
    page = look.render(request, "readiness.html", {"findings": readiness.shown(findings, look.words(request))})
    words = look.words(request)
    places = [page.index(str(words.t(text))) for text in ("The meeting is not ready to open.", "Audio tracks", "Clock")]
    assert places == sorted(places)
    assert [page.count(f'class="st {style}"') for style in ("bad", "wait", "ok")] == [2, 1, 1]
    assert "<bdi>fr</bdi>" in page
    assert str(words.t(readiness.SAYINGS["tracks-missing"].mend)) in page
