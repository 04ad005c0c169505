"""Hostile variants of a good payload, the same for the same seed: what a broken or malicious sender could send."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

BIG = 10 * 1024 * 1024
DEEP = 1000
SURROGATE = "\ud800"
ODD = ("\x00", SURROGATE, "\u202e", "\ufeff", "\x1b[31m")
WRONG: tuple[Any, ...] = (
    None, True, [], {}, "", " ", -1, 0, 1.5, 10**400, "1e999", "\x00", "a\x00b", SURROGATE, "９９", "2026-13-45 99:99:99",
    "'; DROP TABLE orders_order; --", "😀" * 200, ["x"] * 50, {"a": {"b": []}}, "NaN", "-0.00", "0" * 5000,
)  # fmt: skip


def variants(raw: bytes, n: int, rng: random.Random, big: int = 1) -> Iterator[tuple[str, bytes]]:
    """`n` variants of these bytes as (what was done, bytes); the first `big` are of 10 MB."""
    for number in range(n):
        if number < big:
            yield "10 MB", _big(raw, rng)
            continue
        name = rng.choice(list(WAYS))
        yield name, WAYS[name](raw, rng)


def _tree(raw: bytes, rng: random.Random, change: Callable[[Any, Any, random.Random], None]) -> bytes:
    """The payload with `change(container, key, rng)` made at one random place; odd bytes where it is no JSON."""
    try:
        whole = json.loads(raw)
    except ValueError:
        return _flip(raw, rng)
    whole = copy.deepcopy(whole)
    places = list(_places(whole))
    if not places:
        return json.dumps(rng.choice(WRONG)).encode()
    container, key = rng.choice(places)
    change(container, key, rng)
    return json.dumps(whole, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(items):
        yield node, key
        yield from _places(value)


def _wrong(raw: bytes, rng: random.Random) -> bytes:
    def change(container: Any, key: Any, rng: random.Random) -> None:
        container[key] = rng.choice(WRONG)

    return _tree(raw, rng, change)


def _gone(raw: bytes, rng: random.Random) -> bytes:
    def change(container: Any, key: Any, _rng: random.Random) -> None:
        del container[key]

    return _tree(raw, rng, change)


def _odd_text(raw: bytes, rng: random.Random) -> bytes:
    """NUL, a lone surrogate or a direction mark inside a text."""

    def change(container: Any, key: Any, rng: random.Random) -> None:
        container[key] = f"{container[key]}{rng.choice(ODD)}"

    return _tree(raw, rng, change)


def _not_a_number(raw: bytes, rng: random.Random) -> bytes:
    def change(container: Any, key: Any, rng: random.Random) -> None:
        container[key] = rng.choice([float("nan"), float("inf"), -float("inf")])

    return _tree(raw, rng, change)


def _deep(raw: bytes, rng: random.Random) -> bytes:
    """A thousand and more levels, in one place or around everything."""
    depth = rng.choice((DEEP, 100 * DEEP))
    opened, closed = (b"[", b"]") if rng.random() < 0.5 else (b'{"a":', b"}")
    inside = raw if rng.random() < 0.5 else b"1"
    return opened * depth + inside + closed * depth


def _cut(raw: bytes, rng: random.Random) -> bytes:
    return raw[: rng.randrange(len(raw))]


def _flip(raw: bytes, rng: random.Random) -> bytes:
    made = bytearray(raw)
    for _ in range(rng.randrange(1, 6)):
        made[rng.randrange(len(made))] = rng.randrange(256)
    return bytes(made)


def _other_text(raw: bytes, rng: random.Random) -> bytes:
    """Another encoding than promised."""
    text = raw.decode("utf-8", "replace")
    name = rng.choice(("gbk", "gb18030", "utf-16", "utf-8-sig", "latin-1"))
    return text.encode(name, "replace")


def _raw_odd(raw: bytes, rng: random.Random) -> bytes:
    """Bytes that are no UTF-8, or NUL, put in anywhere."""
    place = rng.randrange(len(raw) + 1)
    return (
        raw[:place] + rng.choice((b"\x00", b"\xed\xa0\x80", b"\xff\xfe", b"\xc0\xaf", b"\x1a")) + raw[place:]
    )


def _nothing(raw: bytes, rng: random.Random) -> bytes:
    return rng.choice(
        (b"", b" ", b"null", b"[]", b"{}", b'""', b"0", b"NaN", b"<html>502</html>", b"\xef\xbb\xbf")
    )


def _twice(raw: bytes, rng: random.Random) -> bytes:
    """Glued to itself, or the same key again."""
    if rng.random() < 0.5 or not raw.startswith(b"{"):
        return raw + raw
    return raw[:-1] + b"," + raw[1:]


def _big(raw: bytes, rng: random.Random) -> bytes:
    if raw.startswith(b"{") and rng.random() < 0.7:
        return raw[:-1] + b',"filler":"' + b"x" * (BIG - len(raw) - 16) + b'"}'
    return raw + b" " * (BIG - len(raw))


WAYS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "truncated": _cut,
    "NUL or lone surrogate in a text": _odd_text,
    "NaN": _not_a_number,
    "deep": _deep,
    "another encoding": _other_text,
    "odd bytes": _raw_odd,
    "wrong type": _wrong,
    "member missing": _gone,
    "flipped bytes": _flip,
    "nothing": _nothing,
    "twice": _twice,
}
