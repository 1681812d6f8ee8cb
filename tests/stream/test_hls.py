"""Playlists say what is recorded, in media time."""

import re
from collections.abc import Sequence

from hearing.house_events import Channel
from hearing.stream import hls
from hearing.stream.frames import Track
from hearing.stream.index import Entry, Rendition

ZERO_MS = 1_763_978_400_000  # 2025-11-24T10:00:00Z
CHANNELS = (Channel("fr", "fr", 1), Channel("en", "en", 0, "floor"), Channel("en-2", "en", 2))
PICTURE = Rendition(Track("video", "video", width=640, height=360, frame_rate=25), "avc1.42c016", 500_000, 400_000, 3)


def sound(channel: str, peak: int = 70_000) -> Rendition:
    return Rendition(Track(f"audio-{channel}", "audio", channel), "mp4a.40.2", peak, 64_000, 3)


def entries(count: int, run: int = 1, first: int = 0, t0: float = 0.0) -> list[Entry]:
    return [Entry(first + n, run, t0 + n * 2000, 2000, 1000) for n in range(count)]


def listed(playlist: str) -> list[int]:
    return [int(found) for found in re.findall(r"^(\d+)\.m4s$", playlist, re.MULTILINE)]


def tags(playlist: str, name: str) -> Sequence[str]:
    return re.findall(rf"^#EXT-X-{name}:?(.*)$", playlist, re.MULTILINE)


def test_every_channel_is_an_alternate_in_its_own_language_and_the_floor_comes_first_by_default() -> None:
    listed_ = tags(hls.master([PICTURE, sound("en"), sound("fr"), sound("en-2")], CHANNELS), "MEDIA")
    assert [re.findall(r'NAME="([^"]*)"', line)[0] for line in listed_] == [
        "Français",
        "English (en)",
        "English (en-2)",
    ]
    assert ["DEFAULT=YES" in line for line in listed_] == [False, True, False]
    assert all("AUTOSELECT=YES" in line and 'GROUP-ID="sound"' in line for line in listed_)
    assert 'URI="audio-en-2/index.m3u8"' in listed_[2]


def test_the_bandwidth_is_that_of_the_picture_and_one_channel() -> None:
    (variant,) = tags(hls.master([PICTURE, sound("en", 90_000), sound("fr")], CHANNELS), "STREAM-INF")
    assert "BANDWIDTH=590000," in variant
    assert 'CODECS="avc1.42c016,mp4a.40.2"' in variant
    assert "RESOLUTION=640x360,FRAME-RATE=25.000" in variant


def test_without_a_picture_the_channels_are_alternates_of_the_floor() -> None:
    text = hls.master([sound("en"), sound("fr"), Rendition(Track("video", "video", state="codec"))], CHANNELS)
    assert text.endswith("\naudio-en/index.m3u8\n")
    assert len(tags(text, "MEDIA")) == 2
    assert "RESOLUTION" not in text


def test_a_channel_of_which_nothing_is_recorded_is_left_out() -> None:
    assert "audio-fr" not in hls.master([sound("en"), Rendition(Track("audio-fr", "audio", "fr"))], CHANNELS)


def test_a_live_playlist_is_a_window_that_slides() -> None:
    short = hls.media(entries(5), ZERO_MS, over=False)
    assert listed(short) == [0, 1, 2, 3, 4]
    assert tags(short, "ENDLIST") == []
    long = hls.media(entries(1000), ZERO_MS, over=False)
    assert listed(long) == list(range(700, 1000))
    assert tags(long, "MEDIA-SEQUENCE") == ["700"]
    assert tags(long, "MAP") == ['URI="init-1.mp4"']


def test_all_of_it_is_listed_once_it_is_over() -> None:
    text = hls.media(entries(1000), ZERO_MS, over=True)
    assert listed(text) == list(range(1000))
    assert tags(text, "PLAYLIST-TYPE") == ["VOD"]
    assert text.endswith("#EXT-X-ENDLIST\n")


def test_dates_are_media_time_plus_the_meetings_zero() -> None:
    text = hls.media(entries(3, t0=1234.4), ZERO_MS, over=False)
    assert tags(text, "PROGRAM-DATE-TIME") == [
        "2025-11-24T10:00:01.234Z",
        "2025-11-24T10:00:03.234Z",
        "2025-11-24T10:00:05.234Z",
    ]


def test_each_run_has_its_discontinuity_its_init_segment_and_its_date() -> None:
    both = entries(3) + entries(3, run=2, first=3, t0=20_000)
    text = hls.media(both, ZERO_MS, over=True)
    assert text.count("#EXT-X-DISCONTINUITY\n") == 1
    assert tags(text, "DISCONTINUITY-SEQUENCE") == ["0"]
    assert tags(text, "MAP") == ['URI="init-1.mp4"', 'URI="init-2.mp4"']
    assert tags(text, "PROGRAM-DATE-TIME")[1] == "2025-11-24T10:00:20.000Z"


def test_renditions_count_discontinuities_alike_even_if_one_missed_a_run() -> None:
    missed = entries(2) + entries(2, run=4, first=2, t0=60_000)
    assert hls.media(missed, ZERO_MS, over=True).count("#EXT-X-DISCONTINUITY\n") == 3
    late = hls.media(entries(2, run=4), ZERO_MS, over=False)
    assert tags(late, "DISCONTINUITY-SEQUENCE") == ["3"]


def test_a_hole_within_a_run_gets_its_date() -> None:
    holed = entries(2) + entries(2, first=2, t0=9_000)
    assert "2025-11-24T10:00:09.000Z" in hls.media(holed, ZERO_MS, over=True)


def test_the_target_duration_covers_the_longest_segment() -> None:
    assert tags(hls.media(entries(2), ZERO_MS, over=True), "TARGETDURATION") == ["2"]
    slow = [*entries(2), Entry(2, 1, 4000, 9_600, 10)]
    assert tags(hls.media(slow, ZERO_MS, over=True), "TARGETDURATION") == ["10"]


def test_a_hidden_segment_keeps_its_place_and_is_a_gap() -> None:
    text = hls.media(entries(5), ZERO_MS, over=False, hides=lambda entry: entry.msn in (1, 2))
    assert listed(text) == [0, 1, 2, 3, 4]
    assert re.findall(r"#EXT-X-GAP\n#EXTINF:2.00000,\n(\d)", text) == ["1", "2"]
    assert len(tags(text, "GAP")) == 2
