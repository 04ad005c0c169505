"""Columns of exports: one definition for the heading, the database's expression and the type in a spreadsheet.

A `Column` is a field of django-import-export with the expression that PostgreSQL computes, so that a million rows are
written by COPY and no row passes through Python. What a person typed is made harmless for spreadsheets in the same place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from import_export.fields import Field
from import_export.resources import Resource

#: Expressions give text; what the text is decides how a workbook keeps it. A word is one of ours and needs no care.
TEXT, CODE, WORD, MONEY, WHOLE, MOMENT = "text", "code", "word", "money", "whole", "moment"
#: A number with its decimals as they are; a day as YYYY-MM-DD.
DECIMAL, DAY = "decimal", "day"
ZONE = "Asia/Shanghai"
SHOWN_MOMENT = "YYYY-MM-DD HH24:MI:SS"
#: A cell that begins like this would be run as a formula by a spreadsheet; all of them sort before A, which is cheaper to ask.
FORMULA = """({x} COLLATE "C" < 'A' AND left({x}, 1) IN ('=', '+', '-', '@', E'\\t', E'\\r'))"""
#: Excel keeps fifteen digits of a number; what is longer, or begins with 0, must be text.
LONG = "(length({x}) > 11 OR {x} LIKE '0_%%') AND {x} !~ '[^0-9]'"


class Column(Field):
    """One column. `sql` is an expression over the export's row (orders: `o`), `kind` its type in a workbook."""

    def __init__(self, label: Any, sql: str, kind: str = TEXT) -> None:
        super().__init__(column_name=str(label), readonly=True)
        self.label, self.sql, self.kind = label, sql, kind

    def shown(self, value: str, *, long_as_text: bool) -> str:
        """The SQL of the cell's text as it stands in a file, from the name of its value (which is read more than once)."""
        if self.kind == MOMENT:
            return f"to_char({value} AT TIME ZONE '{ZONE}', '{SHOWN_MOMENT}')"
        if self.kind in (MONEY, WHOLE, DECIMAL, DAY):
            return f"{value}::text"
        if self.kind == WORD:
            return value
        cases = f"WHEN {FORMULA.format(x=value)} THEN '''' || {value}"
        if long_as_text and self.kind == CODE:
            cases = f"WHEN {LONG.format(x=value)} THEN {value} || E'\\t' {cases}"
        return f"CASE {cases} ELSE {value} END"


def labelled(expression: str, choices: Iterable[tuple[Any, Any]]) -> str:
    """An expression whose values are replaced by their labels in the language of now."""
    cases = " ".join(f"WHEN {quoted(value)} THEN {quoted(label)}" for value, label in choices)
    return f"(CASE {expression} {cases} ELSE {expression}::text END)" if cases else expression


def harmless(text: str) -> str:
    """What `Column.shown` does to a text, for the few that are not computed by the database."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def quoted(value: Any) -> str:
    """A literal of SQL."""
    return "'" + str(value).replace("'", "''").replace("%", "%%") + "'"


def columns_of(resource: Resource) -> list[Column]:
    """The columns of a resource, in order."""
    return [field for field in resource.get_export_fields() if isinstance(field, Column)]


def select(columns: Sequence[Column], source: str, *, long_as_text: bool, beside: Sequence[str] = ()) -> str:
    """The statement of a file's rows over `source` (FROM and all behind it), with columns of the source `beside` before them.

    Every value is computed once, inside a fence (OFFSET 0) that keeps the planner from writing an aggregate into a cell as
    often as the cell's CASE names it. `long_as_text` puts a tab behind long numbers, as Excel would spoil them in a CSV.
    """
    textual = {TEXT, CODE, WORD}
    values = [f"{name} AS b{n}" for n, name in enumerate(beside)]
    cells = [f"x.b{n}" for n in range(len(beside))]
    for n, column in enumerate(columns):
        values.append(f"({column.sql}){'::text' if column.kind in textual else ''} AS c{n}")
        cells.append(column.shown(f"x.c{n}", long_as_text=long_as_text))
    return f"SELECT {', '.join(cells)} FROM (SELECT {', '.join(values)} {source} OFFSET 0) x"
