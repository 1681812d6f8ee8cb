"""Players get playlists, segments and plain audio; nothing else gets out."""

import asyncio
import io
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import av
import httpx
import numpy as np
import pytest

from hearing.events import Ended, encode, public_stream
from hearing.site.ranges import wanted_range
from tests.site.serving_media import serving
from tests.stream.made import BEEPS, make, onsets
from tests.stream.relaying import Place, house, meeting, place, until


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Place]:
    async with place(tmp_path / "media") as made:
        yield made


@pytest.fixture
async def over(here: Place, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A server with a meeting that is over: two channels and a picture, six seconds."""
    one = meeting(make(tmp_path / "a.mp4", seconds=(6.0, 6.0), picture="libx264"), "en", "fr")
    await here.relay(one).run()
    async with serving(here, house(one)) as url, httpx.AsyncClient(base_url=url) as client:
        yield client


@pytest.fixture
async def live(here: Place, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A server with a meeting that is live, and stays so."""
    one = meeting(make(tmp_path / "a.mp4", seconds=(6.0,)), loop=True)
    async with serving(here, house(one)) as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        work = asyncio.ensure_future(here.relay(one, hurry=False).run())
        try:
            yield client
        finally:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work


async def test_the_media_library_itself_plays_the_playlist(over: httpx.AsyncClient) -> None:
    def play() -> tuple[list[float], int]:
        with av.open(f"{over.base_url}/media/one/master.m3u8", timeout=10) as container:
            audio = container.streams.audio[0]
            frames = [frame for frame in container.decode(audio)]
            samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
            return onsets(samples, audio.rate or 0), len(container.streams.video)

    times, pictures = await asyncio.to_thread(play)
    assert np.allclose(times, BEEPS, atol=0.02)
    assert pictures == 1


async def test_playlists_lead_to_segments_with_their_types_and_lifetimes(over: httpx.AsyncClient) -> None:
    master = await over.get("/media/one/master.m3u8")
    assert master.headers["content-type"] == "application/vnd.apple.mpegurl"
    uris = re.findall(r'URI="([^"]+)"', master.text) + re.findall(r"^[^#\n]+$", master.text, re.MULTILINE)
    assert sorted(uris) == ["audio-en/index.m3u8", "audio-fr/index.m3u8", "video/index.m3u8"]
    for uri in uris:
        playlist = await over.get(f"/media/one/{uri}")
        assert playlist.headers["cache-control"] == "no-cache"
        folder = uri.rpartition("/")[0]
        files = re.findall(r"init-\d+\.mp4|^\d+\.m4s", playlist.text, re.MULTILINE)
        assert len(files) >= 4
        for file in files:
            answer = await over.get(f"/media/one/{folder}/{file}")
            assert answer.status_code == 200
            kept = "immutable" if file.startswith("init") else "max-age=4, must-revalidate"
            assert kept in answer.headers["cache-control"]
            assert answer.headers["content-type"] == ("video/mp4" if folder == "video" else "audio/mp4")


async def test_head_answers_without_a_body(over: httpx.AsyncClient) -> None:
    for path in ("/media/one/master.m3u8", "/media/one/audio-en/index.m3u8", "/media/one/audio-en/0.m4s"):
        answer = await over.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
        assert int(answer.headers["content-length"]) > 0
    plain = await over.head("/listen/one/en")
    assert plain.headers["content-type"] == "audio/aac"
    assert int(plain.headers["content-length"]) == len((await over.get("/listen/one/en")).content)


async def test_a_part_of_a_segment_can_be_asked_for(over: httpx.AsyncClient) -> None:
    whole = (await over.get("/media/one/audio-en/0.m4s")).content
    part = await over.get("/media/one/audio-en/0.m4s", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole)}"
    beyond = await over.get("/media/one/audio-en/0.m4s", headers={"Range": "bytes=999999-"})
    assert (beyond.status_code, beyond.content) == (416, b"")


async def test_plain_audio_of_a_meeting_that_is_over_is_one_file(over: httpx.AsyncClient) -> None:
    answer = await over.get("/listen/one/fr")
    assert answer.headers["content-type"] == "audio/aac"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert np.allclose(heard(answer.content), BEEPS, atol=0.02)
    middle = await over.get("/listen/one/fr", headers={"Range": "bytes=5000-9999"})
    assert (middle.status_code, middle.content) == (206, answer.content[5000:10_000])
    end = await over.get("/listen/one/fr", headers={"Range": "bytes=-100"})
    assert end.content == answer.content[-100:]


async def test_a_live_meeting_can_be_played_and_followed(live: httpx.AsyncClient) -> None:
    master = await live.get("/media/one/master.m3u8")
    assert master.headers["cache-control"] == "no-store"
    assert "audio-en/index.m3u8" in master.text
    playlist = (await live.get("/media/one/audio-en/index.m3u8")).text
    assert "ENDLIST" not in playlist
    last = int(re.findall(r"^(\d+)\.m4s", playlist, re.MULTILINE)[-1])
    assert (await live.get(f"/media/one/audio-en/{last}.m4s")).status_code == 200
    assert (await live.get(f"/media/one/audio-en/{last + 5}.m4s")).status_code == 404


async def test_head_of_plain_audio_that_has_no_end_comes_back(live: httpx.AsyncClient) -> None:
    answer = await live.head("/listen/one/en")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/aac")


async def test_plain_audio_follows_a_live_meeting_and_ends_with_it(live: httpx.AsyncClient, here: Place) -> None:
    content = b""
    async with live.stream("GET", "/listen/one/en") as answer:
        assert answer.headers["cache-control"] == "no-store"
        async for chunk in answer.aiter_bytes():
            content += chunk
            if len(heard(content)) >= 3:
                await here.log.append(public_stream("one"), [encode(Ended(0))], key="ended")
    gaps = np.diff(heard(content))
    assert np.allclose(gaps[:2], np.diff(BEEPS), atol=0.02)


async def test_names_that_nobody_gave_lead_nowhere(over: httpx.AsyncClient, here: Place) -> None:
    secret = here.folder / "one" / "secret.txt"
    secret.write_text("secret")
    for path in (
        "/media/two/master.m3u8",
        "/media/one/audio-de/index.m3u8",
        "/media/one/audio-en/secret.txt",
        "/media/one/audio-en/index.jsonl",
        "/media/one/tracks.json",
        "/media/one/audio-en/..%2fsecret.txt",
        "/media/one/..%2f..%2fetc/passwd",
        "/media/..%2fone/audio-en/0.m4s",
        "/media/one/audio-en/-1.m4s",
        "/media/one/audio-en/99999999999999999999.m4s",
        "/media/one/audio-en/init-7.mp4",
        "/media/one/audio-en/\u0661.m4s",
        "/listen/one/de",
        "/listen/two/en",
        "/listen/one/..%2fen",
    ):
        answer = await over.get(path)
        assert answer.status_code == 404, path
        assert b"secret" not in answer.content


async def test_before_the_first_run_there_is_nothing_to_play(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hearing.site.media._FIRST_S", 0.5)
    one = meeting("/nowhere.mp4", phase="closed")
    async with serving(here, house(one)) as url, httpx.AsyncClient(base_url=url) as client:
        for path in ("/media/one/master.m3u8", "/media/one/audio-en/index.m3u8", "/listen/one/en"):
            answer = await client.get(path)
            assert answer.status_code == 404
            assert answer.text.endswith(".")


async def test_a_segment_still_being_written_is_not_served(here: Place, tmp_path: Path) -> None:
    one = meeting(make(tmp_path / "a.mp4", seconds=(30.0,)))
    work = asyncio.ensure_future(here.relay(one, hurry=False).run())
    async with serving(here, house(one)) as url, httpx.AsyncClient(base_url=url) as client:
        await until((here.folder / "one/audio-en/0.m4s").exists, "the first part")
        assert (await client.get("/media/one/audio-en/0.m4s")).status_code == 404
        await until((here.folder / "one/audio-en/1.m4s").exists, "the second segment")
        assert (await client.get("/media/one/audio-en/0.m4s")).status_code == 200
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work


def test_ranges_are_read_as_the_rfc_says() -> None:
    assert wanted_range(None, 100) == (200, 0, 100)
    assert wanted_range("bytes=0-", 100) == (206, 0, 100)
    assert wanted_range("bytes=0-0", 100) == (206, 0, 1)
    assert wanted_range("bytes=90-200", 100) == (206, 90, 100)
    assert wanted_range("bytes=-10", 100) == (206, 90, 100)
    assert wanted_range("bytes=-1000", 100) == (206, 0, 100)
    assert wanted_range("bytes=100-", 100)[0] == 416
    assert wanted_range("bytes=-0", 100)[0] == 416
    for other in ("bytes=5-2", "bytes=-", "bytes=0-1,3-4", "lines=1-2", "bytes=a-b"):
        assert wanted_range(other, 100) == (200, 0, 100)


def heard(content: bytes) -> list[float]:
    """Return when beeps begin in a plain AAC stream, in seconds from its first frame."""
    with av.open(io.BytesIO(content), "r", format="aac") as container:
        stream = container.streams.audio[0]
        frames = [frame.to_ndarray()[0] for frame in container.decode(stream)]
        return onsets(np.concatenate(frames), stream.rate or 0) if frames else []


async def test_a_channel_without_a_track_is_not_offered_as_an_endless_silence(here: Place, tmp_path: Path) -> None:
    one = meeting(make(tmp_path / "a.mp4", seconds=(6.0,)), "en", "fr", loop=True)
    async with serving(here, house(one)) as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        work = asyncio.ensure_future(here.relay(one, hurry=False).run())
        try:
            await until(lambda: bool(here.ear.heard), "the first sound")
            assert here.ear.without_sound == {"fr"}
            answer = await client.get("/listen/one/fr")
            assert (answer.status_code, "Choose another" in answer.text) == (404, True)
        finally:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
