"""The receipt: read in any script, checked, and turned into the keys of an item."""

import json
import unicodedata
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from hearing.errors import Refused
from hearing.qa import receipt


class Good(msgspec.Struct, forbid_unknown_fields=True):
    receipt: str
    typed: list[str]
    item: str
    auth: str
    stored: str


class Wrong(msgspec.Struct, forbid_unknown_fields=True):
    typed: str
    why: str


class Vectors(msgspec.Struct):
    zeros: list[int]
    good: list[Good]
    wrong: list[Wrong]


VECTORS = msgspec.json.decode((Path(__file__).parent / "receipt_vectors.json").read_bytes(), type=Vectors)
SAYS = {"length": "26 digits", "check": "One digit", "digits": "digits only", "long": "too long"}
ZEROS = st.sampled_from(VECTORS.zeros)


@pytest.mark.parametrize("vector", VECTORS.good, ids=lambda vector: vector.receipt)
def test_every_way_of_typing_it_gives_the_same_keys(vector: Good) -> None:
    for typed in vector.typed:
        assert receipt.keys(typed) == receipt.Keys(vector.item, vector.auth)
        assert receipt.grouped(receipt.read(typed)) == vector.receipt
    assert receipt.auth_hash(vector.auth) == vector.stored
    assert receipt.proves(vector.auth, vector.stored)


@pytest.mark.parametrize("vector", VECTORS.wrong, ids=lambda vector: f"{vector.why}-{len(vector.typed)}")
def test_what_is_wrong_with_a_receipt_is_said(vector: Wrong) -> None:
    with pytest.raises(Refused, match=SAYS[vector.why]) as told:
        receipt.keys(vector.typed)
    assert not vector.typed or vector.typed not in str(told.value)


def test_the_vectors_know_every_script_that_this_python_knows() -> None:
    known = {code for code in range(0x110000) if unicodedata.decimal(chr(code), None) == 0}
    assert set(VECTORS.zeros) <= known
    assert {0x30, 0x660, 0x6F0, 0x966, 0xFF10} <= set(VECTORS.zeros)


def test_the_derivation_is_hkdf_sha256() -> None:
    digits = "1234567890123456789012345"
    for info, length, found in (
        (b"item", 16, receipt.derive(digits).item),
        (b"auth", 32, receipt.derive(digits).auth),
    ):
        wanted = HKDF(algorithm=SHA256(), length=length, salt=b"hearing receipt 1", info=info)
        assert wanted.derive(digits.encode()).hex() == found


digits = st.text("0123456789", min_size=25, max_size=25)


@given(digits, ZEROS, st.integers(0, 25), st.integers(1, 9))
def test_any_wrong_digit_is_found_in_any_script(given_digits: str, zero: int, at: int, by: int) -> None:
    whole = given_digits + receipt.check_digit(given_digits)
    wrong = f"{whole[:at]}{(int(whole[at]) + by) % 10}{whole[at + 1 :]}"
    assert receipt.read("".join(chr(zero + int(digit)) for digit in whole)) == whole
    with pytest.raises(Refused, match="One digit"):
        receipt.read("".join(chr(zero + int(digit)) for digit in wrong))


@given(digits, st.integers(0, 24))
def test_any_swap_of_neighbours_is_found(given_digits: str, at: int) -> None:
    whole = given_digits + receipt.check_digit(given_digits)
    swapped = whole[:at] + whole[at + 1] + whole[at] + whole[at + 2 :]
    if swapped != whole:
        with pytest.raises(Refused, match="swapped"):
            receipt.read(swapped)


@given(
    digits, ZEROS, st.text("abc ,.\n", max_size=20), st.sampled_from(["", " ", "-", ".", "/\n", "\u200f", "\u2013 "])
)
def test_a_receipt_is_found_in_a_text(given_digits: str, zero: int, around: str, between: str) -> None:
    item = receipt.derive(given_digits).item
    typed = between.join(chr(zero + int(digit)) for digit in given_digits + receipt.check_digit(given_digits))
    assert receipt.stands_in(item, f"{around}{typed}{around}")
    assert receipt.stands_in(item, f"{around}7{typed[: -1 - len(between)]}{around}")
    assert not receipt.stands_in(item, f"{around}{typed[: -2 - 2 * len(between)]}x{typed[-2:]}{around}")


def test_a_new_receipt_reads_back_and_is_never_the_same() -> None:
    made = {receipt.mint() for _ in range(200)}
    assert len(made) == 200
    assert all(receipt.grouped(receipt.read(one)) == one for one in made)


@given(st.text(max_size=220))
def test_whatever_is_typed_gives_a_receipt_or_a_clear_refusal(typed: str) -> None:
    try:
        assert len(receipt.read(typed)) == 26
    except Refused:
        return


def test_the_vectors_are_ascii_so_that_every_editor_keeps_them() -> None:
    assert json.loads((Path(__file__).parent / "receipt_vectors.json").read_text("ascii"))
