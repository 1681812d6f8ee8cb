"""Fragments are written as players read them, and read back as they were written."""

import io

import av
from hypothesis import given
from hypothesis import strategies as st

from hearing.stream import cmaf
from hearing.stream.cmaf import AudioConfig, Sample

SAMPLES = st.lists(
    st.builds(
        Sample,
        data=st.binary(min_size=1, max_size=40),
        duration=st.integers(1, 100_000),
        composition=st.integers(-5000, 5000),
        key=st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


@given(st.integers(1, 2**31), st.integers(0, 2**60), SAMPLES)
def test_a_fragment_reads_back_as_it_was_written(sequence: int, decode_time: int, samples: list[Sample]) -> None:
    written = cmaf.fragment(sequence, decode_time, samples)
    (found,) = cmaf.fragments(written)
    assert (found.decode_time, found.end) == (decode_time, len(written))
    assert found.duration == sum(sample.duration for sample in samples)
    assert [written[start:end] for start, end in found.samples] == [sample.data for sample in samples]


@given(st.lists(SAMPLES, min_size=1, max_size=4), st.data())
def test_what_a_crash_cut_off_is_found(parts: list[list[Sample]], data: st.DataObject) -> None:
    written = [cmaf.fragment(number, number * 1000, samples) for number, samples in enumerate(parts)]
    whole = b"".join(written)
    size = data.draw(st.integers(0, len(whole)))
    ends = [sum(map(len, written[:count])) for count in range(len(written) + 1)]
    assert cmaf.whole(whole[:size]) == max(end for end in ends if end <= size)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_boxes_are_no_fragments(content: bytes) -> None:
    assert cmaf.whole(content) <= len(content)
    assert cmaf.parse_audio_config(content) is None or len(content) >= 2


@given(st.integers(0, 8000), st.integers(0, 12), st.integers(1, 7))
def test_an_adts_header_comes_off_as_it_went_on(size: int, rate_index: int, channels: int) -> None:
    config = AudioConfig(2, rate_index, channels)
    frame = cmaf.adts_header(config, size) + bytes(size)
    split = cmaf.split_adts(frame)
    assert split is not None
    assert cmaf.parse_audio_config(split[0]) == config
    assert split[1] == bytes(size)


def test_what_is_no_plain_adts_frame_is_left_to_a_decoder() -> None:
    header = cmaf.adts_header(AudioConfig(2, 3, 1), 10)
    assert cmaf.split_adts(b"") is None
    assert cmaf.split_adts(b"\x00" + header[1:]) is None
    assert cmaf.split_adts(cmaf.adts_header(AudioConfig(2, 3, 0), 10)) is None
    assert cmaf.split_adts(header[:6] + bytes([header[6] | 1])) is None


def test_start_codes_of_either_length_become_lengths() -> None:
    unit = b"\x65\x88\x84"
    assert cmaf.length_prefixed(b"\0\0\0\1\x67\x42" + b"\0\0\1" + unit) == b"\0\0\0\2\x67\x42" + b"\0\0\0\3" + unit


def test_an_init_segment_says_its_codec_and_scale() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4", options={"movflags": "+empty_moov"}) as output:
        output.add_stream("aac", rate=44_100, layout="stereo")
        output.start_encoding()
    init = file.getvalue()
    assert cmaf.codec(init) == "mp4a.40.2"
    assert cmaf.timescale(init) == 44_100
    assert cmaf.audio_config(init) == AudioConfig(2, 4, 2)
    assert cmaf.audio_config(b"") is None
    assert cmaf.codec(b"") == ""
