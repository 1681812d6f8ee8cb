"""Utterance bounds are exact to the frame, whatever the audio comes in."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hearing.transcribe.silero import Silero
from hearing.transcribe.voice import FRAME, PRE_ROLL, QUIET_FRAMES, Utterance, Voice

PROBABILITIES = st.lists(st.sampled_from([0.0, 0.2, 0.4, 0.6, 1.0]), max_size=200)


def bounds(voice: Voice) -> list[tuple[int, int | None]]:
    return [(one.begin, one.end) for one in voice.queue]


@given(PROBABILITIES, st.lists(st.integers(1, 50), min_size=1))
def test_utterances_do_not_depend_on_how_frames_are_grouped(frames: list[float], cuts: list[int]) -> None:
    whole, pieces, at, turn = Voice(1000), Voice(1000), 0, 0
    whole.hear(frames)
    while at < len(frames):
        width = cuts[turn % len(cuts)]
        pieces.hear(frames[at : at + width])
        at, turn = at + width, turn + 1
    assert bounds(whole) == bounds(pieces)


@given(PROBABILITIES)
def test_utterances_are_in_order_and_never_overlap(frames: list[float]) -> None:
    voice = Voice(0)
    voice.hear(frames)
    voice.close(len(frames) * FRAME)
    edges = [edge for one in voice.queue for edge in (one.begin, one.end)]
    assert all(edge is not None for edge in edges)
    assert edges == sorted(edge for edge in edges if edge is not None)


def test_a_new_onset_in_the_same_chunk_does_not_undo_an_end() -> None:
    voice = Voice(0)
    voice.hear([1.0] * 20 + [0.0] * QUIET_FRAMES + [1.0] * 20)
    end = (20 + QUIET_FRAMES) * FRAME
    assert list(voice.queue) == [Utterance(0, end), Utterance(end, None)]


def test_an_utterance_begins_before_its_first_frame() -> None:
    voice = Voice(0)
    voice.hear([0.0] * 40 + [1.0])
    assert bounds(voice) == [(41 * FRAME - PRE_ROLL, None)]


@given(PROBABILITIES, st.integers(0, 100))
def test_forgetting_keeps_what_comes_after(frames: list[float], cut: int) -> None:
    voice, kept = Voice(0), Voice(0)
    voice.hear(frames)
    kept.hear(frames)
    voice.forget(cut * FRAME)
    end = len(frames) * FRAME
    assert voice.speech(cut * FRAME, end) == kept.speech(cut * FRAME, end)


def test_silero_hears_the_same_however_the_audio_is_cut() -> None:
    pcm = (np.random.default_rng(1).standard_normal(16_000) * 0.1).astype(np.float32)
    whole = Silero()(pcm)
    pieces = Silero()
    parts = [value for at in range(0, 16_000, 700) for value in pieces(pcm[at : at + 700])]
    assert len(whole) == 16_000 // FRAME
    assert np.allclose(whole, parts, atol=1e-5)
