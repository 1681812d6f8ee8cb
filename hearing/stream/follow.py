"""Follow one HLS media playlist: its segments as bytes, in order, from its live edge or from a place in it."""

import random
import threading
from collections.abc import Iterator

import msgspec
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from hearing.stream.address import NotAdmitted
from hearing.stream.fetch import AnswerError, Fetcher
from hearing.stream.playlist import MOST_BYTES, Key, Media, Part, PlaylistError, Segment, read_media

EDGE = 2
"""A live playlist is joined so many segments before its end: the one that plays, and one as a cushion."""

_PLAYLIST_S, _SEGMENT_S = 8.0, 20.0
_MOST_SEGMENT, _MOST_KEY = 64 * 1024 * 1024, 16
_RETRY_FIRST_S, _RETRY_MOST_S = 0.3, 2.0
_TRIES = 3
_POLL_MOST_S = 3.0


class LostError(Exception):
    """The playlist has moved past what was not fetched, or has begun anew: what comes is another run."""


class Chunk(msgspec.Struct, frozen=True):
    """The bytes of a segment. `init` is that of its kind; `begins`: it does not go on where the one before ended."""

    segment: Segment
    init: bytes
    content: bytes
    begins: bool


class Follower:
    """One playlist. It raises LostError wherever it waits once it is closed."""

    def __init__(self, fetcher: Fetcher, url: str) -> None:
        self._fetcher = fetcher
        self._url = url
        self._closed = threading.Event()
        self._inits: dict[Part, bytes] = {}
        self._keys: dict[str, bytes] = {}
        self.mark = ""
        """The newest segment that was wanted of a live playlist: by it one that has not moved since is known."""

    def close(self) -> None:
        """End it, and close its connections."""
        self._closed.set()
        self._fetcher.close()

    def load(self) -> Media:
        """Fetch the playlist as it is now. Raises OSError, NotAdmitted or PlaylistError."""
        found = self._fetcher.get(self._url, most=MOST_BYTES, within_s=_PLAYLIST_S)
        return read_media(found.content.decode("utf-8", "replace"), found.url)

    def join(self, media: Media, passed: str = "") -> Media:
        """Wait until a live playlist has its cushion, and is not still the one that ended with `passed`."""
        while not media.ended and (len(media.segments) < EDGE or _mark(media) == passed):
            self._sleep(_pause_s(min(_POLL_MOST_S, media.target_s / 3)))
            media = self._reload(media)
        return media

    def chunks(self, media: Media, seek_s: float = 0.0) -> Iterator[Chunk]:
        """Yield what a joined playlist has from `seek_s` on, or from its live edge, and then what is added to it.

        Tries again by itself for as long as the server does not answer. Raises LostError.
        """
        segments = [one for one in media.segments if one.start_s + one.duration_s > seek_s or not media.ended]
        waiting = list(segments) if media.ended else list(segments[-EDGE:])
        before: Segment | None = None
        while True:
            self.mark = _mark(media) or self.mark
            for segment in waiting:
                chunk = self._chunk(segment, before)
                if chunk:
                    before = segment
                    yield chunk
            if media.ended:
                return
            media, waiting = self._more(media, (waiting or media.segments)[-1].number)

    def _more(self, media: Media, last: int) -> tuple[Media, list[Segment]]:
        """Wait for segments past the last one."""
        wait_s = min(_POLL_MOST_S, media.target_s * 0.7)
        while True:
            self._sleep(_pause_s(wait_s))
            wait_s = min(_POLL_MOST_S, media.target_s / 3)
            media = self._reload(media)
            waiting = [one for one in media.segments if one.number > last]
            newest = media.segments[-1].number if media.segments else -1
            if newest < last or (waiting and waiting[0].number > last + 1):
                raise LostError
            if waiting or media.ended:
                return media, waiting

    def _reload(self, media: Media) -> Media:
        """Fetch the playlist again, however long that takes."""
        for wait_s in _waits():
            try:
                return self.load()
            except (OSError, PlaylistError):
                self._sleep(wait_s)
        return media

    def _chunk(self, segment: Segment, before: Segment | None) -> Chunk | None:
        """Fetch a segment; None for one that is not there, or is said to be a gap."""
        if segment.gap:
            return None
        begins = before is None or (before.period, before.init) != (segment.period, segment.init)
        tries = 0
        for wait_s in _waits():
            try:
                init = self._init(segment)
                return Chunk(segment, init, self._content(segment), begins)
            except AnswerError as error:
                tries += 1
                if error.lasting or tries == _TRIES:
                    return None
            except NotAdmitted:
                return None
            except OSError:  # nobody answers: it may be there when somebody does
                pass
            self._sleep(wait_s)
        return None

    def _sleep(self, seconds: float) -> None:
        if self._closed.wait(seconds):
            raise LostError

    def _init(self, segment: Segment) -> bytes:
        if segment.init is None:
            return b""
        if segment.init not in self._inits:
            self._inits = {segment.init: self._bytes(segment.init, segment)}
        return self._inits[segment.init]

    def _content(self, segment: Segment) -> bytes:
        return self._bytes(segment.media, segment)

    def _bytes(self, part: Part, segment: Segment) -> bytes:
        found = self._fetcher.get(part.uri, most=_MOST_SEGMENT, within_s=_SEGMENT_S, part=part.place).content
        return self._decrypted(found, segment.key, segment.number) if segment.key else found

    def _decrypted(self, content: bytes, key: Key, number: int) -> bytes:
        if key.method != "AES-128":
            raise AnswerError("an encryption that is not known here", lasting=True)
        if key.uri not in self._keys:
            secret = self._fetcher.get(key.uri, most=_MOST_KEY, within_s=_PLAYLIST_S).content
            if len(secret) != _MOST_KEY:
                raise AnswerError("a key that is none", lasting=True)
            self._keys = {key.uri: secret}
        cipher = Cipher(algorithms.AES(self._keys[key.uri]), modes.CBC(key.iv or number.to_bytes(16)))
        opening, padded = cipher.decryptor(), padding.PKCS7(128).unpadder()
        try:
            return padded.update(opening.update(content) + opening.finalize()) + padded.finalize()
        except ValueError as error:
            raise AnswerError("a segment that its key does not open", lasting=True) from error


def _mark(media: Media) -> str:
    if media.ended or not media.segments:
        return ""
    newest = media.segments[-1]
    return f"{newest.number} {newest.media.uri}"


def _waits() -> Iterator[float]:
    wait_s = _RETRY_FIRST_S
    while True:
        yield _pause_s(wait_s)
        wait_s = min(wait_s * 2, _RETRY_MOST_S)


def _pause_s(wait_s: float) -> float:
    return random.uniform(wait_s / 2, wait_s)  # noqa: S311 - jitter, not a secret
