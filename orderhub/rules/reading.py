"""Cells as trees: the part of ZEN's expression language that can be proved to answer.

What is not read here (indexes, dates, objects) is refused at checking although the engine might know it: a rule
whose answer can't be foreseen must not decide about orders. Signs bind tighter than powers, as in the engine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

#: A cell longer or deeper than this is no rule that anybody reads.
LONGEST, DEEPEST = 2_000, 25
COMPARISONS = ("==", "!=", ">=", "<=", ">", "<", "in", "not in")
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d[\d_]*(?:\.\d+)?)|(?P<text>'[^']*'|\"[^\"]*\"|`[^`]*`)"
    r"|(?P<word>[A-Za-z_][A-Za-z_0-9]*|\$|\#)|(?P<op>==|!=|>=|<=|\?\?|\.\.|[-+*/%^<>()\[\],?:!]))"
)


class Unreadable(ValueError):
    """A cell that can't be understood; the text says why, in words."""


@dataclass(slots=True)
class Node:
    """`kind`: number text bool ref not minus binary cond call list range template. `value`: literal, name or operator."""

    kind: str
    value: Any = None
    kids: list[Node] = field(default_factory=list)
    closed: bool = False  # in parentheses, or a thing of its own

    def walk(self) -> list[Node]:
        """The node and everything below it."""
        return [self, *(below for kid in self.kids for below in kid.walk())]


def expression(text: str) -> Node:
    """One value. Raises Unreadable."""
    return _Reader(text, unary=False).whole()


def condition(text: str) -> Node:
    """A cell among a table's conditions, as one tree over `$`, the column: parts with commas are alternatives.

    A part is a comparison (`> 5`), a range, a list, a value to be equal to, or a sentence that is true or false.
    """
    return _Reader(text, unary=True).whole()


class _Reader:
    def __init__(self, text: str, *, unary: bool) -> None:
        if len(text) > LONGEST:
            raise Unreadable(_("it is too long"))
        self.unary = unary
        self.tokens = _tokens(text)
        self.at = 0
        self.depth = 0

    def whole(self) -> Node:
        if not self.tokens:
            raise Unreadable(_("it is empty"))
        node = self.part() if self.unary else self.choice()
        while self.unary and self.take(","):
            node = Node("binary", "or", [node, self.part()])
        if self.at < len(self.tokens):
            raise Unreadable(_("“%(word)s” can't stand here") % {"word": self.tokens[self.at][1]})
        return node

    def part(self) -> Node:
        """One alternative of a condition: a bare value means that the column equals it."""
        node = self.choice()
        column = Node("ref", "$", closed=True)
        if node.kind in ("range", "list"):
            return Node("binary", "in", [column, node])
        sentence = node.kind in ("not", "call") or (
            node.kind == "binary" and node.value in (*COMPARISONS, "and", "or")
        )
        if not sentence or (node.kind == "call" and not any(n.value == "$" for n in node.walk())):
            return Node("binary", "==", [column, node])
        return node

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, *words: str) -> str:
        if self.at < len(self.tokens) and self.tokens[self.at][0] != "text" and self.peek() in words:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return ""

    def need(self, word: str) -> None:
        if not self.take(word):
            raise Unreadable(_("“%(word)s” is missing") % {"word": word})

    def choice(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Unreadable(_("it is nested too deeply"))
        node = self.chained(("or",), lambda: self.chained(("and",), self.compared))
        if self.take("?"):
            yes = self.choice()
            self.need(":")
            node = Node("cond", None, [node, yes, self.choice()])
        self.depth -= 1
        return node

    def chained(self, operators: tuple[str, ...], below: Any) -> Node:
        node: Node = below()
        while word := self.take(*operators):
            node = Node("binary", word, [node, below()])
        return node

    def comparison(self) -> str:
        if self.peek() == "not" and self.at + 1 < len(self.tokens) and self.tokens[self.at + 1][1] == "in":
            self.at += 2
            return "not in"
        return self.take("==", "!=", ">=", "<=", ">", "<", "in")

    def compared(self) -> Node:
        word = self.comparison() if self.unary else ""
        node = Node("ref", "$", closed=True) if word else self.sum()
        word = word or self.comparison()
        if not word:
            return node
        node = Node("binary", word, [node, self.sum()])
        if self.comparison():
            raise Unreadable(_("comparisons in a row need parentheses"))
        return node

    def sum(self) -> Node:
        return self.chained(("+", "-"), lambda: self.chained(("*", "/", "%"), self.power))

    def power(self) -> Node:
        node = self.other()
        if self.take("^"):
            node = Node("binary", "^", [node, self.other()])
            if self.peek() == "^":
                raise Unreadable(_("powers in a row need parentheses"))
        return node

    def other(self) -> Node:
        """`a ?? b`: its sides and its surroundings must be told apart by parentheses, so that nobody has to know."""
        node = self.sign()
        if self.peek() != "??" or not self.take("??"):
            return node
        right = self.sign()
        around = {"", ")", ",", "]", ":"}
        if not (node.closed and right.closed) or self.peek() not in around:
            raise Unreadable(_("“??” needs parentheses around it"))
        return Node("binary", "??", [node, right])

    def sign(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Unreadable(_("it is nested too deeply"))
        word = self.take("-", "+", "not", "!")
        if word:
            node = Node(
                "not" if word in ("not", "!") else "minus" if word == "-" else "plus", None, [self.sign()]
            )
        else:
            node = self.atom()
        self.depth -= 1
        return node

    def atom(self) -> Node:
        if self.at >= len(self.tokens):
            raise Unreadable(_("something is missing at its end"))
        kind, word = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return Node("number", float(word.replace("_", "")), closed=True)
        if kind == "text":
            return _template(word[1:-1]) if word[0] == "`" else Node("text", word[1:-1], closed=True)
        if word in ("true", "false"):
            return Node("bool", word == "true", closed=True)
        if kind == "word" and word not in ("and", "or", "not", "in", "null"):
            return self.call(word) if self.take("(") else Node("ref", word, closed=True)
        if word == "(":
            return self.bracket("(")
        if word == "[":
            return self.bracket("[")
        raise Unreadable(_("“%(word)s” can't stand here") % {"word": word})

    def call(self, name: str) -> Node:
        kids: list[Node] = []
        while not self.take(")"):
            if kids:
                self.need(",")
            kids.append(self.inner())
        return Node("call", name, kids, closed=True)

    def inner(self) -> Node:
        """Inside brackets a comparison has two sides again."""
        unary, self.unary = self.unary, False
        node = self.choice()
        self.unary = unary
        return node

    def bracket(self, first: str) -> Node:
        """(a), [a, b], and the ranges [a..b], (a..b), [a..b), (a..b]."""
        if first == "[" and self.take("]"):
            return Node("list", None, [], closed=True)
        unary = self.unary
        node = self.choice() if first == "(" and unary else self.inner()
        if self.take(".."):
            high = self.inner()
            last = self.take("]", ")")
            if not last:
                raise Unreadable(_("“%(word)s” is missing") % {"word": "]"})
            return Node("range", first + last, [node, high], closed=True)
        if first == "(":
            self.need(")")
            node.closed = True
            return node
        kids = [node]
        while self.take(","):
            kids.append(self.inner())
        self.need("]")
        return Node("list", None, kids, closed=True)


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Unreadable(
                _("“%(word)s” is no sign of the language (is it full-width?)")
                % {"word": text[at:].strip()[:1]}
            )
        at = match.end()
        kind = match.lastgroup or ""
        found.append((kind, match.group(kind)))
    return found


def _template(text: str) -> Node:
    """`text with ${values}`."""
    kids, at = [], 0
    for match in re.finditer(r"\$\{([^}]*)\}", text):
        kids.append(Node("text", text[at : match.start()]))
        kids.append(expression(match.group(1)))
        at = match.end()
    rest = text[at:]
    if "${" in rest:
        raise Unreadable(_("“%(word)s” is missing") % {"word": "}"})
    kids.append(Node("text", rest))
    return Node("template", None, kids, closed=True)
