"""Tracks are cut at the same media times, whatever their frames are long."""

from hearing.stream.cmaf import Sample
from hearing.stream.cut import SEGMENT_MS, Cutter
from hearing.stream.frames import Part


def cut_sound(scale: int, ticks: int, start_s: float, seconds: float) -> list[Part]:
    parts: list[Part] = []
    cutter = Cutter("audio-en", scale, start_s, parts.append)
    first = round(start_s * scale)
    for at in range(first, first + int(seconds * scale), ticks):
        cutter.add(at, Sample(b"x", ticks))
    cutter.flush()
    return parts


def cut_picture(keys: set[int], frames: int, frame_ms: int) -> list[Part]:
    parts: list[Part] = []
    cutter = Cutter("video", 1000, 0.0, parts.append)
    for number in range(frames):
        cutter.add(number * frame_ms, Sample(b"x", frame_ms, key=number in keys))
    cutter.flush()
    return parts


def segments(parts: list[Part]) -> list[tuple[float, float]]:
    """Return (t0, end) of each segment; fails where parts leave a hole or flags contradict each other."""
    found: list[tuple[float, float]] = []
    closed = True
    for part in parts:
        assert part.opens == closed
        closed = part.closes
        if part.opens:
            found.append((part.t0, part.t0))
        assert abs(part.t0 - found[-1][1]) < 1e-6 or part.opens
        found[-1] = found[-1][0], part.t0 + part.duration_ms
    assert closed
    return found


def test_every_track_rolls_at_the_same_media_times() -> None:
    for scale, ticks in ((48_000, 1024), (44_100, 1024), (8_000, 1024), (96_000, 1024), (48_000, 2048)):
        frame_ms = ticks * 1000 / scale
        starts = [t0 for t0, _ in segments(cut_sound(scale, ticks, 12.345, 60.0))][:30]
        due = [12_345 + number * SEGMENT_MS for number in range(30)]
        assert all(abs(start - wanted) <= frame_ms for start, wanted in zip(starts, due, strict=True))


def test_parts_last_about_a_second() -> None:
    parts = cut_sound(48_000, 1024, 0.0, 10.0)
    assert all(900 <= part.duration_ms <= 1100 for part in parts[:-1])
    assert sum(part.samples for part in parts) == len(range(0, 480_000, 1024))


def test_segments_of_a_picture_begin_at_key_frames() -> None:
    every_three_seconds = cut_picture(set(range(0, 500, 75)), 500, 40)
    assert [t0 for t0, _ in segments(every_three_seconds)] == [number * 3000 for number in range(7)]
    every_half_second = cut_picture(set(range(0, 500, 12)), 500, 40)
    assert all(end - t0 >= 1900 for t0, end in segments(every_half_second)[:-1])


def test_a_picture_that_stands_still_stays_one_segment() -> None:
    parts: list[Part] = []
    cutter = Cutter("video", 1000, 0.0, parts.append)
    for at, key in ((0, True), (40, False), (1800, False)):
        cutter.add(at, Sample(b"x", 40, key=key))
    cutter.flush()
    assert segments(parts) == [(0, 1840)]


def test_a_hole_in_the_sound_closes_the_segment() -> None:
    parts: list[Part] = []
    cutter = Cutter("audio-en", 1000, 0.0, parts.append)
    for at in (*range(0, 600, 20), *range(2600, 3000, 20)):
        cutter.add(at, Sample(b"x", 20))
    cutter.flush()
    assert segments(parts) == [(0, 600), (2600, 3000)]
