"""`hearing publish`: what is in a site and what is not, whoever gives it, and what is gone after the next run."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from hearing.archive import analyse
from hearing.archive.exports import EXPORTS
from hearing.errors import Conflict, NotFound, Refused
from hearing.events import Ended, NoticeRemoved, PassageHidden, Redacted, WordsCommitted, decode_public, public_stream
from hearing.house import HouseKeeper
from hearing.lang import NAMES
from hearing.log.memory import MemoryLog
from hearing.log.sqlite import SqliteLog
from hearing.publishing.run import Wanted, make
from hearing.publishing.server_source import ServerSource
from hearing.qa.profile import rules_of
from hearing.qa.shown import Shown
from hearing.remote.connection import Target, fetch
from hearing.site import exporting
from hearing.site.copy.edition import Edition, Setting
from hearing.site.copy.link import PART
from hearing.site.copy.pages import Pages
from hearing.site.folds import Folds
from tests.archive.made import begun, release
from tests.archive.made import meeting as meeting_of
from tests.archive.reading import ffmpeg
from tests.archive.test_exports import said
from tests.e2e.serving import Serving as Running
from tests.publishing.published import ADDRESS, contents, dead_links, everything, fill, held, publish
from tests.site.desking import desk
from tests.site.serving import MEETING, SPEECH, ZERO_MS, Speaker


@pytest.fixture
async def log() -> AsyncIterator[MemoryLog]:
    async with MemoryLog() as made:
        yield made


async def test_closed_meetings_are_there_and_nothing_of_the_others(log: MemoryLog, tmp_path: Path) -> None:
    await fill(log)
    done = await publish(log, tmp_path / "site")
    files = contents(tmp_path / "site")
    assert (done.meetings, done.waiting) == (2, [])
    assert {name.split("/")[1] for name in files if name.startswith("m/")} == {MEETING, "briefing"}
    whole = everything(tmp_path / "site")
    for absent in ("Teralund", "Planned State", "Rehearsing only", "going", "/secret/source.mp4"):
        assert absent.encode() not in whole, absent
    assert {"index.html", *(f"{language}/search.html" for language in NAMES)} <= set(files)


async def test_a_meeting_that_is_on_is_published_only_where_that_is_said(log: MemoryLog, tmp_path: Path) -> None:
    await fill(log)
    with pytest.raises(Conflict, match="--provisional"):
        await publish(log, tmp_path / "site", meetings=("going",))
    with pytest.raises(Refused, match="not open"):
        await publish(log, tmp_path / "site", meetings=("planned",), provisional=True)
    with pytest.raises(NotFound):
        await publish(log, tmp_path / "site", meetings=("planned-rehearsal-1",), provisional=True)
    assert not (tmp_path / "site").exists()
    await publish(log, tmp_path / "site", meetings=("going",), provisional=True)
    files = contents(tmp_path / "site")
    assert {name.split("/")[1] for name in files if name.startswith("m/")} == {"going"}
    assert b"provisional while the meeting is on" in files["m/going/en/index.html"]
    assert b"provisional while the meeting is on" in files["m/going/en/0/index.html"]


async def test_a_meeting_whose_last_words_are_not_in_yet_waits(log: MemoryLog, tmp_path: Path) -> None:
    keeper = await fill(log)
    await keeper.close("going")
    assert (await publish(log, tmp_path / "site")).waiting == ["going"]
    await Speaker(log, "going").tell(Ended(90_000))
    done = await publish(log, tmp_path / "site")
    assert (done.waiting, done.meetings) == ([], 3)


async def test_every_passage_has_its_permanent_address_and_every_link_leads_somewhere(
    log: MemoryLog, tmp_path: Path
) -> None:
    await fill(log, rounds=50)
    await publish(log, tmp_path / "site")
    files = contents(tmp_path / "site")
    assert dead_links(files) == []
    spoken = len(SPEECH["en"]) * 50
    assert all(f"m/{MEETING}/en/{n}/index.html" in files for n in range(spoken))
    assert f"m/{MEETING}/en/{spoken}/index.html" not in files
    last = files[f"m/{MEETING}/en/{spoken - 1}/index.html"].decode()
    assert f"{ADDRESS}/m/{MEETING}/en/{spoken - 1}\n</textarea>" in last.replace("</textarea>", "\n</textarea>")
    parts = [name for name in files if re.fullmatch(rf"m/{MEETING}/en/[\w-]+\.html", name)]
    assert len(parts) == -(-spoken // PART) == 2
    text = "".join(files[name].decode() for name in sorted(parts))
    assert [int(n) for n in re.findall(r'class="turn" id="en\.(\d+)"', text)] == list(range(spoken))


async def test_without_pages_for_passages_their_anchors_stay(log: MemoryLog, tmp_path: Path) -> None:
    await fill(log)
    await publish(log, tmp_path / "site", passages=False)
    files = contents(tmp_path / "site")
    assert dead_links(files) == []
    assert not [name for name in files if re.fullmatch(r"m/[^/]+/[^/]+/\d+/.*", name)]
    assert b'<a class="at" href="#en.3">' in files[f"m/{MEETING}/en/index.html"]


async def test_pages_load_nothing_from_elsewhere_and_hold_no_script_of_their_own(
    log: MemoryLog, tmp_path: Path
) -> None:
    await fill(log)
    await publish(log, tmp_path / "site")
    for name, content in contents(tmp_path / "site").items():
        if not name.endswith(".html"):
            continue
        page = content.decode()
        assert "default-src 'none'; script-src 'self'" in page, name
        scripts = [tag for tag in re.findall("<script[^>]*>", page) if 'type="module" src=".' not in tag]
        assert scripts in ([], ['<script type="application/json" id="words">']), name
        assert not re.search(r"\son\w+=|style=|javascript:|<b>bold|alert\(1\)</script>", page), name
        addresses = re.findall(r'(?:src|href|action)="((?:/|\w+:)[^"]*)"', page)
        assert [one for one in addresses if not one.startswith(f"{ADDRESS}/m/")] == [], name
        assert not re.search("[\u202a-\u202e]", page), name


async def test_the_page_says_what_the_text_is_and_what_was_public_beside_it(log: MemoryLog, tmp_path: Path) -> None:
    await fill(log)
    await publish(log, tmp_path / "site")
    files = contents(tmp_path / "site")
    english = files["m/briefing/en/index.html"].decode()
    for line in (
        "Machine text",
        "only the original language",
        "release r1",
        "Words are missing here",
        "No speech was heard here",
        "Detention",
    ):
        assert line in english, line
    assert 'href="index.html#en.1"' in english
    assert "Bring water" in english
    arabic = files["m/briefing/ar/index.html"].decode()
    assert 'lang="ar" dir="rtl"' in arabic
    assert "أحضروا الماء" in arabic
    assert "Published questions" not in files[f"m/{MEETING}/en/index.html"].decode()


async def test_the_files_of_a_channel_are_those_of_the_server(log: MemoryLog, tmp_path: Path) -> None:
    await fill(log)
    await publish(log, tmp_path / "site")
    keeper = await HouseKeeper(log, lambda: ZERO_MS).start()
    catalogues, fold = exporting.catalogues(), await Folds(log, log).of("briefing")
    for channel in ("en", "ar", "zh"):
        for kind in EXPORTS:
            wanted = exporting.writer(keeper.house().meeting("briefing"), fold, (channel, kind), catalogues, ADDRESS)
            assert (tmp_path / f"site/m/briefing/{channel}.{kind}").read_bytes() == wanted(), kind
    cues = ffmpeg((tmp_path / "site/m/briefing/en.vtt").read_bytes(), "webvtt")
    spoken = [one for one in cues if one[2] not in {"[Words are missing here.]", "[No speech was heard here.]"}]
    assert len(spoken) == len(cues) - 2
    assert " ".join(" ".join(one[2].split()) for one in spoken) == " ".join(SPEECH["en"])


async def test_the_same_again_gives_the_same_bytes_wherever_it_stands(log: MemoryLog, tmp_path: Path) -> None:
    await fill(log)
    await publish(log, tmp_path / "one")
    assert (await publish(log, tmp_path / "one")).changes.written == 0
    await publish(log, tmp_path / "other/folder")
    assert contents(tmp_path / "one") == contents(tmp_path / "other/folder")
    assert f'"analyser":{analyse.VERSION}'.encode() in everything(tmp_path / "one")


async def test_what_is_taken_away_afterwards_is_in_no_byte_after_the_next_run(log: MemoryLog, tmp_path: Path) -> None:
    keeper = await fill(log)
    speaker = await held(log, keeper, "named", close=False, title="Norland", dialogue="nor")
    await speaker.words("en", "Then Mister Zebulon Quartermain was taken")
    await speaker.words("fr", "Puis Monsieur Zébulon Quartermain fut emmené")
    await speaker.words("ar", "ثم اقتيد زيبولون كوارترمين")
    await speaker.tell(NoticeRemoved("none"), Ended(90_000))
    await keeper.close("named")
    site = tmp_path / "site"
    await publish(log, site)
    canaries = [b"Zebulon", b"zebulon", "Zébulon".encode(), b"quartermain", b"Quartermain", "زيبولون".encode()]
    before = everything(site)
    assert all(canary in before for canary in canaries)
    hidden = PassageHidden("h", 0, 3_600_000)
    await Speaker(log, "named").tell(hidden)
    done = await publish(log, site)
    after = everything(site)
    assert not any(canary in after for canary in canaries)
    assert b"This passage was hidden." in (site / "m/named/en/6/index.html").read_bytes()
    assert done.changes.removed > 0
    assert dead_links(contents(site)) == []


async def test_a_record_that_was_erased_leaves_a_tombstone_at_its_address(log: MemoryLog, tmp_path: Path) -> None:
    await fill(log)
    site, stream = tmp_path / "site", public_stream("briefing")
    await publish(log, site)
    for record in await log.read(stream, 0, 1000):
        event = decode_public(record.body)
        if isinstance(event, WordsCommitted) and event.segment == "en.2":
            await log.erase(stream, record.position)
            await Speaker(log, "briefing").tell(Redacted(record.position))
    await publish(log, site)
    page = (site / "m/briefing/en/2/index.html").read_text("utf-8")
    assert "This passage was hidden." in page
    assert "held longer" not in page
    assert 'class="turn hid" id="en.2"' in (site / "m/briefing/en/index.html").read_text("utf-8")
    assert dead_links(contents(site)) == []


async def test_a_meeting_that_is_not_published_any_more_is_gone(log: MemoryLog, tmp_path: Path) -> None:
    await fill(log)
    await publish(log, tmp_path / "site")
    await publish(log, tmp_path / "site", meetings=("briefing",))
    assert not (tmp_path / f"site/m/{MEETING}").exists()
    assert b"Arlandia" not in everything(tmp_path / "site")


async def test_a_server_gives_the_same_site_to_whoever_asks(tmp_path: Path) -> None:
    async with desk() as here:
        for name in (MEETING, "briefing"):
            await Speaker(here.site.log, name).tell(Ended(500_000))
            await here.site.keeper.close(name)
        setting = Setting(ADDRESS)
        server = Target(Path("none"), here.site.url)

        def mirror() -> None:
            asyncio.run(
                make(ServerSource(lambda path: fetch(server, "GET", path)), tmp_path / "mirror", Wanted(setting))
            )

        await asyncio.to_thread(mirror)
        await publish(here.site.log, tmp_path / "site")
    mirrored, made = contents(tmp_path / "mirror"), contents(tmp_path / "site")
    assert mirrored.keys() == made.keys()
    assert [name for name, content in made.items() if mirrored[name] != content] == []


async def test_the_command_publishes_a_folder_and_through_the_server_on_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    async with MemoryLog() as memory, SqliteLog(data / "log.db") as kept:
        await fill(memory)
        for stream in ("house", public_stream("briefing")):
            await kept.append(stream, [record.body for record in await memory.read(stream, 0, 10_000)])

    def run(*more: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "hearing", "publish", "--data", str(data), "--meeting", "briefing", *more]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    done = run(str(tmp_path / "one"), "--address", ADDRESS)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Published. Meetings: 1, passages: 16, files: ")
    assert (tmp_path / "one").stat().st_mode & 0o777 == (tmp_path / "one/m/briefing").stat().st_mode & 0o777 == 0o755
    with Running(data, "--no-worker"):
        served = run(str(tmp_path / "two"), "--address", ADDRESS)
    assert (served.returncode, served.stderr) == (0, "")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_who_spoke_and_who_answers_for_the_text_is_said() -> None:
    stream = begun(*(event for n in range(3) for event in said("en", n, f"Sentence {n}", n * 9000)))
    made = release(stream)
    channel = made.channel("en")
    entries = tuple(
        msgspec.structs.replace(one, speaker="Ms. <Abara>", mark="corrected") if one.n < 2 else one
        for one in channel.segments
    )
    changed = msgspec.structs.replace(made, channels=(msgspec.structs.replace(channel, entries=entries),))
    edition = Edition(meeting_of(), changed, Shown(), rules_of("treaty-body"))
    files = dict(Pages(Setting()).meeting(edition))
    page = files["m/arlandia/en/index.html"].decode()
    assert page.count("Ms. &lt;Abara&gt;") == 1
    assert page.count("Corrected text") == 2
    passage = files["m/arlandia/en/1/index.html"].decode()
    assert "Corrected text" in passage
    assert "Ms. &lt;Abara&gt;, \u2068" in passage or "\nMs. &lt;Abara&gt;, " in passage


def test_who_is_not_known_is_not_named_as_who_spoke_before_and_why_words_are_gone_is_said() -> None:
    made = release(begun(*(event for n in range(3) for event in said("en", n, f"Sentence {n}", n * 9000))))
    channel = made.channel("en")
    first, second, third = channel.segments
    entries = (
        msgspec.structs.replace(first, speaker="Ms. Abara", title="Chair"),
        msgspec.structs.replace(second, text="Sentence […]", basis="person-at-risk"),
        msgspec.structs.replace(third, words=(), text="", hidden=True, basis="privacy"),
    )
    changed = msgspec.structs.replace(made, channels=(msgspec.structs.replace(channel, entries=entries),))
    files = dict(Pages(Setting()).meeting(Edition(meeting_of(), changed, Shown(), rules_of("treaty-body"))))
    page = files["m/arlandia/en/index.html"].decode()
    named, unknown = page.split("Sentence 0</p>")
    assert "Chair" in named
    assert unknown.index("Speaker not identified") < unknown.index("Sentence […]")
    assert "Words were taken out of the record here." in unknown
    assert "It puts a person at risk" in files["m/arlandia/en/1/index.html"].decode()
    assert "It is nobody else" in files["m/arlandia/en/2/index.html"].decode()
