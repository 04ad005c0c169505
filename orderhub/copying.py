"""Many rows to one table in one COPY statement: the only bulk writer of the product."""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.db import connection

_MUST_ESCAPE = re.compile(r"[\x00\\\n\r\t]")
_SPECIAL = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


class UnstorableText(ValueError):
    """Text that PostgreSQL refuses (NUL, lone surrogates): the caller sets the record aside."""


def _text(value: str) -> str:
    if not _MUST_ESCAPE.search(value):
        return value
    if "\x00" in value:
        raise UnstorableText("text contains NUL")
    return value.translate(_SPECIAL)


def _json(value: Any) -> str:
    return _text(_encode(value)) if value else "[]" if value == [] else "{}"


_FIELDS: dict[type, Callable[[Any], str]] = {
    type(None): lambda value: "\\N",
    str: _text,
    bool: lambda value: "t" if value else "f",
    int: str,
    float: str,
    Decimal: str,
    uuid.UUID: str,
    dt.datetime: dt.datetime.isoformat,
    dt.date: dt.date.isoformat,
    bytes: lambda value: "\\\\x" + value.hex(),
    dict: _json,
    list: _json,
}


def _field(value: Any) -> str:
    known = _FIELDS.get(type(value))
    if known is not None:
        return known(value)
    for kind, convert in _FIELDS.items():  # subclasses: choices of a model, for one
        if isinstance(value, kind):
            return convert(str(value) if kind is str else value)
    raise TypeError(f"cannot copy {type(value).__name__}")


def _column(values: Sequence[Any]) -> Sequence[str]:
    """The texts of one column: nearly always of one type, so that text is searched once for all of its rows."""
    kinds = set(map(type, values))
    if len(kinds) == 1:
        kind = kinds.pop()
        if kind is str:
            return values if _MUST_ESCAPE.search("".join(values)) is None else list(map(_text, values))
        if kind is dt.datetime and values.count(values[0]) == len(values):  # "now"
            return [values[0].isoformat()] * len(values)
        if kind in _FIELDS:
            return list(map(_FIELDS[kind], values))
    return [_field(value) for value in values]


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Append `rows` (one value a column) to `table`; returns how many. One statement, inside the transaction.

    Raises UnstorableText or TypeError before anything is sent, and the database's own errors.
    """
    columnwise = [_column(values) for values in zip(*rows, strict=True)]
    if not columnwise:
        return 0
    lines = list(map("\t".join, zip(*columnwise, strict=True)))
    try:
        data = ("\n".join(lines) + "\n").encode("utf-8")
    except UnicodeEncodeError as error:
        raise UnstorableText("text is not valid Unicode") from error
    names = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor() as cursor, cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as copy:
        copy.write(data)
    return len(lines)


_CASTS = {
    str: "text",
    int: "bigint",
    bool: "boolean",
    bytes: "bytea",
    Decimal: "numeric",
    float: "float8",
    dt.datetime: "timestamptz",
}


def _cast(values: Sequence[Any]) -> str:
    sample = next((value for value in values if value is not None), None)
    if isinstance(sample, dict | list):
        return "jsonb"
    if isinstance(sample, dt.datetime):
        return "timestamptz"
    if isinstance(sample, dt.date):
        return "date"
    if isinstance(sample, uuid.UUID):
        return "uuid"
    return _CASTS.get(type(sample), "text")


_MUST_QUOTE = re.compile(r'["\\]')
_QUOTED = str.maketrans({"\\": "\\\\", '"': '\\"'})


def _array(values: Sequence[Any], cast: str) -> str:
    """A PostgreSQL array as text, made at once: the driver would quote element by element."""
    if cast not in ("text", "jsonb"):
        return "{" + ",".join(["NULL" if value is None else _field(value) for value in values]) + "}"
    say = _encode if cast == "jsonb" else str
    texts = [None if value is None else say(value) for value in values]
    if _MUST_QUOTE.search("".join([text for text in texts if text is not None])):
        texts = [None if text is None else text.translate(_QUOTED) for text in texts]
    return "{" + ",".join(["NULL" if text is None else f'"{text}"' for text in texts]) + "}"


def update_rows(table: str, key: str, rows: dict[Any, dict[str, Any]], fixed: str = "") -> int:
    """Set named columns of many rows in one UPDATE; returns how many rows matched.

    `rows` maps the key's value to {column: value}. A column that a row does not name keeps its value (so a
    column cannot be set to NULL here). `fixed` is a constant SQL fragment of further assignments.
    """
    if not rows:
        return 0
    columns = sorted({column for values in rows.values() for column in values})
    keys = list(rows)
    casts = [_cast(keys)]
    arrays = [_array(keys, casts[0])]
    for column in columns:
        values = [row.get(column) for row in rows.values()]
        casts.append(_cast(values))
        arrays.append(_array(values, casts[-1]))
    sets = [f'"{column}" = COALESCE(v."{column}", t."{column}")' for column in columns]
    if fixed:
        sets.append(fixed)
    source = ", ".join(f"%s::{'text' if cast == 'jsonb' else cast}[]" for cast in casts)
    names = ", ".join(['"k"', *(f'"{column}"' for column in columns)])
    chosen = ", ".join(
        [
            '"k"',
            *(
                f'"{c}"::jsonb AS "{c}"' if cast == "jsonb" else f'"{c}"'
                for c, cast in zip(columns, casts[1:], strict=True)
            ),
        ]
    )
    sql = (
        f'UPDATE "{table}" t SET {", ".join(sets)} FROM (SELECT {chosen} FROM unnest({source}) AS u({names})) v '
        f'WHERE t."{key}" = v.k AND t."{key}" = ANY(%s::{casts[0]}[])'
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*arrays, arrays[0]])
        return int(cursor.rowcount)
