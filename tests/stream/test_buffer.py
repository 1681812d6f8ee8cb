"""What is received is given out when it is due; a source that stalls is lost; nothing grows without bound."""

import threading

import av
import pytest

from hearing.stream import buffer
from hearing.stream.buffer import Buffer, ClosedError, Received, StalledError


def received(track: str, stamp_s: float, size: int = 10) -> Received:
    return Received(track, av.Packet(bytes(size)), stamp_s, 1.0)


def filled(*packets: tuple[str, float]) -> Buffer:
    made = Buffer()
    made.feed()
    for track, stamp_s in packets:
        made.put(received(track, stamp_s))
    return made


def test_tracks_that_come_apart_are_given_out_side_by_side() -> None:
    made = filled(("en", 100.0), ("en", 101.0), ("en", 102.0), ("fr", 100.5), ("fr", 101.5))
    made.over(lost=False)
    given = [(due.item.track, due.due_s, due.shift_s) for due in made.play(7.0, lambda: 1e6)]
    assert given == [("en", 7, -93), ("fr", 7.5, -93), ("en", 8, -93), ("fr", 8.5, -93), ("en", 9, -93)]


def test_nothing_is_given_out_before_its_time() -> None:
    made, now_s = filled(("en", 0.0), ("en", 1.0)), iter([0.5, 0.9, 1.0])
    made.over(lost=False)
    assert [due.due_s for due in made.play(0.0, lambda: next(now_s))] == [0.0, 1.0]
    assert next(now_s, None) is None


def test_a_live_source_that_brings_nothing_is_lost_after_what_was_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer, "STALL_S", 0.0)
    playing = filled(("en", 0.0)).play(0.0, lambda: 5.0)
    assert next(playing).due_s == 0.0
    with pytest.raises(StalledError):
        next(playing)


def test_where_the_first_connection_is_lost_the_others_end_the_run_with_it() -> None:
    made = filled(("video", 0.0), ("fr", 0.0))
    made.feed()
    made.over(lost=True)
    with pytest.raises(ClosedError):
        made.put(received("fr", 1.0))
    playing = made.play(0.0, lambda: 1e6)
    assert [next(playing).item.track for _ in range(2)] == ["video", "fr"]
    with pytest.raises(StalledError):
        next(playing)


@pytest.mark.parametrize("size", [10, 60_000_000])
def test_a_connection_that_brings_too_much_has_to_wait(size: int) -> None:
    made, done = filled(("en", 0.0)), threading.Event()
    made.put(received("en", 0.5, size))

    def put() -> None:
        made.put(received("fr", 0.0))
        made.put(received("fr", 9.0))
        made.put(received("fr", 18.0))
        made.put(received("fr", 27.0))
        done.set()

    thread = threading.Thread(target=put)
    thread.start()
    assert not done.wait(0.2)
    playing = made.play(0.0, lambda: 1e6, patient=True)
    for _ in range(4):
        next(playing)
    assert done.wait(10)
    thread.join()
