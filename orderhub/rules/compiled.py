"""Documents as the engine runs them: compiled once a version, found through a loader (deciding one by one is 19 times slower)."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from typing import Any

import zen

from orderhub.rules.documents import digest
from orderhub.rules.points import Point

#: Compiled documents kept a process: every live, good and shadow version, and what is being tried.
KEPT = 128

_compiled: OrderedDict[str, Any] = OrderedDict()


class Failed(RuntimeError):
    """A document could not be evaluated: the first line of what the engine said, nothing of the input."""


def _load(key: str) -> Any:
    return _compiled[key]


_engine = zen.ZenEngine({"loader": _load})


class Runnable:
    """One document, ready: `run(context)` gives its bare answer. `uses` are the point's inputs it may read."""

    def __init__(self, point: Point, document: Any, name: str = "") -> None:
        self.point = point
        self.document = document
        self.key = name or digest(document)
        text = json.dumps(document, ensure_ascii=False)
        self.uses = _used(point, document)
        self._text = text

    def run(self, context: dict[str, Any]) -> Any:
        """Raises Failed, whatever went wrong inside the engine."""
        return self._evaluate(context, None)["result"]

    def traced(self, context: dict[str, Any]) -> dict[str, Any]:
        """The trace by node. Raises Failed."""
        found: dict[str, Any] = self._evaluate(context, {"trace": True})["trace"]
        return found

    def _evaluate(self, context: dict[str, Any], options: Any) -> Any:
        key = self.key
        if key not in _compiled:
            self._compile()
        try:
            return _engine.evaluate(key, context, options) if options else _engine.evaluate(key, context)
        except BaseException as error:  # a panic of the engine is no Exception
            if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
                raise
            raise Failed(first_line(error)) from None

    def _compile(self) -> None:
        try:
            made = zen.ZenDecisionContent(self._text)
        except Exception as error:  # noqa: BLE001  the engine names no class of its own
            raise Failed(first_line(error)) from None
        _compiled[self.key] = made
        while len(_compiled) > KEPT:
            _compiled.popitem(last=False)


def first_line(error: BaseException) -> str:
    """What the engine said, without the backtrace behind it and without the values that it may repeat."""
    text = str(error).split("\n", 1)[0]
    try:
        said = json.loads(text)
    except ValueError:
        return text[:200]
    return json.dumps(said, ensure_ascii=False)[:300] if isinstance(said, dict) else text[:200]


def _used(point: Point, document: Any) -> frozenset[str]:
    """Inputs whose name stands anywhere in the document; all of them where it may read them by other ways.

    A table's column in which no row asks anything is not read: equal inputs are then more often equal.
    """
    words = set(re.findall(r"[A-Za-z_][A-Za-z_0-9]*", json.dumps(_asking(document), ensure_ascii=False)))
    if "functionNode" in words or "customNode" in words or "decisionNode" in words:
        return frozenset(point.input_of)
    return frozenset(code for code in point.input_of if code in words)


def _asking(document: Any) -> Any:
    """The document without the columns of conditions that are empty all the way down."""
    if not isinstance(document, dict) or not isinstance(document.get("nodes"), list):
        return document
    return {**document, "nodes": [_asking_node(node) for node in document["nodes"]]}


def _asking_node(node: Any) -> Any:
    content = node.get("content") if isinstance(node, dict) else None
    if not isinstance(content, dict) or node.get("type") != "decisionTableNode":
        return node
    heads, rules = content.get("inputs"), content.get("rules")
    if not isinstance(heads, list) or not isinstance(rules, list):
        return node
    asked = [h for h in heads if not isinstance(h, dict) or any(_cell(rule, h.get("id")) for rule in rules)]
    idle = {h.get("id") for h in heads if h not in asked}
    kept = [
        {key: cell for key, cell in rule.items() if key not in idle} if isinstance(rule, dict) else rule
        for rule in rules
    ]
    return {**node, "content": {**content, "inputs": asked, "rules": kept}}


def _cell(rule: Any, column: Any) -> bool:
    return not isinstance(rule, dict) or bool(str(rule.get(column) or "").strip())
