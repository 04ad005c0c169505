"""A version's tables as an Excel file and back: a sheet a table, a row a row, cells as a person writes them.

Texts stand without quotes, several with 、 between them; what is more than a comparison or a value stands behind ƒ.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from openpyxl import Workbook, load_workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from orderhub.rules import tables
from orderhub.rules.points import Field, Point
from orderhub.rules.tables import Column, Table
from orderhub.rules.words import listed

MARK = "ƒ "
LARGEST = 5_000_000
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?\Z")
_COMPARED = re.compile(r"(>=|<=|!=|==|>|<)\s*(-?\d+(?:\.\d+)?)\Z")
_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)\s*(?:\.\.|~|～|到|至)\s*(-?\d+(?:\.\d+)?)\Z")
_YES, _NO = {"是", "true", "yes", "TRUE", "True"}, {"否", "false", "no", "FALSE", "False"}
_SEPARATORS = re.compile(r"[、，,;；]")


class BadSheet(ValueError):
    """The file can't be taken; the text says which sheet and cell, and why."""


@dataclass(frozen=True, slots=True)
class _Head:
    column: Column
    field: Field | None
    answers: bool


def _heads(point: Point, table: Table) -> list[_Head]:
    return [
        *(_Head(column, point.input_of.get(column.field), False) for column in table.inputs),
        *(_Head(column, point.output_of.get(column.field), True) for column in table.outputs),
    ]


def _title(head: _Head) -> str:
    label = str(head.field.label) if head.field is not None else head.column.title or head.column.field
    return f"{label} [{head.column.id}]"


def write(point: Point, document: Any) -> bytes:
    """The file: texts as texts (an order number of 18 digits stays one), nothing that Excel would calculate."""
    book = Workbook()
    book.remove(book.active)
    names: set[str] = set()
    for n, table in enumerate(tables.tables(document), 1):
        sheet = book.create_sheet(_sheet_name(table.name, n, names))
        heads = _heads(point, table)
        sheet.append([_("row"), *(_title(head) for head in heads)])
        for identity, cells in table.rows:
            sheet.append([identity, *(None for _head in heads)])
            for place, head in enumerate(heads, 2):
                value = _out(cells.get(head.column.id, ""), head)
                cell = sheet.cell(sheet.max_row, place, value)
                if isinstance(value, str):
                    cell.data_type = "s"  # also what begins with =
                    cell.number_format = "@"
        for place in range(1, len(heads) + 2):
            sheet.cell(1, place).font = Font(bold=True)
            sheet.column_dimensions[get_column_letter(place)].width = 20
            sheet.cell(1, place).alignment = Alignment(wrap_text=True, vertical="top")
        sheet.freeze_panes = "B2"
    if not book.sheetnames:
        book.create_sheet(_("no table"))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _sheet_name(name: str, n: int, taken: set[str]) -> str:
    clean = re.sub(r"[\[\]:*?/\\]", " ", name).strip()[:28] or str(n)
    made = clean if clean not in taken else f"{clean[:25]} {n}"
    taken.add(made)
    return made


def _out(cell: str, head: _Head) -> Any:
    """A cell of the document as one of the file."""
    cell = cell.strip()
    if not cell:
        return None
    kind = head.field.kind if head.field is not None else "formula"
    if kind == "number":
        if _NUMBER.match(cell):
            return float(cell) if "." in cell else int(cell)
        return cell if _COMPARED.match(cell) and not head.answers else MARK + cell
    if kind == "bool":
        return {"true": "是", "false": "否"}.get(cell, MARK + cell)
    inner = (
        cell[1:-1]
        if kind == "list" and head.answers and cell.startswith("[") and cell.endswith("]")
        else cell
    )
    items = listed(inner) if inner.strip() else []
    plain = items is not None and all(isinstance(i, str) and not _SEPARATORS.search(i) for i in items)
    if plain and items is not None and (not head.answers or kind == "list" or len(items) == 1):
        return "、".join(items) if items else "–"
    return MARK + cell


def read(point: Point, document: Any, raw: bytes) -> list[dict[str, Any]]:
    """What the file says, as `tables.with_tables` takes it. Raises BadSheet, naming the cell."""
    if len(raw) > LARGEST:
        raise BadSheet(_("The file is too large."))
    try:
        book = load_workbook(io.BytesIO(raw), data_only=True)
    except (InvalidFileException, OSError, KeyError, ValueError, EOFError) as error:
        raise BadSheet(_("This is no Excel file (.xlsx).")) from error
    except Exception as error:  # a damaged zip or XML raises what its parser raises
        raise BadSheet(_("The Excel file is damaged.")) from error
    made = []
    kept = tables.tables(document)
    names: set[str] = set()
    for n, table in enumerate(kept, 1):
        name = _sheet_name(table.name, n, names)
        if name not in book.sheetnames:
            raise BadSheet(_("The sheet “%(name)s” is missing.") % {"name": name})
        made.append(_read_sheet(point, table, book[name], name))
    return made


def _read_sheet(point: Point, table: Table, sheet: Any, name: str) -> dict[str, Any]:
    heads = {head.column.id: head for head in _heads(point, table)}
    titles = [str(cell.value or "") for cell in next(sheet.iter_rows(min_row=1, max_row=1))]
    places: dict[int, _Head] = {}
    for place, title in enumerate(titles):
        found = re.search(r"\[([^\[\]]+)\]\s*$", title)
        if found and found.group(1) in heads:
            places[place] = heads[found.group(1)]
    missing = set(heads) - {head.column.id for head in places.values()}
    if missing:
        lost = ", ".join(_title(heads[code]) for code in sorted(missing))
        raise BadSheet(
            _("Sheet “%(name)s”: these columns are missing: %(columns)s") % {"name": name, "columns": lost}
        )
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(sheet.iter_rows(min_row=2), 2):
        if all(cell.value in (None, "") for cell in line):
            continue
        if len(rows) >= tables.MOST_ROWS:
            raise BadSheet(_("A table may have at most %(most)s rows.") % {"most": tables.MOST_ROWS})
        cells = {}
        for place, head in places.items():
            value = line[place].value if place < len(line) else None
            try:
                cells[head.column.id] = _in(value, head)
            except ValueError as error:
                spot = f"{get_column_letter(place + 1)}{number}"
                text = _("Sheet “%(name)s”, cell %(cell)s (%(column)s): %(error)s")
                told = {"name": name, "cell": spot, "column": _title(head), "error": error}
                raise BadSheet(text % told) from None
        rows.append({"id": str(line[0].value or ""), "cells": cells})
    columns = {
        part: [{"id": c.id, "field": c.field} for c in getattr(table, part)] for part in ("inputs", "outputs")
    }
    return {"node": table.node, **columns, "rows": rows}


def _in(value: Any, head: _Head) -> str:
    """A cell of the file as one of the document. Raises ValueError in words."""
    if value is None or value == "":
        return ""
    kind = head.field.kind if head.field is not None else "formula"
    if isinstance(value, bool):
        value = "是" if value else "否"
    if isinstance(value, int | float):
        number = str(int(value)) if float(value).is_integer() else repr(value)
        return number if kind in ("number", "formula") else _quoted(number, kind, head)
    text = str(value).strip()
    if text.startswith(MARK.strip()):
        return text[1:].strip()
    if kind == "formula":
        return text
    if kind == "number":
        text = text.replace("＞", ">").replace("＜", "<").replace("≥", ">=").replace("≤", "<=")
        span = _RANGE.match(text)
        if span and not head.answers:
            return f"[{span.group(1)}..{span.group(2)}]"
        if _NUMBER.match(text) or (_COMPARED.match(text) and not head.answers):
            return text
        raise ValueError(_("“%(text)s” is no number") % {"text": text[:40]})
    if kind == "bool":
        if text in _YES or text in _NO:
            return "true" if text in _YES else "false"
        raise ValueError(_("“%(text)s” is neither yes nor no") % {"text": text[:40]})
    return _quoted(text, kind, head)


def _quoted(text: str, kind: str, head: _Head) -> str:
    if head.answers and kind != "list":
        return _one(text)
    items = [] if text == "–" else [item.strip() for item in _SEPARATORS.split(text) if item.strip()]
    joined = ", ".join(_one(item) for item in items)
    return f"[{joined}]" if head.answers else joined


def _one(text: str) -> str:
    if "'" not in text:
        return f"'{text}'"
    if '"' in text:
        raise ValueError(_("a text can't hold both kinds of quotation marks"))
    return f'"{text}"'
