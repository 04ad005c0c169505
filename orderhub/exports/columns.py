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
#: A cell that begins like this would be run as a formula by a spreadsheet.
FORMULA = r"('=', '+', '-', '@', E'\t', E'\r')"
#: Excel keeps fifteen digits of a number; what is longer, or begins with 0, must be text.
LONG = "(length(x) > 11 OR x LIKE '0_%%') AND x !~ '[^0-9]'"


class Column(Field):
    """One column. `sql` is an expression over the export's row (orders: `o`), `kind` its type in a workbook."""

    def __init__(self, label: Any, sql: str, kind: str = TEXT) -> None:
        super().__init__(column_name=str(label), readonly=True)
        self.label, self.sql, self.kind = label, sql, kind

    @property
    def expression(self) -> str:
        """The SQL of the cell's text as it stands in a file."""
        if self.kind == MOMENT:
            return f"to_char(({self.sql}) AT TIME ZONE '{ZONE}', '{SHOWN_MOMENT}')"
        if self.kind in (MONEY, WHOLE, DECIMAL, DAY):
            return f"({self.sql})::text"
        if self.kind == WORD:
            return f"({self.sql})"
        safe = f"CASE WHEN left(x, 1) IN {FORMULA} THEN '''' || x ELSE x END"
        return f"(SELECT {safe} FROM (SELECT ({self.sql})::text AS x) cell)"


def labelled(expression: str, choices: Iterable[tuple[Any, Any]]) -> str:
    """An expression whose values are replaced by their labels in the language of now."""
    cases = " ".join(f"WHEN {quoted(value)} THEN {quoted(label)}" for value, label in choices)
    return f"(CASE {expression} {cases} ELSE {expression}::text END)" if cases else expression


def harmless(text: str) -> str:
    """What `Column.expression` does to a text, for the few that are not computed by the database."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def quoted(value: Any) -> str:
    """A literal of SQL."""
    return "'" + str(value).replace("'", "''").replace("%", "%%") + "'"


def columns_of(resource: Resource) -> list[Column]:
    """The columns of a resource, in order."""
    return [field for field in resource.get_export_fields() if isinstance(field, Column)]


def select(columns: Sequence[Column], *, long_as_text: bool) -> str:
    """The cells of a row. `long_as_text` puts a tab behind long numbers, as Excel would spoil them in a CSV."""
    cells = []
    for column in columns:
        cell = column.expression
        if long_as_text and column.kind == CODE:
            cell = f"(SELECT CASE WHEN {LONG} THEN x || E'\\t' ELSE x END FROM (SELECT {cell} AS x) long)"
        cells.append(cell)
    return ", ".join(cells)
