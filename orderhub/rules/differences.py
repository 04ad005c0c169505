"""What is different between two documents, in words: rows and cells of tables, expressions, nodes. Layout is no difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

#: Longer lists are cut: who reads more looks at the table itself.
MOST = 60


def differences(before: Any, after: Any) -> list[str]:
    """Sentences, in the order of the later document; empty where they decide alike word for word."""
    one, other = _nodes(before), _nodes(after)
    found = list(_differences(one, other))
    if not found and _wires(before) != _wires(after):
        found.append(_("Connections between nodes were changed."))
    if len(found) > MOST:
        rest = len(found) - MOST
        found = [*found[:MOST], _("and %(number)s more") % {"number": rest}]
    return found


def _differences(one: dict[str, Any], other: dict[str, Any]) -> Iterator[str]:
    for identity, node in other.items():
        name = node.get("name") or identity
        was = one.get(identity)
        if was is None:
            yield _("Node “%(node)s” is new.") % {"node": name}
        elif node.get("type") == "decisionTableNode" and was.get("type") == "decisionTableNode":
            yield from _tables(str(name), was.get("content") or {}, node.get("content") or {})
        elif node.get("content") != was.get("content"):
            yield from _rows(str(name), was.get("content") or {}, node.get("content") or {})
    for identity, node in one.items():
        if identity not in other:
            yield _("Node “%(node)s” is gone.") % {"node": node.get("name") or identity}


def _tables(name: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    heads = {head["id"]: head for part in ("inputs", "outputs") for head in now.get(part, [])}
    old_heads = {head["id"]: head for part in ("inputs", "outputs") for head in was.get(part, [])}
    for identity, head in heads.items():
        if identity not in old_heads:
            yield _("“%(node)s”: column “%(column)s” is new.") % {"node": name, "column": _title(head)}
        elif head.get("field") != old_heads[identity].get("field"):
            yield _("“%(node)s”: column “%(column)s” reads %(now)s, not %(was)s.") % {
                "node": name, "column": _title(head), "now": head.get("field"), "was": old_heads[identity].get("field"),
            }  # fmt: skip
    for identity, head in old_heads.items():
        if identity not in heads:
            yield _("“%(node)s”: column “%(column)s” is gone.") % {"node": name, "column": _title(head)}
    old = {str(rule.get("_id")): rule for rule in was.get("rules", [])}
    rules = [(str(rule.get("_id")), rule) for rule in now.get("rules", [])]
    for place, (identity, rule) in enumerate(rules, 1):
        before = old.get(identity)
        if before is None:
            words = _("“%(node)s”: row %(row)s is new: %(said)s")
            yield words % {"node": name, "row": place, "said": _row(rule, now)}
            continue
        for head_id, head in heads.items():
            cell, then = str(rule.get(head_id) or ""), str(before.get(head_id) or "")
            if cell != then and head_id in old_heads:
                words = _("“%(node)s”: row %(row)s, “%(column)s”: %(was)s → %(now)s")
                yield words % {
                    "node": name, "row": place, "column": _title(head), "was": then or _("any"), "now": cell or _("any"),
                }  # fmt: skip
    kept = {identity for identity, _rule in rules}
    for place, rule in enumerate(was.get("rules", []), 1):
        if str(rule.get("_id")) not in kept:
            words = _("“%(node)s”: row %(row)s is gone: %(said)s")
            yield words % {"node": name, "row": place, "said": _row(rule, was)}
    stayed = [identity for identity, _rule in rules if identity in old]
    if stayed != [identity for identity in old if identity in kept]:
        yield _("“%(node)s”: the order of the rows was changed.") % {"node": name}
    if was.get("hitPolicy") != now.get("hitPolicy"):
        yield _("“%(node)s”: which rows decide was changed.") % {"node": name}


def _row(rule: Mapping[str, Any], content: Mapping[str, Any]) -> str:
    parts = [
        f"{_title(head)} {rule[head['id']]}"
        for part in ("inputs", "outputs")
        for head in content.get(part, [])
        if rule.get(head["id"])
    ]
    return ", ".join(parts) or _("any")


def _rows(name: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Expressions and branches, by their own key."""
    for part, key, value in (("expressions", "key", "value"), ("statements", "id", "condition")):
        old = {row.get(key): row.get(value) for row in was.get(part, []) if isinstance(row, Mapping)}
        new = {row.get(key): row.get(value) for row in now.get(part, []) if isinstance(row, Mapping)}
        for code in dict.fromkeys([*new, *old]):
            if old.get(code) != new.get(code):
                words = _("“%(node)s”, %(what)s: %(was)s → %(now)s")
                yield words % {
                    "node": name,
                    "what": code,
                    "was": old.get(code) or "–",
                    "now": new.get(code) or "–",
                }
    if {k: v for k, v in was.items() if k not in ("expressions", "statements")} != {
        k: v for k, v in now.items() if k not in ("expressions", "statements")
    }:
        yield _("“%(node)s” was changed.") % {"node": name}


def _nodes(document: Any) -> dict[str, Any]:
    nodes = document.get("nodes", []) if isinstance(document, Mapping) else []
    return {str(node.get("id")): node for node in nodes if isinstance(node, Mapping)}


def _wires(document: Any) -> set[tuple[Any, Any, Any]]:
    edges = document.get("edges", []) if isinstance(document, Mapping) else []
    return {
        (e.get("sourceId"), e.get("sourceHandle"), e.get("targetId")) for e in edges if isinstance(e, Mapping)
    }


def _title(head: Mapping[str, Any]) -> str:
    return str(head.get("name") or head.get("field") or head.get("id"))
