"""Sound and picture of a hidden passage: a gap in every playlist, no file, and no second of it in plain audio."""

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

from hearing.events import (
    Cut,
    Ended,
    PassageHidden,
    PassageRedacted,
    PassageShown,
    PublicEvent,
    RedactionEnded,
    WordsRedacted,
    encode,
    public_stream,
)
from tests.site.serving_media import serving
from tests.stream.made import make, onsets
from tests.stream.relaying import Place, house, meeting, place

BEEPS = (0.5, 2.5, 4.5, 6.5, 8.5)
HIDDEN = PassageHidden("p", 4600, 5200)
"""The third beep: with its margin it lies in the segment from 4 s to 6 s."""


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Place]:
    async with place(tmp_path / "media") as made:
        yield made


@pytest.fixture
async def over(here: Place, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A server with a meeting that is over: two channels and a picture, ten seconds."""
    one = meeting(make(tmp_path / "a.mp4", seconds=(10.0, 10.0), picture="libx264", beeps=BEEPS), "en", "fr")
    await here.relay(one).run()
    async with serving(here, house(one)) as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        yield client


async def tell(here: Place, *events: PublicEvent) -> None:
    await here.log.append(public_stream("one"), [encode(event) for event in events])


def gaps(playlist: str) -> list[int]:
    """Return the numbers of the segments that are gaps."""
    return [int(msn) for msn in re.findall(r"#EXT-X-GAP\n#EXTINF[^\n]*\n(\d+)\.m4s", playlist)]


def numbers(playlist: str) -> list[int]:
    return [int(msn) for msn in re.findall(r"^(\d+)\.m4s", playlist, re.MULTILINE)]


async def test_hidden_segments_are_gaps_that_keep_their_numbers_and_cannot_be_fetched(
    over: httpx.AsyncClient, here: Place
) -> None:
    for rendition in ("audio-en", "audio-fr", "video"):
        folder = f"/media/one/{rendition}"
        before = numbers((await over.get(f"{folder}/index.m3u8")).text)
        await tell(here, HIDDEN)
        playlist = (await over.get(f"{folder}/index.m3u8")).text
        hidden = gaps(playlist)
        assert numbers(playlist) == before
        assert 1 <= len(hidden) < len(before) - 1
        for number in before:
            answer = await over.get(f"{folder}/{number}.m4s")
            assert answer.status_code == (410 if number in hidden else 200)
        gone = await over.get(f"{folder}/{hidden[0]}.m4s")
        assert (gone.content, gone.headers["cache-control"]) == (b"", "no-store")
        await tell(here, PassageShown("p"))
        assert gaps((await over.get(f"{folder}/index.m3u8")).text) == []
        assert (await over.get(f"{folder}/{hidden[0]}.m4s")).status_code == 200


async def test_a_cache_has_to_ask_after_seconds_and_is_told(over: httpx.AsyncClient, here: Place) -> None:
    path = "/media/one/audio-en/2.m4s"
    first = await over.get(path)
    assert first.headers["cache-control"] == "public, max-age=4, must-revalidate"
    asked = {"If-None-Match": first.headers["etag"]}
    same = await over.get(path, headers=asked)
    assert (same.status_code, same.content) == (304, b"")
    await tell(here, HIDDEN)
    assert (await over.get(path, headers=asked)).status_code == 410


async def test_plain_audio_of_a_recording_leaves_it_out_and_its_ranges_are_right(
    over: httpx.AsyncClient, here: Place
) -> None:
    whole = await over.get("/listen/one/en")
    assert len(heard(whole.content)) == 5
    await tell(here, HIDDEN)
    cut = await over.get("/listen/one/en")
    assert len(heard(cut.content)) == 4
    size = int(cut.headers["content-length"])
    assert size == len(cut.content) < len(whole.content)
    assert int((await over.head("/listen/one/en")).headers["content-length"]) == size
    pieces = b""
    for start in range(0, size, 9000):
        part = await over.get("/listen/one/en", headers={"Range": f"bytes={start}-{start + 8999}"})
        assert part.headers["content-range"].endswith(f"/{size}")
        pieces += part.content
    assert pieces == cut.content
    asked = {"Range": "bytes=100-", "If-Range": whole.headers["etag"]}
    assert (await over.get("/listen/one/en", headers=asked)).content == cut.content, "not a part of what it was"
    asked["If-Range"] = cut.headers["etag"]
    assert (await over.get("/listen/one/en", headers=asked)).content == cut.content[100:]
    assert (await over.get("/listen/one/en", headers={"If-None-Match": cut.headers["etag"]})).status_code == 304
    await tell(here, PassageShown("p"))
    assert (await over.get("/listen/one/en")).content == whole.content


async def test_plain_audio_that_follows_a_live_meeting_skips_what_is_hidden(here: Place, tmp_path: Path) -> None:
    one = meeting(make(tmp_path / "a.mp4", seconds=(10.0,), beeps=(0.5, 3.0, 5.0, 9.2)), loop=True)
    async with serving(here, house(one)) as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        work = asyncio.ensure_future(here.relay(one, hurry=False).run())
        try:
            await tell(here, PassageHidden("p", 2600, 5900))
            content = b""
            async with client.stream("GET", "/listen/one/en") as answer:
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(heard(content)) >= 2:
                        await here.log.append(public_stream("one"), [encode(Ended(0))], key="ended")
        finally:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
    assert np.allclose(heard(content)[:2], [0.5, 9.2 - 6.0], atol=0.05), "three segments are not there"


def heard(content: bytes) -> list[float]:
    """Return when beeps begin in a plain AAC stream."""
    with av.open(io.BytesIO(content), "r", format="aac") as container:
        stream = container.streams.audio[0]
        frames = [frame.to_ndarray()[0] for frame in container.decode(stream)]
        return onsets(np.concatenate(frames), stream.rate or 0) if frames else []


async def test_what_is_being_redacted_is_a_gap_on_its_channel_until_it_is_silent_and_has_another_name(
    over: httpx.AsyncClient, here: Place
) -> None:
    playlists = [f"/media/one/{rendition}/index.m3u8" for rendition in ("audio-en", "audio-fr", "video")]
    named = await over.get("/media/one/audio-en/2.m4s")
    whole = await over.get("/listen/one/en")
    cut = Cut("en", 4800, 4900)
    await tell(here, PassageRedacted("1" * 16, "privacy", (cut,), 7, picture=True))
    assert [gaps((await over.get(one)).text) for one in playlists] == [[2], [], [2]]
    assert (await over.get("/media/one/audio-en/2.m4s")).status_code == 410
    assert (await over.get("/media/one/audio-fr/2.m4s")).status_code == 200
    await tell(here, WordsRedacted("1" * 16, (), (cut,)), RedactionEnded("1" * 16, 8))
    assert [gaps((await over.get(one)).text) for one in playlists] == [[], [], [2]], "a picture does not come back"
    kept = {"If-None-Match": named.headers["etag"]}
    again = await over.get("/media/one/audio-en/2.m4s", headers=kept)
    assert (again.status_code, len(again.content)) == (200, len(named.content)), "no cache may keep what it was"
    other = await over.get("/media/one/audio-en/0.m4s", headers=kept)
    assert other.status_code == 200
    assert (await over.get("/media/one/video/2.m4s")).status_code == 410
    assert (await over.get("/listen/one/en")).headers["etag"] != whole.headers["etag"]
