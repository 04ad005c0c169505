"""What each field can be at each node of a document: every cell is proved to answer on the way.

A row of a table knows what its own conditions say: behind `pieces > 0` it may be divided by pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import zen
from django.utils.translation import gettext as _

from orderhub.rules.graph import MOST_FAULTS, MOST_ROWS, NAME, Fields, Said, Shape, maybe
from orderhub.rules.proving import Env, Improvable, Kind, join, of_field, prove, refine
from orderhub.rules.reading import Node, Unreadable, condition, expression


@dataclass
class Graph(Shape):
    """A graph that can be walked from the input to the output."""

    def walk(self) -> Fields:
        """What each field can be at the output; faults are added on the way."""
        given: dict[str, Fields] = {}
        sure: dict[str, bool] = {}
        arrived: Fields = {}
        for identity in self.order:
            node = self.nodes[identity]
            kind = node["type"]
            if kind == "inputNode":
                sure[identity] = True
                given[identity] = {f.code: [Said(of_field(f), identity, "")] for f in self.spec.inputs}
                continue
            fields, sure[identity] = self._merged(identity, given, sure)
            if len(self.faults) >= MOST_FAULTS or kind == "functionNode":
                given[identity] = fields
                continue
            if kind == "outputNode":
                arrived = fields
                if not sure[identity]:
                    arrived = {code: [maybe(one) for one in every] for code, every in fields.items()}
            elif kind == "switchNode":
                self._switch(identity, node["content"], self._environment(fields))
                given[identity] = fields
            elif kind == "expressionNode":
                given[identity] = self._expressions(identity, node["content"], fields)
            else:
                given[identity] = self._table(identity, node["content"], fields)
        return arrived

    def _environment(self, fields: Fields) -> Env:
        env: dict[str, Kind] = {}
        for code, every in fields.items():
            kind = every[0].kind
            try:
                for one in every[1:]:
                    kind = join(kind, one.kind)
            except Improvable as error:
                self.faults.append(self.fault(every[0].node, every[0].cell, str(error)))
            env[code] = kind
        return env

    def proved(
        self, identity: str, cell: str, text: str, env: Env, *, unary: bool = False
    ) -> tuple[Node, Kind] | None:
        """The cell's tree and what it comes to; a fault is noted and None given where it can go wrong."""
        try:
            tree = condition(text) if unary else expression(text)
            self.read |= {str(below.value) for below in tree.walk() if below.kind == "ref"}
            kind = prove(tree, env)
            _compiles(zen.compile_unary_expression if unary else zen.compile_expression, text)
        except (Unreadable, Improvable) as error:
            words = _("“%(text)s”: %(why)s") % {"text": text.strip()[:60], "why": error}
            self.faults.append(self.fault(identity, cell, words))
            return None
        return tree, kind

    def _switch(self, identity: str, content: Mapping[str, Any], env: Env) -> None:
        for number, statement in enumerate(content.get("statements", []), 1):
            text = str(statement.get("condition") or "")
            cell = _("branch %(number)s") % {"number": number}
            if text.strip():
                found = self.proved(identity, cell, text, env)
                self._true_or_false(identity, cell, text, found)

    def _true_or_false(self, identity: str, cell: str, text: str, found: tuple[Node, Kind] | None) -> None:
        if found is not None and (found[1].name != "bool" or found[1].missing):
            words = _("“%(text)s” must be true or false") % {"text": text.strip()[:60]}
            self.faults.append(self.fault(identity, cell, words))

    def _plain(self, identity: str, content: Mapping[str, Any]) -> bool:
        """Settings of a node that change what its answer looks like are not read."""
        odd = (
            content.get("inputField")
            or content.get("outputPath")
            or content.get("executionMode", "single") != "single"
        )
        if odd:
            self.faults.append(self.fault(identity, "", _("loops and paths of a node can't be used here")))
        return not odd

    def _named(self, identity: str, cell: str, code: Any) -> bool:
        good = isinstance(code, str) and bool(NAME.match(code))
        if not good:
            words = _("“%(name)s” is no name of a field") % {"name": str(code)[:40]}
            self.faults.append(self.fault(identity, cell, words))
        return good

    def _expressions(self, identity: str, content: Mapping[str, Any], fields: Fields) -> Fields:
        made: Fields = {}
        env = dict(self._environment(fields))
        if self._plain(identity, content):
            for number, row in enumerate(content.get("expressions", []), 1):
                key, text = row.get("key"), str(row.get("value") or "")
                cell = _("row %(row)s, “%(column)s”") % {"row": number, "column": key}
                if self._named(identity, cell, key):
                    found = self.proved(identity, cell, text, env)
                    if found is not None:
                        made[key] = [Said(replace(found[1], raw=False), identity, cell)]
        return {**fields, **made} if content.get("passThrough") else made

    def _table(self, identity: str, content: Mapping[str, Any], fields: Fields) -> Fields:
        made: Fields = {}
        if not self._plain(identity, content):
            return made
        if content.get("hitPolicy", "first") != "first":
            self.faults.append(
                self.fault(
                    identity, "", _("only tables of which the first row that fits decides can be used")
                )
            )
            return made
        rules, heads = content.get("rules", []), content.get("outputs", [])
        if len(rules) > MOST_ROWS:
            self.faults.append(self.fault(identity, "", _("more than %(most)s rows") % {"most": MOST_ROWS}))
            return made
        env = self._environment(fields)
        columns = self._columns(identity, content, env)
        for head in heads:
            self._named(identity, _("column “%(column)s”") % {"column": _title(head)}, head.get("field"))
        catches, silent = False, set()
        for number, rule in enumerate(rules, 1):
            known, any_fits = self._conditions(identity, number, rule, columns, env)
            catches = catches or any_fits
            for head in heads:
                text = _cell(rule, head)
                cell = _("row %(row)s, “%(column)s”") % {"row": number, "column": _title(head)}
                if not text.strip():
                    silent.add(head.get("field"))
                    continue
                found = self.proved(identity, cell, text, known)
                if found is not None:
                    made.setdefault(head["field"], []).append(
                        Said(replace(found[1], raw=False), identity, cell)
                    )
            if len(self.faults) >= MOST_FAULTS:
                break
        for code, every in made.items():
            if not catches or code in silent:
                made[code] = [maybe(one) for one in every]
        return {**fields, **made} if content.get("passThrough") else made

    def _columns(
        self, identity: str, content: Mapping[str, Any], env: Env
    ) -> list[tuple[Mapping[str, Any], Env, str]]:
        """Of each condition's column: its head, the environment with `$`, and the field behind it where it is plain."""
        found = []
        for head in content.get("inputs", []):
            text = str(head.get("field") or "").strip()
            cell = _("column “%(column)s”") % {"column": _title(head)}
            if not text:
                found.append((head, env, ""))
                continue
            proved = self.proved(identity, cell, text, env)
            if proved is not None:
                tree, kind = proved
                found.append((head, {**env, "$": kind}, tree.value if tree.kind == "ref" else ""))
        return found

    def _conditions(
        self, identity: str, number: int, rule: Mapping[str, Any], columns: list[Any], env: Env
    ) -> tuple[Env, bool]:
        """What is known where the row fits, and whether it fits everything."""
        known, any_fits = env, True
        for head, around, plain in columns:
            text = _cell(rule, head)
            if not text.strip():
                continue
            any_fits = False
            cell = _("row %(row)s, “%(column)s”") % {"row": number, "column": _title(head)}
            unary = "$" in around
            found = self.proved(identity, cell, text, around, unary=unary)
            self._true_or_false(identity, cell, text, found)
            if found is not None:
                narrow = refine(
                    found[0], {**known, "$": known[plain]} if plain else known if not unary else around
                )[0]
                if plain:
                    narrow = {**narrow, plain: _both(narrow[plain], narrow["$"])}
                    known = {code: kind for code, kind in narrow.items() if code != "$"}
                elif not unary:
                    known = narrow
        return known, any_fits


def _both(one: Kind, other: Kind) -> Kind:
    """The narrower of two kinds of the same field."""
    if one.name != "number":
        return one
    low, high = max(one.low, other.low), min(one.high, other.high)
    return replace(one, low=min(low, high), high=high, nonzero=one.nonzero or other.nonzero)


def _cell(rule: Mapping[str, Any], head: Mapping[str, Any]) -> str:
    value = rule.get(head["id"])
    return "" if value is None else str(value)


def _title(head: Mapping[str, Any]) -> str:
    return str(head.get("name") or head.get("field") or "")


def _compiles(compile_: Callable[[str], Any], text: str) -> None:
    try:
        compile_(text)
    except Exception:  # noqa: BLE001  the engine names no class of its own
        raise Unreadable(_("it can't be read")) from None
