"""What is sealed opens only unaltered and only with its keys; what is hashed is found again; masks show no more."""

from __future__ import annotations

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderhub.crypto import (
    CannotOpen,
    Cipher,
    bare_phone,
    keyed_hash,
    mask_address,
    mask_name,
    mask_phone,
    phone_hash,
    read_keys,
    tail_hash,
)

OLD, NEW = os.urandom(32), os.urandom(32)


@given(st.binary(max_size=2000), st.binary(max_size=30))
def test_that_what_is_sealed_opens_again(plain: bytes, context: bytes) -> None:
    cipher = Cipher([NEW])
    assert cipher.decrypt(cipher.encrypt(plain, context), context) == plain


def test_that_an_altered_value_does_not_open() -> None:
    cipher = Cipher([NEW])
    sealed = cipher.encrypt("王小明".encode())
    for index in range(len(sealed)):
        altered = bytearray(sealed)
        altered[index] ^= 1
        with pytest.raises(CannotOpen):
            cipher.decrypt(bytes(altered))
    for short in (b"", b"\x01", sealed[:20]):
        with pytest.raises(CannotOpen):
            cipher.decrypt(short)
    with pytest.raises(CannotOpen):
        cipher.decrypt(sealed, b"another order")


def test_that_keys_rotate_without_losing_old_values() -> None:
    sealed = Cipher([OLD]).encrypt(b"x")
    both = Cipher([NEW, OLD])
    assert both.decrypt(sealed) == b"x"
    assert both.stale(sealed) and not both.stale(both.encrypt(b"x"))
    with pytest.raises(CannotOpen):
        Cipher([NEW]).decrypt(sealed)


def test_that_equal_texts_are_sealed_differently() -> None:
    cipher = Cipher([NEW])
    assert cipher.encrypt(b"x") != cipher.encrypt(b"x")


def test_that_keys_are_read_in_either_alphabet_and_wrong_ones_refused() -> None:
    key = b"\xfb\xff" * 16
    texts = [base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode().rstrip("=")]
    assert read_keys(texts) == (key, key)
    with pytest.raises(ValueError):
        Cipher([b"short"])
    with pytest.raises(ValueError):
        Cipher([])
    with pytest.raises(ValueError):
        read_keys(["not base64 !"])


@pytest.mark.parametrize(
    "written",
    [
        "13812345678",
        "+86 138-1234-5678",
        "86 13812345678",
        "8613812345678"[2:],
        " 138 1234 5678 ",
        "13812345678-1234",
        "13812345678转1234",
    ],
)
def test_that_a_phone_is_found_however_it_was_written(written: str) -> None:
    assert bare_phone(written) == "13812345678"
    assert phone_hash(written, "k") == phone_hash("13812345678", "k")
    assert tail_hash(written, "k") == tail_hash("5678", "k")


def test_that_landlines_keep_their_digits() -> None:
    assert bare_phone("0571-88886666") == "057188886666"


def test_that_hashes_need_their_key() -> None:
    assert keyed_hash("x", "a") != keyed_hash("x", "b")
    assert phone_hash("", "a") == tail_hash("12", "a") == ""
    assert phone_hash("5678", "a") != tail_hash("5678", "a")


def test_that_masks_show_no_more_than_the_channels_do() -> None:
    assert (mask_name("王小明"), mask_name("")) == ("王**", "")
    assert mask_phone("138 1234 5678") == "138****5678"
    assert mask_phone("12345") == "***45"
    assert mask_address("浙江省杭州市余杭区仓前街道文一西路969号3幢小区") == "浙江省杭州市余杭区仓前街道****"
    assert mask_address("上海市浦东新区世纪大道100号") == "上海市浦东新区****"
    assert mask_address("文一西路969号") == "****"
    assert mask_address("") == ""


@given(st.text(max_size=60))
def test_that_no_mask_fails_or_shows_a_door_number(text: str) -> None:
    assert len(mask_name(text)) <= 3
    mask_phone(text)
    assert not any(char.isascii() and char.isdigit() for char in mask_address(text))
