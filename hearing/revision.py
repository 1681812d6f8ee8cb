"""What a second hearing of a recording proposes: the words it heard, put where they belong, segment by segment. Pure.

A word belongs where the text has the same word, as an alignment of the two finds, and else where it was heard. What a
human wrote, and what was hidden or taken out, is never proposed for; nor is a difference of case, accent or comma.
Texts come free of controls, as hearing.archive.record.clean leaves them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher

import msgspec

from hearing.correcting import MAX_TEXT
from hearing.lang import TAKEN, join, spaced
from hearing.realign import folded
from hearing.revision_events import RevisionDeclined, RevisionEvent, RevisionHeard, RevisionProposed
from hearing.transcript import Segment

REACH_MS = 500
"""So far from a segment's span may one of its words be heard: two alignments of the same sound differ by less."""

Span = tuple[int, int]
Marked = tuple[tuple[str, bool], ...]
"""A text in pieces, each with whether it differs from the other text."""


class Heard(msgspec.Struct, frozen=True):
    """A word as it was heard again, in ms of media time."""

    text: str
    t0: int
    t1: int


class Piece(msgspec.Struct, frozen=True):
    """A stretch of a channel that was heard again by a model, whole. Segments that reach out of it are left alone.

    `language` is what it was heard as, on a floor of several; empty: the channel's. Others are left alone too.
    """

    channel: str
    t0: int
    t1: int
    model: str
    words: tuple[Heard, ...]
    language: str = ""


class Standing(msgspec.Struct):
    """What a meeting's second passes came to: `latest` maps a segment to the position of its proposal.

    Mutable: `follow` changes it.
    """

    position: int = 0
    heard: list[RevisionHeard] = []
    proposed: dict[int, RevisionProposed] = {}
    latest: dict[str, int] = {}
    declined: set[int] = set()


class Proposal(msgspec.Struct, frozen=True):
    """A proposal that can be accepted now. It is known by its position."""

    position: int
    said: RevisionProposed


def is_open_to_revision(segment: Segment) -> bool:
    """Tell whether a text is the machine's alone, and whole: nobody corrected it, hid it, or took words out of it."""
    human = segment.version > 0 or segment.mark != "machine"
    taken = segment.hidden or bool(segment.basis) or "" in segment.words
    return segment.closed and bool(segment.words) and not human and not taken


def placed(segments: Sequence[Segment], heard: Iterable[Heard], language: str) -> dict[str, tuple[Heard, ...]]:
    """Return which words belong to which segment, in order; a word that was heard in none of them is left out.

    `segments` are those of one channel that have times, in order, whatever may be proposed for them: a word of a
    corrected one goes to that one, and not to its neighbour. The order is the one in which the words were heard, also
    where a clock says otherwise: what would come before the word before it is left out.
    """
    words = [word for one in heard for word in _parts(one, language)]
    anchors = _anchors(segments, words, language)
    bounds = _bounds(anchors, len(words), len(segments) - 1)
    found: dict[str, list[Heard]] = {}
    last = 0
    for at, word in enumerate(words):
        here = anchors.get(at, -1)
        here = here if here >= last else _nearest(segments, word, last, bounds[at])
        if here >= 0:
            last = here
            found.setdefault(segments[here].id, []).append(word)
    return {segment: tuple(held) for segment, held in found.items()}


def proposals(
    segments: Sequence[Segment], piece: Piece, language: str, unheard: Collection[Span] = ()
) -> tuple[tuple[Segment, str], ...]:
    """Return the segments that were heard with other words, each with its new text, in order.

    `language` is the channel's. `unheard` are stretches of which no word counts: what is hidden, and what is being
    taken out.
    """
    spoken, timed = piece.language or language, [one for one in segments if one.closed]
    out = [*unheard, *(one.span for one in timed if one.hidden)]
    words = [word for word in piece.words if not any(_overlaps(word, t0, t1) for t0, t1 in out)]
    near = [one for one in timed if one.span[0] < piece.t1 + REACH_MS and one.span[1] > piece.t0 - REACH_MS]
    belong = placed(near, words, spoken)
    made: list[tuple[Segment, str]] = []
    for segment in near:
        whole = piece.t0 <= segment.span[0] and segment.span[1] <= piece.t1
        held = belong.get(segment.id)
        if not (whole and held and segment.spoken(language) == spoken and is_open_to_revision(segment)):
            continue
        text = " ".join(join((word.text for word in held), spoken).split())
        if 0 < len(text) <= MAX_TEXT and TAKEN not in text and differs(join(segment.shown, spoken), text, spoken):
            made.append((segment, text))
    return tuple(made)


def differs(before: str, after: str, language: str) -> bool:
    """Tell whether two texts have other words, and not only another case, accent or comma."""
    return _key(before, language) != _key(after, language)


def marked(before: str, after: str, language: str) -> tuple[Marked, Marked]:
    """Cut two texts into pieces, with which of them the other one lacks."""
    old, new = _tokens(before, language), _tokens(after, language)
    matcher = SequenceMatcher(None, [folded(one) for one in old], [folded(one) for one in new], False)
    sides: tuple[list[tuple[str, bool]], list[tuple[str, bool]]] = ([], [])
    for kind, a0, a1, b0, b1 in matcher.get_opcodes():
        for side, words in zip(sides, (old[a0:a1], new[b0:b1]), strict=True):
            if words:
                side.append((join(words, language), kind != "equal"))
    return tuple(sides[0]), tuple(sides[1])


def follow(standing: Standing, event: RevisionEvent | None, position: int) -> None:
    """Fold one event in. One that was erased leaves nothing."""
    standing.position = position
    match event:
        case RevisionHeard():
            standing.heard.append(event)
            void = [one for one, at in standing.latest.items() if _covers(event, standing.proposed[at])]
            for segment in void:
                del standing.latest[segment]
        case RevisionProposed():
            standing.proposed[position] = event
            standing.latest[event.segment] = position
        case RevisionDeclined():
            standing.declined.add(event.proposal)
        case None:
            pass


def decide(
    standing: Standing,
    segments: Sequence[Segment],
    piece: Piece,
    language: str,
    *,
    unheard: Collection[Span] = (),
    at_ms: int,
) -> tuple[RevisionEvent, ...]:
    """Return what a piece says anew: nothing, where the same was heard by the same model before.

    `language` is the channel's.
    """
    spoken = piece.language or language
    refused = {(one.segment, _key(one.text, spoken)) for at in standing.declined if (one := standing.proposed.get(at))}
    heard = RevisionHeard(piece.channel, piece.t0, piece.t1, piece.model, at_ms, piece.language)
    wanted = [
        RevisionProposed(
            one.id, one.edition, *one.span, join(one.shown, spoken), text, piece.model, at_ms, one.language
        )
        for one, text in proposals(segments, piece, language, unheard)
        if (one.id, _key(text, spoken)) not in refused
    ]
    known = [standing.proposed[at] for at in standing.latest.values() if at not in standing.declined]
    stand = {(one.segment, one.version, one.text, one.model) for one in known if _covers(heard, one)}
    repeated = any(msgspec.structs.replace(one, at_ms=at_ms) == heard for one in standing.heard)
    if repeated and stand >= {(one.segment, one.version, one.text, one.model) for one in wanted}:
        return ()
    return (heard, *wanted)


def open_proposals(standing: Standing, segments: Iterable[Segment]) -> tuple[Proposal, ...]:
    """Return what can be accepted, in the order of the segments: not declined, and the text still the one it was."""
    found: list[Proposal] = []
    for segment in segments:
        at = standing.latest.get(segment.id)
        if at is None or at in standing.declined or not is_open_to_revision(segment):
            continue
        if standing.proposed[at].version == segment.edition:
            found.append(Proposal(at, standing.proposed[at]))
    return tuple(found)


def reason(model: str) -> str:
    """Say why a text reads otherwise since a proposal was accepted: readers see it beside the correction."""
    return f"second pass, model {model}"


def _covers(heard: RevisionHeard, one: RevisionProposed) -> bool:
    same = (heard.channel, heard.language) == (one.channel, one.language)
    return same and heard.t0 <= one.t0 and one.t1 <= heard.t1


def _parts(word: Heard, language: str) -> Iterator[Heard]:
    """Yield the words of it; of a language that sets none apart, its letters: two hearings cut them differently."""
    for text in _tokens(word.text, language):
        yield Heard(text, word.t0, word.t1)


def _tokens(text: str, language: str) -> list[str]:
    return text.split() if spaced(language) else list("".join(text.split()))


def _key(text: str, language: str) -> tuple[str, ...]:
    return tuple(folded(one) for one in _tokens(text, language) if any(letter.isalnum() for letter in one))


def _anchors(segments: Sequence[Segment], words: Sequence[Heard], language: str) -> dict[int, int]:
    """Return the segments of those words, by their place, that the text has too, at a time when it may say them."""
    owners: list[int] = []
    said: list[str] = []
    for number, segment in enumerate(segments):
        for word in segment.shown:
            parts = _tokens(word, language)
            said += [folded(one) for one in parts]
            owners += [number] * len(parts)
    matcher = SequenceMatcher(None, said, [folded(one.text) for one in words], False)
    pairs = [(here + n, there + n) for here, there, size in matcher.get_matching_blocks() for n in range(size)]
    return {at: owners[old] for old, at in pairs if _in_reach(segments[owners[old]], words[at])}


def _bounds(anchors: Mapping[int, int], count: int, last: int) -> list[int]:
    """Return, for each word, the segment of the next anchor: no word before that belongs to a later one."""
    bounds = [last] * count
    for at in range(count - 1, -1, -1):
        last = bounds[at] = anchors.get(at, last)
    return bounds


def _nearest(segments: Sequence[Segment], word: Heard, first: int, last: int) -> int:
    """Return the segment, of these, in whose span a word was heard, or the nearest that is in reach; -1 for none."""
    reached = [at for at in range(first, last + 1) if _in_reach(segments[at], word)]
    return min(reached, key=lambda at: _distance(segments[at], word), default=-1)


def _in_reach(segment: Segment, word: Heard) -> bool:
    t0, t1 = segment.span
    return _overlaps(word, t0 - REACH_MS, t1 + REACH_MS)


def _overlaps(word: Heard, t0: int, t1: int) -> bool:
    return word.t0 < t1 and max(word.t1, word.t0 + 1) > t0


def _distance(segment: Segment, word: Heard) -> int:
    middle, (t0, t1) = (word.t0 + word.t1) // 2, segment.span
    return max(t0 - middle, middle - t1, 0)
