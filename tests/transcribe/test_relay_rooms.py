"""The pure rooms of the relay's side: the ring, the checks, the pace, the frames."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing.errors import Refused
from hearing.transcribe import protocol
from hearing.transcribe.assignment import Seat, choose, unheard
from hearing.transcribe.ring import Chunk, Ring

SIZES = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 400)), max_size=40)


@given(SIZES)
def test_a_ring_gives_every_sample_once_in_order(sizes: list[tuple[int, int]]) -> None:
    ring, sample, given_out, place = Ring(most=10_000_000), 0, 0, 0
    for size, hole in sizes:
        ring.add(Chunk(1, sample, bytes(2 * size)))
        while found := ring.after(place):
            chunk, place = found
            assert chunk.sample >= given_out
            given_out = chunk.end
        sample += size + hole
    assert given_out == ring.end


@given(SIZES, st.integers(100, 2000))
def test_a_ring_is_bounded(sizes: list[tuple[int, int]], most: int) -> None:
    ring, sample = Ring(most=most), 0
    for size, hole in sizes:
        ring.add(Chunk(1, sample, bytes(2 * size)))
        sample += size + hole
        assert ring.first is None or ring.end - ring.first <= most + size + hole


def test_what_was_heard_already_is_cut_off() -> None:
    ring = Ring()
    ring.add(Chunk(1, 0, bytes(200)))
    ring.add(Chunk(1, 50, bytes(200)))
    ring.add(Chunk(1, 0, bytes(20)))
    assert ring.end == 150
    assert ring.after(1) == (Chunk(1, 100, bytes(100)), 2)
    assert ring.after(2) is None


def test_what_is_settled_is_let_go_after_a_minute() -> None:
    ring = Ring(keep=100)
    for sample in range(0, 1000, 100):
        ring.add(Chunk(1, sample, bytes(200)))
    ring.release(500)
    assert ring.first == 400


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**63), st.binary(max_size=50))
def test_a_pcm_frame_is_read_as_it_was_written(handle: int, run: int, sample: int, half: bytes) -> None:
    pcm = half + half
    assert protocol.unpack_pcm(protocol.pack_pcm(handle, run, sample, pcm)) == (handle, run, sample, pcm)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_frame_is_understood_or_refused(frame: bytes | str) -> None:
    for read in (protocol.from_worker, protocol.from_relay):
        with pytest.raises(Refused):
            read(frame)


@given(st.binary(max_size=40))
def test_any_pcm_frame_is_understood_or_refused(frame: bytes) -> None:
    if len(frame) < 16 or len(frame) % 2:
        with pytest.raises(Refused):
            protocol.unpack_pcm(frame)


@pytest.mark.parametrize(
    "message",
    [
        protocol.Hello(1, "base", 4, ("en",)),
        protocol.Words(1, 2, 3, ("a", "b"), 4, low=True),
        protocol.Closed(1, 2, 3, 4, ((3, 4),)),
        protocol.Gap(1, 2, 3, "unheard"),
        protocol.Draft(1, 2, 3, "text"),
        protocol.Pulse((protocol.Heard(1, 2, 3, 600),)),
        protocol.Drained(1),
    ],
)
def test_what_a_worker_says_is_read_as_it_was_written(message: protocol.FromWorker) -> None:
    assert protocol.from_worker(protocol.encode(message)) == message


@pytest.mark.parametrize(
    "message",
    [
        protocol.Assign(1, "en", 2, 3, ((2, ("a",)),), 4),
        protocol.Ack(1),
        protocol.Finish(1),
        protocol.Release(1, "moved"),
    ],
)
def test_what_a_relay_says_is_read_as_it_was_written(message: protocol.FromRelay) -> None:
    assert protocol.from_relay(protocol.encode(message)) == message


def test_a_channel_goes_where_there_is_room_and_its_language_is_known() -> None:
    full, free = Seat(1, 1), Seat(4, 1)
    french = Seat(8, 0, frozenset({"fr"}))
    assert choose("en", [full, free, french]) == 1
    assert choose("fr-2", [full, free, french]) == 2
    assert choose("en", [full]) is None
    assert unheard("en", [french])
    assert not unheard("en", [])
