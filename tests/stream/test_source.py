"""What a source says of a file: sound in its place for the ear and for players, whatever the file is."""

import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from hearing import children
from hearing.stream import cmaf, source
from hearing.stream.frames import Frame, Go, Init, Open, Over, Part, Pcm, Silence, pack
from hearing.stream.lanes import PICTURE, sound_rendition
from hearing.stream.opened import OpenFailedError
from tests.stream.made import BEEPS, SECONDS, decoded, make, onsets, shown_frames
from tests.stream.relaying import placed

NEAR_S = 0.005
ENCODER_DELAY_S = 1024 / 48_000


class EnoughError(Exception):
    """The test has seen what it came for."""


def play(path: Path, *channels: str, t: int = 0, loop: bool = False, until_t: float = float("inf")) -> list[Frame]:
    """Play a file as fast as it goes and return what is said."""
    wanted = Open(str(path), tuple((name, track) for track, name in enumerate(channels or ("en",))), loop)
    said: list[Frame] = []

    def emit(frame: Frame) -> None:
        said.append(frame)
        if isinstance(frame, Part) and frame.t0 > until_t:
            raise EnoughError

    long_ago = time.monotonic() - 1e6
    with suppress(EnoughError):
        source.play(source.open_source(wanted), wanted, Go(t, long_ago), emit)
    return said


def heard(said: list[Frame], channel: str = "en") -> list[float]:
    """Return when beeps begin in the PCM."""
    frames = [(frame.sample, frame.content) for frame in said if isinstance(frame, Pcm) and frame.channel == channel]
    return onsets(placed(frames), 16_000)


def shown(said: list[Frame], rendition: str) -> bytes:
    """Return the init segment and all parts of a rendition."""
    return b"".join(f.content for f in said if isinstance(f, Init | Part) and f.rendition == rendition)


def played(said: list[Frame], channel: str = "en") -> list[float]:
    """Return when beeps begin in the rendition."""
    return onsets(*decoded(shown(said, sound_rendition(channel))))


def near(times: list[float], wanted: list[float]) -> bool:
    return len(times) == len(wanted) and bool(np.allclose(times, wanted, atol=NEAR_S))


FILES: dict[str, Callable[[Path], Path]] = {
    "aac in mp4": lambda folder: make(folder / "a.mp4"),
    "aac in matroska": lambda folder: make(folder / "a.mkv"),
    "aac stereo 44.1 kHz": lambda folder: make(folder / "a.m4a", rate=44_100, layout="stereo"),
    "aac 5.1": lambda folder: make(folder / "a.mp4", layout="5.1"),
    "aac 8 kHz": lambda folder: make(folder / "a.mp4", rate=8_000),
    "aac 96 kHz": lambda folder: make(folder / "a.mp4", rate=96_000),
    "opus in ogg": lambda folder: make(folder / "a.opus", "libopus"),
    "opus in webm": lambda folder: make(folder / "a.webm", "libopus"),
    "opus in mp4": lambda folder: make(folder / "a.mp4", "libopus"),
    "vorbis": lambda folder: make(folder / "a.ogg", "vorbis", layout="stereo"),
    "flac 16 kHz": lambda folder: make(folder / "a.flac", "flac", rate=16_000),
    "flac 5.1": lambda folder: make(folder / "a.flac", "flac", layout="5.1"),
    "wave": lambda folder: make(folder / "a.wav", "pcm_s16le", rate=22_050),
    "wave 16 kHz": lambda folder: make(folder / "a.wav", "pcm_s16le", rate=16_000),
    "mp3": lambda folder: make(folder / "a.mp3", "libmp3lame"),
    "with a picture": lambda folder: make(folder / "a.mp4", picture="libx264"),
    "a picture and opus": lambda folder: make(folder / "a.mkv", "libopus", picture="libx264"),
    "begins late": lambda folder: make(folder / "a.mkv", "libopus", begins_s=5.0),
}


@pytest.mark.parametrize("kind", FILES)
def test_beeps_stand_where_they_belong_for_the_ear_and_for_players(kind: str, tmp_path: Path) -> None:
    said = play(FILES[kind](tmp_path))
    assert near(heard(said), list(BEEPS))
    assert near(played(said), list(BEEPS))
    assert isinstance(said[-1], Over)
    assert said[-1].reason == "ended"


@pytest.mark.parametrize("kind", FILES)
def test_a_source_taken_up_later_goes_on_where_it_would_be(kind: str, tmp_path: Path) -> None:
    said = play(FILES[kind](tmp_path), t=2_000)
    assert near(heard(said), list(BEEPS[1:]))
    assert near(played(said), list(BEEPS[1:]))
    samples = [frame.sample for frame in said if isinstance(frame, Pcm)]
    assert 0 <= samples[0] - 2_000 * 16 < NEAR_S * 2 * 16_000
    assert all(frame.t0 >= 2_000 - 130 for frame in said if isinstance(frame, Part))


@pytest.mark.parametrize("name", ["a.ts", "a.aac"])
def test_where_a_file_does_not_tell_its_encoder_delay_caption_and_sound_shift_alike(name: str, tmp_path: Path) -> None:
    said = play(make(tmp_path / name))
    assert near(heard(said), [at + ENCODER_DELAY_S for at in BEEPS])
    assert near(played(said), heard(said))


def test_aac_and_h264_are_passed_on_untouched(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", picture="libx264")
    said = play(path)
    original = path.read_bytes()
    for part in (frame for frame in said if isinstance(frame, Part)):
        (found,) = cmaf.fragments(part.content)
        assert all(part.content[start:end] in original for start, end in found.samples)


def test_pictures_with_reordered_frames_are_shown_in_order_and_in_time(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv", "a.ts"):
        frames = shown_frames(shown(play(make(tmp_path / name, picture="libx264")), PICTURE))
        assert len(frames) == int(SECONDS * 25)
        assert np.allclose(np.diff(frames), 0.04, atol=0.002)
        assert frames[0] <= 0.1  # libav shows a reordered picture its reorder delay late; a browser does not


def test_tracks_become_channels_by_their_number(tmp_path: Path) -> None:
    said = play(make(tmp_path / "a.mkv", "flac", seconds=(6.0, 3.0, 6.0)), "en", "fr", "es")
    assert [len(heard(said, channel)) for channel in ("en", "fr", "es")] == [3, 2, 3]


def test_a_track_that_ends_early_is_said_to_be_silent_and_nothing_is_made_up(tmp_path: Path) -> None:
    said = play(make(tmp_path / "a.mp4", seconds=(6.0, 2.5)), "en", "fr")
    silence = next(frame for frame in said if isinstance(frame, Silence))
    assert silence.channel == "fr"
    assert abs(silence.sample - 2.5 * 16_000) < 1024
    ends = [frame.t0 + frame.duration_ms for frame in said if isinstance(frame, Part) and frame.rendition == "audio-fr"]
    assert ends[-1] < 2_600


def test_a_loop_is_one_line_of_time(tmp_path: Path) -> None:
    for name, codec in (("a.mp4", "aac"), ("a.opus", "libopus"), ("b.mp4", "aac")):
        path = make(tmp_path / name, codec, picture="libx264" if name == "b.mp4" else "")
        said = play(path, loop=True, until_t=2.4 * SECONDS * 1000)
        times = heard(said)
        wanted = [SECONDS * lap + at for lap in range(3) for at in BEEPS][: len(times)]
        assert len(times) >= 6
        assert np.allclose(times, wanted, atol=0.06)  # an encoder's last frame makes each lap a little longer
        assert np.allclose(played(said)[: len(times) - 1], times[:-1], atol=0.02)


def test_a_loop_taken_up_later_goes_on_within_the_lap(tmp_path: Path) -> None:
    said = play(make(tmp_path / "a.mp4"), t=62_000, loop=True, until_t=66_000)
    assert near(heard(said)[:2], [62.5, 64.25])


def test_a_file_that_was_over_before_is_over(tmp_path: Path) -> None:
    said = play(make(tmp_path / "a.mp4"), t=60_000)
    assert not [frame for frame in said if isinstance(frame, Part | Pcm)]
    assert said[-1] == Over(60_000, "ended")


def test_timestamps_that_leap_are_joined(tmp_path: Path) -> None:
    first, second = make(tmp_path / "1.ts"), make(tmp_path / "2.ts", begins_s=500.0)
    for order in ((first, second), (second, first)):
        joined = tmp_path / "joined.ts"
        joined.write_bytes(b"".join(path.read_bytes() for path in order))
        times = heard(play(joined))
        assert np.allclose(times, [*BEEPS, *(SECONDS + at for at in BEEPS)], atol=0.1)


@pytest.mark.parametrize("codec", ["mpeg4", "libvpx"])
def test_a_picture_browsers_cannot_show_is_not_relayed_and_that_is_said(codec: str, tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv", picture=codec)
    opened = source.open_source(Open(str(path), (("en", 0),)))
    assert [(track.name, track.state) for track in opened.tracks] == [("audio-en", "relayed"), ("video", "codec")]
    assert near(heard(play(path)), list(BEEPS))


def test_a_channel_without_a_track_is_said_to_miss(tmp_path: Path) -> None:
    opened = source.open_source(Open(str(make(tmp_path / "a.mp4")), (("en", 0), ("fr", 1))))
    assert [track.state for track in opened.tracks] == ["relayed", "missing"]


def test_what_cannot_be_played_says_why(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("this is not a film")
    make(tmp_path / "silent.mp4", seconds=(1.0,), picture="libx264")
    for path, channel_track, reason in (
        (tmp_path / "nowhere.mp4", 0, "missing"),
        (tmp_path, 0, "unreadable"),
        (tmp_path / "text.mp4", 0, "unreadable"),
        (tmp_path / "silent.mp4", 1, "no-audio"),
    ):
        with pytest.raises(OpenFailedError) as failed:
            source.open_source(Open(str(path), (("en", channel_track),)))
        assert failed.value.reason == reason


def test_a_playlist_file_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "a.m3u8").write_text("#EXTM3U\n#EXTINF:2,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(OpenFailedError):
        source.open_source(Open(str(tmp_path / "a.m3u8"), (("en", 0),)))


def test_damage_in_a_file_is_skipped(tmp_path: Path) -> None:
    path = make(tmp_path / "a.aac")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 200] = bytes(200)
    path.write_bytes(content)
    said = play(path)
    assert heard(said)[0] == pytest.approx(BEEPS[0] + ENCODER_DELAY_S, abs=NEAR_S)
    assert isinstance(said[-1], Over)


def test_the_demo_has_three_channels_and_a_picture() -> None:
    said = play(Path("demo:"), "en", "fr", "es", t=180_000)
    for channel in ("en", "fr", "es"):
        assert len(shown(said, sound_rendition(channel))) > 20_000
    frames = shown_frames(shown(said, PICTURE))
    assert np.allclose(np.diff(frames), 0.5)
    assert frames[-1] == pytest.approx(191.5, abs=0.5)


@pytest.mark.parametrize("name", ["missing.mp4", "a.opus"])
def test_a_source_whose_relay_has_gone_leaves_without_a_word(name: str, tmp_path: Path) -> None:
    make(tmp_path / "a.opus", "libopus")
    pipe = subprocess.PIPE
    with subprocess.Popen(
        children.command("hearing.stream.source"), stdin=pipe, stdout=pipe, stderr=pipe, env=children.environ()
    ) as child:
        assert child.stdin
        assert child.stdout
        assert child.stderr
        child.stdout.close()
        child.stdin.write(pack(Open(str(tmp_path / name), (("en", 0),))))
        child.stdin.flush()
        assert (child.wait(30), child.stderr.read()) == (0, b"")
