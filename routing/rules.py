"""Versions of the routing rules in words: which one decided, and the row that matched. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from orderhub.rules import explaining, registry, words
from orderhub.rules.models import Version


def told(figures: Mapping[str, Any]) -> str:
    """“优先链 version 3: Preferences by area, row 2: District 余杭区 → …” of a reason {"version", "rows"}."""
    head, version = title(figures.get("version")), _version(figures.get("version"))
    if version is None:
        return head
    point = registry.point(version.rule_set.point)
    steps = [explaining.row_words(point, version.document, row) for row in figures.get("rows", ())]
    told_rows = [(row, step) for row, step in zip(figures.get("rows", ()), steps, strict=True) if step]
    asked = [step for row, step in told_rows if _asks(version.document, row)]
    said = [explaining.sentence(step) for step in asked or [step for _row, step in told_rows[:1]]]
    return _("%(rules)s: %(rows)s") % {"rules": head, "rows": _("; ").join(said)} if said else head


def _asks(document: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether the row that matched asked for anything; the last row of a table fits everything."""
    content = next(node["content"] for node in document["nodes"] if node["id"] == row["node"])
    rule: dict[str, Any] = next((each for each in content["rules"] if each.get("_id") == row["row"]), {})
    return any(str(rule.get(head["id"]) or "").strip() for head in content["inputs"])


def value(code: str, given: Any) -> str:
    """An answer in words: warehouses and carriers by their names."""
    point = registry.point("routing")
    return words.value_words(given, words.field_of(point, code))


def title(version_id: Any) -> str:
    """“优先链, version 3”."""
    version = _version(version_id)
    if version is None:
        return _("the rules as they ship")
    words = {"rules": version.rule_set.title, "number": version.number}
    return _("%(rules)s, version %(number)s") % words


def policy(kept: str) -> str:
    """The policy as kept with a decision ("chain/12": rule set and version id) in words; an older name as it is."""
    code, _slash, number = kept.partition("/")
    if code not in {each.code for each in registry.point("routing").policies} or not number.isdigit():
        return kept
    if number == "0":
        shipped = registry.point("routing").policy_of[code]
        return str(shipped.label)
    return title(int(number))


def _version(version_id: Any) -> Version | None:
    if not version_id:
        return None
    return Version.objects.select_related("rule_set").filter(id=version_id).first()
