"""The one decision here: what of K3Cloud's FilterString the sandbox understands (comparisons, in, like, and/or)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

TOKEN = re.compile(
    r"\s*(?:(?P<text>N?'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<mark><>|!=|>=|<=|=|>|<|\(|\)|,)"
    r"|(?P<word>[A-Za-z_][\w.]*))"
)
Test = Callable[[Callable[[str], Any]], bool]


class BadFilter(ValueError):
    """The filter text cannot be read."""


def tokens(text: str) -> list[tuple[str, str]]:
    found, place = [], 0
    while text[place:].strip():
        match = TOKEN.match(text, place)
        if not match or match.lastgroup is None:
            raise BadFilter(f"过滤条件有误：{text[place : place + 20]}")
        found.append((match.lastgroup, match.group(match.lastgroup)))
        place = match.end()
    return found


def literal(kind: str, value: str) -> str:
    if kind == "text":
        return value[value.index("'") + 1 : -1].replace("''", "'")
    if kind == "number":
        return value
    raise BadFilter(f"过滤条件有误：{value}")


def compared(left: Any, mark: str, right: str) -> bool:
    """Numbers are compared as numbers where both sides are, else texts as texts."""
    one: Any = "" if left is None else str(left)
    other: Any = right
    try:
        one, other = float(one), float(other)
    except ValueError:
        one, other = (
            one.replace("T", " ")[: max(len(right), 10)] if mark not in ("=", "<>", "!=") else one,
            right,
        )
    return {
        "=": one == other, "<>": one != other, "!=": one != other,
        ">": one > other, "<": one < other, ">=": one >= other, "<=": one <= other,
    }[mark]  # fmt: skip


def like(pattern: str) -> re.Pattern[str]:
    parts = {"%": ".*", "_": "."}
    return re.compile(
        "^" + "".join(parts.get(letter, re.escape(letter)) for letter in pattern) + "$", re.S | re.I
    )


class Reader:
    """Reads one filter by descent; `parse` gives a test over a function that returns a field's value."""

    def __init__(self, text: str) -> None:
        self.rest = tokens(text)

    def take(self) -> tuple[str, str]:
        if not self.rest:
            raise BadFilter("过滤条件不完整")
        return self.rest.pop(0)

    def next_is(self, *words: str) -> bool:
        return bool(self.rest) and self.rest[0][1].lower() in words and self.rest[0][0] in ("word", "mark")

    def parse(self) -> Test:
        test = self.either()
        if self.rest:
            raise BadFilter(f"过滤条件有误：{self.rest[0][1]}")
        return test

    def either(self) -> Test:
        tests = [self.both()]
        while self.next_is("or"):
            self.take()
            tests.append(self.both())
        return lambda value: any(test(value) for test in tests)

    def both(self) -> Test:
        tests = [self.one()]
        while self.next_is("and"):
            self.take()
            tests.append(self.one())
        return lambda value: all(test(value) for test in tests)

    def one(self) -> Test:
        if self.next_is("("):
            self.take()
            inner = self.either()
            self.close()
            return inner
        kind, field = self.take()
        if kind != "word":
            if kind == "number" and self.next_is("="):  # the customary 1=1
                self.take()
                same = literal(*self.take()) == field
                return lambda value: same
            raise BadFilter(f"过滤条件有误：{field}")
        mark = self.take()[1].lower()
        if mark == "in":
            return self.within(field)
        if mark == "like":
            pattern = like(literal(*self.take()))
            return lambda value: bool(pattern.match(str(value(field) or "")))
        if mark not in ("=", "<>", "!=", ">", "<", ">=", "<="):
            raise BadFilter(f"过滤条件有误：{field} {mark}")
        right = literal(*self.take())
        return lambda value: compared(value(field), mark, right)

    def within(self, field: str) -> Test:
        if self.take()[1] != "(":
            raise BadFilter(f"过滤条件有误：{field} in")
        wanted = {literal(*self.take())}
        while self.next_is(","):
            self.take()
            wanted.add(literal(*self.take()))
        self.close()
        return lambda value: str(value(field)) in wanted

    def close(self) -> None:
        if self.take()[1] != ")":
            raise BadFilter("过滤条件缺少右括号")


def parse(text: str) -> Test:
    """A test for one row: call it with a function from field name to value. Raises BadFilter."""
    return Reader(text).parse() if text.strip() else lambda value: True
