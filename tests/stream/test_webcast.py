"""An HLS program is relayed with every channel: finished or live, in every wrapping, across leaps and cuts."""

import asyncio
import base64
import io
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from statistics import median

import av
import msgspec
import numpy as np
import pytest
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from hearing.events import RunEnded, RunStarted
from hearing.stream import join, playlist, source
from hearing.stream.address import Rules
from hearing.stream.frames import Frame, Go, Open, Over
from hearing.stream.join import Joined
from hearing.stream.lanes import PICTURE
from hearing.stream.opened import OpenFailedError
from hearing.stream.tap import FRAME_SAMPLES
from tests.stream.made import BEEPS, SECONDS, make, onsets, shown_frames
from tests.stream.relaying import KeptEar, Place, meeting, place, until
from tests.stream.test_source import heard, played, shown
from tests.stream.webcast import Air, Program, film, on_air, program

logger = logging.getLogger(__name__)

NEAR_S = 0.06
HERE = Rules(("http",), (), ("127.0.0.1",))
FRENCH = [at + 0.3 for at in BEEPS]


@pytest.fixture(scope="module", params=["mpegts", "fmp4"])
def cast(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Program:
    folder = tmp_path_factory.mktemp("cast")
    return program(film(folder / "a.mkv"), folder / "hls", kind=request.param)


@pytest.fixture(scope="module")
def ts(tmp_path_factory: pytest.TempPathFactory) -> Program:
    folder = tmp_path_factory.mktemp("ts")
    return program(film(folder / "a.mkv"), folder / "hls")


def play(url: str, *channels: str, t: int = 0, rules: Rules = HERE) -> list[Frame]:
    """Play what is finished, as fast as it goes."""
    wanted = Open(url, tuple((name, track) for track, name in enumerate(channels)), rules=rules)
    said: list[Frame] = []
    source.play(source.open_source(wanted), wanted, Go(t, time.monotonic() - 1e6), said.append)
    return said


def joined(wanted: Open) -> Joined:
    opened = source.open_source(wanted)
    assert isinstance(opened, Joined)
    return opened


def test_picture_and_every_rendition_are_heard_in_their_place(cast: Program) -> None:
    with on_air(cast, ended=True) as air:
        said = play(air.url, "en", "fr")
    assert np.allclose(heard(said, "en"), BEEPS, atol=NEAR_S)
    assert np.allclose(heard(said, "fr"), FRENCH, atol=NEAR_S)
    assert np.allclose(played(said, "fr"), heard(said, "fr"), atol=0.01)
    assert len(shown_frames(shown(said, PICTURE))) == int(SECONDS * 25)
    assert isinstance(said[-1], Over)
    assert said[-1].reason == "ended"


def test_a_finished_program_is_taken_up_where_it_would_be(cast: Program) -> None:
    with on_air(cast, ended=True) as air:
        said = play(air.url, "en", "fr", t=4_000)
    assert np.allclose(heard(said, "en"), BEEPS[2:], atol=NEAR_S)
    assert np.allclose(heard(said, "fr"), FRENCH[2:], atol=NEAR_S)


def test_a_plain_server_that_leaves_after_each_answer_is_enough(ts: Program) -> None:
    air = Air(ts, ended=True)
    air.protocol = "HTTP/1.0"
    air.start()
    said = play(air.url, "en", "fr")
    air.cut()
    assert np.allclose(heard(said, "fr"), FRENCH, atol=NEAR_S)


def test_tracks_stand_in_the_order_of_the_playlist_and_unused_ones_cost_nothing(ts: Program) -> None:
    with on_air(ts, ended=True) as air:
        air.extra["master.m3u8"] = (
            ts.master.replace("RESOLUTION=160x96", "RESOLUTION=160x96")
            + '#EXT-X-STREAM-INF:BANDWIDTH=9000000,RESOLUTION=1920x1080,AUDIO="group_aud"\nlarge.m3u8\n'
            + '#EXT-X-STREAM-INF:BANDWIDTH=90000,RESOLUTION=426x240,CODECS="hvc1.1",AUDIO="group_aud"\nhevc.m3u8\n'
            + '#EXT-X-STREAM-INF:BANDWIDTH=1000,RESOLUTION=80x48,AUDIO="group_aud"\nsmall.m3u8\n'
        ).encode()
        wanted = Open(air.url, (("fr", 1),), rules=HERE)
        opened = source.open_source(wanted)
        said: list[Frame] = []
        source.play(opened, wanted, Go(0, time.monotonic() - 1e6), said.append)
        asked = set(air.asked)
    assert opened.named == ("en", "fr")
    assert np.allclose(heard(said, "fr"), FRENCH, atol=NEAR_S)
    assert asked >= {"/v.m3u8", "/fr.m3u8", "/v-0.ts"}
    assert not [path for path in asked if "en" in path or "large" in path or "hevc" in path or "small" in path]


def test_a_picture_that_browsers_cannot_show_leaves_the_sound(tmp_path: Path) -> None:
    odd = make(tmp_path / "a.mkv", seconds=(3.0, 3.0), picture="mpeg4", later_s=0.3, beeps=[1.0])
    with on_air(program(odd, tmp_path / "hls"), ended=True) as air:
        said = play(air.url, "en", "fr")
    assert np.allclose([*heard(said, "en"), *heard(said, "fr")], [1.0, 1.3], atol=NEAR_S)
    assert not shown(said, PICTURE)


def test_an_interpretation_that_is_not_there_leaves_the_others(ts: Program) -> None:
    lacking = msgspec.structs.replace(ts, playlists={k: v for k, v in ts.playlists.items() if k != "fr.m3u8"})
    lacking = msgspec.structs.replace(lacking, files={k: v for k, v in ts.files.items() if k != "fr.m3u8"})
    with on_air(lacking, ended=True) as air:
        opened = source.open_source(Open(air.url, (("en", 0), ("fr", 1), ("es", 2)), rules=HERE))
    assert [(t.name, t.state) for t in opened.tracks] == [
        ("audio-en", "relayed"),
        ("audio-fr", "missing"),
        ("audio-es", "missing"),
        ("video", "relayed"),
    ]


def test_encrypted_segments_byte_ranges_and_plain_streams_are_read(ts: Program) -> None:
    whole = b"".join(ts.files[name] for _, name in ts.playlists["en.m3u8"])
    key, iv = bytes(range(16)), bytes(16)
    rows, at = [], 0
    for seconds, name in ts.playlists["en.m3u8"]:
        size = len(ts.files[name])
        rows.append(f"#EXTINF:{seconds},\n#EXT-X-BYTERANGE:{size}{'@0' if not at else ''}\nwhole.ts")
        at += size
    head, tail = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n", "\n#EXT-X-ENDLIST\n"
    with on_air(ts, ended=True) as air:
        air.extra["whole.ts"], air.extra["key"] = whole, key
        air.extra["ranges.m3u8"] = (head + "\n".join(rows) + tail).encode()
        locked = [f'#EXT-X-KEY:METHOD=AES-128,URI="key",IV=0x{iv.hex()}']
        for seconds, name in ts.playlists["en.m3u8"]:
            padder = padding.PKCS7(128).padder()
            closing = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
            padded = padder.update(ts.files[name]) + padder.finalize()
            air.extra[f"x{name}"] = closing.update(padded) + closing.finalize()
            locked.append(f"#EXTINF:{seconds},\nx{name}")
        air.extra["locked.m3u8"] = (head + "\n".join(locked) + tail).encode()
        for path in ("ranges.m3u8", "locked.m3u8", "whole.ts"):
            said = play(f"http://127.0.0.1:{air.port}/{path}", "en")
            assert np.allclose(heard(said), BEEPS, atol=NEAR_S), path
            assert isinstance(said[-1], Over)
            assert said[-1].reason == "ended"


def test_plain_aac_segments_are_placed_by_their_id3_tag(ts: Program, tmp_path: Path) -> None:
    content = make(tmp_path / "a.aac").read_bytes()
    with av.open(io.BytesIO(ts.files["v-0.ts"])) as first:
        begin = first.streams.video[0].start_time or 0
    with on_air(ts, ended=True) as air:
        cuts = [at for at in range(len(content)) if content[at : at + 2] == b"\xff\xf1"]
        cuts = [*cuts[::100], len(content)]
        lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:3"]
        for number, (start, end) in enumerate(pairwise(cuts)):
            stamp = (int(number * 100 * 1024 / 48_000 * 90_000) + begin).to_bytes(8)
            owner = b"com.apple.streaming.transportStreamTimestamp\0" + stamp
            frame = b"PRIV" + len(owner).to_bytes(4) + b"\0\0" + owner
            air.extra[f"p{number}.aac"] = b"ID3\x04\0\0\0\0\0" + bytes([len(frame)]) + frame + content[start:end]
            lines += ["#EXTINF:2.133,", f"p{number}.aac"]
        air.extra["plain.m3u8"] = "\n".join([*lines, "#EXT-X-ENDLIST"]).encode()
        air.extra["master.m3u8"] = ts.master.replace('URI="en.m3u8"', 'URI="plain.m3u8"').encode()
        said = play(air.url, "en", "fr")
    assert np.allclose(heard(said, "en"), [at + 1024 / 48_000 for at in BEEPS], atol=NEAR_S)
    assert np.allclose(heard(said, "fr"), FRENCH, atol=NEAR_S)


def test_33_bits_of_timestamps_wrap_without_a_seam(tmp_path: Path) -> None:
    late = make(
        tmp_path / "a.mkv",
        seconds=(6.0, 6.0),
        picture="libx264",
        later_s=0.3,
        key_every=25,
        begins_s=2**33 / 90_000 - 3.1,
    )
    cast = program(late, tmp_path / "hls")
    with on_air(cast, ended=True) as air:
        said = play(air.url, "en", "fr")
    assert np.allclose(heard(said, "en"), BEEPS, atol=NEAR_S)
    assert np.allclose(heard(said, "fr"), FRENCH, atol=NEAR_S)
    frames = shown_frames(shown(said, PICTURE))
    assert np.allclose(np.diff(frames), 0.04, atol=0.01)


@pytest.mark.parametrize("marked", [True, False])
def test_timestamps_that_begin_anew_go_on_on_every_track(marked: bool, ts: Program) -> None:
    with on_air(ts, ended=True) as air:
        for name, rows in ts.playlists.items():
            lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:2"]
            for lap in range(3):
                lines += ["#EXT-X-DISCONTINUITY"] if marked and lap else []
                lines += [line for seconds, file in rows for line in (f"#EXTINF:{seconds},", file)]
            air.extra[name] = "\n".join([*lines, "#EXT-X-ENDLIST"]).encode()
        said = play(air.url, "en", "fr")
    for channel, beeps in (("en", BEEPS), ("fr", FRENCH)):
        wanted = [lap * SECONDS + at for lap in range(3) for at in beeps]
        assert np.allclose(heard(said, channel), wanted, atol=0.12)
    assert np.allclose(np.array(heard(said, "fr")) - heard(said, "en"), 0.3, atol=0.06), "side by side"


def test_a_line_of_a_playlist_that_goes_on_and_on_holds_nothing_up() -> None:
    began = time.process_time()
    playlist.read_media("#EXTM3U\n#EXT-X-MAP:" + "A" * 1_000_000, "https://h/x")
    assert time.process_time() - began < 2


def test_what_is_no_source_says_why(ts: Program) -> None:
    with on_air(ts, ended=True) as air:
        air.extra |= {"page.html": b"<!doctype html>", "empty.m3u8": b"#EXTM3U\n#EXT-X-ENDLIST\n", "nothing.ts": b""}
        for path, reason in (
            ("nowhere.m3u8", "unreachable"),
            ("page.html", "unreadable"),
            ("empty.m3u8", "unreadable"),
            ("nothing.ts", "unreadable"),
            ("v.m3u8", "no-audio"),
        ):
            with pytest.raises(OpenFailedError) as failed:
                source.open_source(Open(f"http://127.0.0.1:{air.port}/{path}", (("en", 0),), rules=HERE))
            assert failed.value.reason == reason, path


def test_a_password_goes_to_its_own_server_and_to_no_other(ts: Program) -> None:
    with on_air(ts, ended=True) as air, on_air(ts, ended=True) as other:
        air.extra["master.m3u8"] = ts.master.replace("fr.m3u8", f"http://127.0.0.1:{other.port}/fr.m3u8").encode()
        joined(Open(air.url.replace("//", "//me:secret@"), (("en", 0), ("fr", 1)), rules=HERE)).close()
        assert set(air.logins) == {"Basic bWU6c2VjcmV0"}
        assert set(other.logins) == {""}


def test_a_password_is_said_as_it_is_not_as_addresses_write_it(ts: Program) -> None:
    with on_air(ts, ended=True) as air:
        joined(Open(air.url.replace("//", "//me:p%40ss%2F@"), (("en", 0),), rules=HERE)).close()
        assert set(air.logins) == {f"Basic {base64.b64encode(b'me:p@ss/').decode()}"}


def test_a_live_playlist_that_has_not_moved_since_it_was_lost_is_not_played_again(
    ts: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(join, "OPEN_S", 1.0)
    with on_air(ts, ended=True) as air:
        for name, rows in ts.playlists.items():
            lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", *[f"#EXTINF:1,\n{file}" for _, file in rows]]
            air.extra[name] = "\n".join(lines).encode()
        wanted = Open(air.url, (("en", 0),), rules=HERE)
        opened = joined(wanted)
        opened.close()
        with pytest.raises(OpenFailedError, match="unreachable"):
            joined(msgspec.structs.replace(wanted, passed=opened.mark))
        air.extra["v.m3u8"] += b"\n#EXTINF:1,\nv-0.ts"
        joined(msgspec.structs.replace(wanted, passed=opened.mark)).close()


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Place]:
    async with place(tmp_path / "media") as made:
        yield made


class TimedEar(KeptEar):
    """Notes how far behind media time each whole frame is heard."""

    def __init__(self) -> None:
        super().__init__()
        self.late: dict[int, list[float]] = {}

    def hear(self, channel: str, run: int, sample: int, pcm: bytes) -> None:
        super().hear(channel, run, sample, pcm)
        if channel == "en" and len(pcm) == 2 * FRAME_SAMPLES:
            self.late.setdefault(run, []).append(time.monotonic() - sample / 16_000)


async def test_a_live_program_is_cut_and_comes_back_as_a_run_of_its_own(here: Place, tmp_path: Path) -> None:
    beeps = [0.5 * number for number in range(80)]
    cast = program(film(tmp_path / "a.mkv", seconds=40.0, beeps=beeps), tmp_path / "hls")
    air = Air(cast)
    air.start(ahead_s=4.5)
    ear = TimedEar()
    here = msgspec.structs.replace(here, ear=ear)
    relay = here.relay(meeting(air.url, "en", "fr"), hurry=False, rules=HERE)
    work = asyncio.ensure_future(relay.run())
    try:
        await until(lambda: len(here.ear.heard) >= 12, "sound")
        assert "/en-0.ts" not in air.asked, "joined near its end"
        air.cut()
        await until(lambda: len(here.ear.silences) >= 2, "the loss")
        air.start(ahead_s=0.0)
        came_back, count = time.monotonic(), len(here.ear.heard)
        await until(lambda: len(here.ear.heard) > count, "the program again")
        away_s = time.monotonic() - came_back
        await until(lambda: len(ear.late.get(2, [])) > 8, "more of it")
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work
        air.cut()
    events = await here.events()
    started = [event for event in events if isinstance(event, RunStarted)]
    ended = [event for event in events if isinstance(event, RunEnded) and event.run]
    assert (len(started), ended[0].reason) == (2, "lost")
    assert started[1].t > ended[0].t
    for channel in ("en", "fr"):
        samples = [sample for name, _, sample, _ in here.ear.heard if name == channel]
        assert samples == sorted(samples)
        gaps = [after - before for before, after in pairwise(onsets(here.ear.sound(channel), 16_000))]
        assert sum(gap > 0.7 for gap in gaps) == 1, "one gap, and not a beep missing beside it"
    error_s = median(ear.late[2]) - median(ear.late[1])
    logger.info("%s", json.dumps({"heard_again_s": round(away_s, 2), "gap_error_s": round(error_s, 3)}))
    assert abs(error_s) < 1, "the gap is as long as the silence was"
