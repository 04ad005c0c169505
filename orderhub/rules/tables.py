"""The plain view of a document: its decision tables and its single figures, as rows that a clerk can change.

What is not a table or a list of expressions (branches, wires) is left exactly as it stands.
"""

from __future__ import annotations

import copy
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from orderhub.rules.points import Point

KINDS = {"decisionTableNode": "table", "expressionNode": "figures"}
MOST_ROWS, MOST_COLUMNS, LONGEST_CELL = 5_000, 60, 2_000
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


class BadTable(ValueError):
    """What was sent is no table of this document; the text says why."""


@dataclass(frozen=True, slots=True)
class Column:
    """`field` is the code that the column reads or answers; `title` is the document's own heading."""

    id: str
    field: str
    title: str


@dataclass(frozen=True, slots=True)
class Table:
    """`rows` are (row id, {column id: cell as ZEN text}). Of figures there are only outputs and one row."""

    node: str
    name: str
    kind: str
    hit: str
    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    rows: tuple[tuple[str, dict[str, str]], ...]


def tables(document: Mapping[str, Any]) -> list[Table]:
    """The tables of a document, in its own order; [] where it has none."""
    return [_read(node) for node in document.get("nodes", []) if node.get("type") in KINDS]


def _read(node: Mapping[str, Any]) -> Table:
    content, name = node.get("content") or {}, str(node.get("name") or node["id"])
    if KINDS[node["type"]] == "figures":
        rows = [row for row in content.get("expressions", []) if row.get("key")]
        columns = tuple(Column(str(row["id"]), str(row["key"]), str(row["key"])) for row in rows)
        cells = {str(row["id"]): str(row.get("value") or "") for row in rows}
        return Table(node["id"], name, "figures", "", (), columns, (("only", cells),))
    inputs, outputs = (
        tuple(
            Column(str(head["id"]), str(head.get("field") or ""), str(head.get("name") or ""))
            for head in content.get(part, [])
        )
        for part in ("inputs", "outputs")
    )
    every = [column.id for column in (*inputs, *outputs)]
    made = tuple(
        (str(rule.get("_id") or n), {c: str(rule.get(c) if rule.get(c) is not None else "") for c in every})
        for n, rule in enumerate(content.get("rules", []))
    )
    return Table(node["id"], name, "table", str(content.get("hitPolicy") or "first"), inputs, outputs, made)


def with_tables(point: Point, document: Mapping[str, Any], told: Any) -> dict[str, Any]:
    """A copy of the document with the tables that were sent: [{"node", "inputs", "outputs", "rows"}]. Raises BadTable."""
    made: dict[str, Any] = copy.deepcopy(dict(document))
    if not isinstance(told, list):
        raise BadTable(_("No table was sent."))
    nodes = {node["id"]: node for node in made.get("nodes", []) if node.get("type") in KINDS}
    for sent in told:
        node = nodes.get(sent.get("node")) if isinstance(sent, Mapping) else None
        if node is None:
            raise BadTable(_("A table that was sent is not in this version."))
        if KINDS[node["type"]] == "figures":
            _write_figures(node, sent)
        else:
            _write(point, node, sent)
    return made


def _write_figures(node: dict[str, Any], sent: Mapping[str, Any]) -> None:
    rows = sent.get("rows")
    cells = rows[0].get("cells") if isinstance(rows, list) and rows and isinstance(rows[0], Mapping) else None
    if not isinstance(cells, Mapping):
        raise BadTable(_("No table was sent."))
    for row in node["content"].get("expressions", []):
        if str(row.get("id")) in cells:
            row["value"] = _cell(cells[str(row["id"])])


def _write(point: Point, node: dict[str, Any], sent: Mapping[str, Any]) -> None:
    content = node["content"]
    heads = {
        part: _heads(point, part, sent.get(part), content.get(part, [])) for part in ("inputs", "outputs")
    }
    every = [head["id"] for head in (*heads["inputs"], *heads["outputs"])]
    if len(set(every)) != len(every):
        raise BadTable(_("Two columns have the same name."))
    before = {str(rule.get("_id")): rule for rule in content.get("rules", [])}
    rules, seen = [], set()
    rows = sent.get("rows")
    if not isinstance(rows, list) or len(rows) > MOST_ROWS:
        raise BadTable(_("A table may have at most %(most)s rows.") % {"most": MOST_ROWS})
    for row in rows:
        if not isinstance(row, Mapping) or not isinstance(row.get("cells"), Mapping):
            raise BadTable(_("A row can't be read."))
        identity = str(row.get("id") or "")
        if not _ID.match(identity) or identity in seen:
            identity = f"r{secrets.token_hex(5)}"
        seen.add(identity)
        kept = {k: v for k, v in before.get(identity, {}).items() if k.startswith("_")}
        rules.append({**kept, "_id": identity, **{c: _cell(row["cells"].get(c, "")) for c in every}})
    content["inputs"], content["outputs"], content["rules"] = heads["inputs"], heads["outputs"], rules


def _heads(point: Point, part: str, told: Any, before: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Columns that stay, and new ones for fields of the point; a column's other settings stay with it."""
    if not isinstance(told, list) or len(told) > MOST_COLUMNS:
        raise BadTable(_("The columns can't be read."))
    known = {str(head["id"]): head for head in before}
    fields = point.input_of if part == "inputs" else point.output_of
    made = []
    for column in told:
        identity = str(column.get("id") or "") if isinstance(column, Mapping) else ""
        if identity in known:
            made.append(dict(known[identity]))
            continue
        code = str(column.get("field") or "") if isinstance(column, Mapping) else ""
        if code not in fields or not _ID.match(identity):
            raise BadTable(_("There is no field “%(name)s” here.") % {"name": code[:40]})
        made.append({"id": identity, "name": str(fields[code].label), "field": code})
    return made


def _cell(value: Any) -> str:
    text = str(value if value is not None else "").strip()
    if len(text) > LONGEST_CELL:
        raise BadTable(_("A cell is longer than %(most)s characters.") % {"most": LONGEST_CELL})
    return text
