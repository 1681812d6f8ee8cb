"""The receipt: 25 random digits and a check digit. It names an item, proves who sent it, and makes sending repeatable.

The receipt is made before anything is sent: by the page's script, or by the server together with the form. What is
derived from it, not the receipt, goes over the wire; the server stores the hash of `auth` alone.

The same in web/src/receipt.js; tests/qa/receipt_vectors.json holds what both must give:

1. Read: drop what Unicode calls space (Z*), dash (Pd), control or format (Cc, Cf). Every other character must be a
   decimal digit (Nd) of any script and stands for its value 0-9: code point minus the greatest of `zeros` that is not
   past it; in range if below 10. 26 digits must remain, and Damm's check over all of them must come to 0.
2. `digits` = the first 25 as ASCII bytes. HKDF-SHA256 (RFC 5869), salt "hearing receipt 1":
   item id = lower-case hex of 16 bytes with info "item"; auth = lower-case hex of 32 bytes with info "auth".
3. The server keeps sha256 over the ASCII bytes of that hex, in hex.
4. Show: groups of four digits, the last group two, between them one space; always left to right (dir="ltr").
"""

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Iterator

import msgspec

from hearing.errors import Refused

DIGITS = 25
_GROUP = 4
_SALT = b"hearing receipt 1"
_DROPPED = frozenset({"Zs", "Zl", "Zp", "Pd", "Cc", "Cf"})
# A totally anti-symmetric quasigroup of order 10: catches every wrong digit and every swap of neighbours.
# H. M. Damm, Total anti-symmetrische Quasigruppen, Marburg 2004.
_DAMM = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)


class Keys(msgspec.Struct, frozen=True):
    """What a receipt stands for: the item's id (32 hex digits), and what proves it (64)."""

    item: str
    auth: str


def mint() -> str:
    """Return a new receipt, grouped for reading."""
    digits = "".join(str(secrets.randbelow(10)) for _ in range(DIGITS))
    return grouped(digits + check_digit(digits))


def read(typed: str) -> str:
    """Return the 26 ASCII digits of a receipt as somebody typed it. Raises Refused, saying what is wrong with it."""
    if len(typed) > 200:
        raise Refused("This is too long for a receipt. It has 26 digits.")
    digits = "".join(_digits(typed))
    if len(digits) != DIGITS + 1:
        raise Refused(f"A receipt has 26 digits; this one has {len(digits)}. Compare it with what you wrote down.")
    if check_digit(digits) != "0":
        raise Refused("One digit of this receipt is wrong, or two are swapped. Compare it with what you wrote down.")
    return digits


def keys(receipt: str) -> Keys:
    """Return what a receipt stands for. Raises Refused as `read` does."""
    return derive(read(receipt)[:DIGITS])


def derive(digits: str) -> Keys:
    """Derive id and auth from the 25 random digits."""
    ikm = digits.encode("ascii")
    return Keys(_hkdf(ikm, b"item", 16).hex(), _hkdf(ikm, b"auth", 32).hex())


def auth_hash(auth: str) -> str:
    """Return what is stored of `auth`."""
    return hashlib.sha256(auth.encode("ascii")).hexdigest()


def proves(auth: str, stored: str) -> bool:
    """Tell whether `auth` is the one whose hash was stored."""
    return auth.isascii() and hmac.compare_digest(auth_hash(auth), stored)


def grouped(digits: str) -> str:
    """Set digits in groups of four."""
    return " ".join(digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP))


def check_digit(digits: str) -> str:
    """Return the digit that makes Damm's check 0; over digits that end in theirs it is 0."""
    state = "0"
    for digit in digits:
        state = _DAMM[int(state)][int(digit)]
    return state


def stands_in(item: str, text: str) -> bool:
    """Tell whether a text holds the receipt of this item, in digits of any script, with or without the check digit."""
    return any(
        _hkdf(run[at : at + DIGITS].encode(), b"item", 16).hex() == item
        for run in _runs(text)
        for at in range(len(run) - DIGITS + 1)
    )


def _digits(typed: str) -> Iterator[str]:
    for char in typed:
        value = unicodedata.decimal(char, None)
        if value is not None:
            yield str(value)
        elif unicodedata.category(char) not in _DROPPED:
            raise Refused("A receipt has digits only, of any script, with spaces or dashes between them if you like.")


def _runs(text: str) -> Iterator[str]:
    """Yield the runs of digits that could hold a receipt; anything but a letter may stand between its digits."""
    run: list[str] = []
    for char in text + "x":
        value = unicodedata.decimal(char, None)
        if value is not None:
            run.append(str(value))
        elif unicodedata.category(char)[0] in "LMN":
            if len(run) >= DIGITS:
                yield "".join(run)
            run = []


def _hkdf(ikm: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 for at most one block of output; hmac.digest takes 2 us where a general object takes ten."""
    prk = hmac.digest(_SALT, ikm, "sha256")
    return hmac.digest(prk, info + b"\x01", "sha256")[:length]
