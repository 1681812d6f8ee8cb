"""What every log refuses, and how its chain is reckoned."""

import re
from collections.abc import Sequence
from hashlib import sha256

from hearing.errors import Refused

MAX_BODY = 1024 * 1024
MAX_BODIES = 1024
MAX_APPEND = 8 * MAX_BODY
MAX_NAME = 256
SALT_BYTES = 16
FIRST_CHAIN = bytes(32)

# A lone surrogate has no UTF-8 form, so no store could keep it.
_NAME = re.compile(rf"[^\x00\ud800-\udfff]{{1,{MAX_NAME}}}")


def check_append(stream: str, bodies: Sequence[bytes], subject: str | None, key: str | None) -> None:
    """Raise Refused for what no log stores."""
    check_names(stream, subject, key)
    if not 1 <= len(bodies) <= MAX_BODIES:
        raise Refused(f"An append holds 1 to {MAX_BODIES} bodies.")
    for body in bodies:
        if not body:
            raise Refused("A body is never empty: an empty one marks an erased record.")
        if len(body) > MAX_BODY:
            raise Refused(f"A body holds at most {MAX_BODY} bytes.")
    if sum(map(len, bodies)) > MAX_APPEND:
        raise Refused(f"The bodies of one append hold at most {MAX_APPEND} bytes together.")


def check_names(*names: str | None) -> None:
    """Raise Refused for what can name no stream, subject or key."""
    for name in names:
        if name is not None and not _NAME.fullmatch(name):
            raise Refused(f"A stream, subject or key is a name of 1 to {MAX_NAME} characters.")


def check_read(stream: str, limit: int) -> None:
    """Raise Refused for a read that no log answers."""
    check_names(stream)
    if limit < 1:
        raise Refused("A read asks for 1 record or more.")


def commit_to(salt: bytes, body: bytes) -> bytes:
    """Return H(salt + body): it stays when salt and body go, and tells nothing of them."""
    return sha256(salt + body).digest()


def link(chain: bytes, commitment: bytes) -> bytes:
    """Return the chain's next value: H(previous, commitment)."""
    return sha256(chain + commitment).digest()


class Checking:
    """Check a stream's chain, record by record from the first. An erased record keeps its link."""

    def __init__(self) -> None:
        self._chain, self._at = FIRST_CHAIN, 0

    def holds(self, position: int, *, erased: bool, salt: bytes, body: bytes, commitment: bytes, chain: bytes) -> bool:
        """Take the next record; False where it is not what was stored. Nothing of an erased one may be left."""
        self._at += 1
        self._chain = link(self._chain, commitment)
        kept = not any(salt) and not any(body) if erased else commit_to(salt, body) == commitment
        return kept and position == self._at and chain == self._chain

    @property
    def at(self) -> int:
        return self._at

    def ends(self, head: int, chain: bytes) -> int | None:
        """Return the position where the stream's own end and its records part, None where they agree."""
        if head != self._at:
            return min(head, self._at) + 1
        return None if chain == self._chain else self._at
