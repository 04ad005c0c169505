"""The files of exports: written in pieces that can be written again, turned into workbooks without holding them.

A piece that a killed worker left half written is cut off by the next one. Files lie under EXPORTS_ROOT and are swept.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone
from rustpy_xlsxwriter import FastExcel

from orderhub.exports.columns import CODE, DAY, DECIMAL, MOMENT, MONEY, WHOLE, Column

BOM = "\ufeff".encode()
KEPT = dt.timedelta(days=7)
#: A file with plain receivers lies a day; its name says what it is.
PLAIN, KEPT_PLAIN = "plain-", dt.timedelta(days=1)
#: Excel's sheets end at 1,048,576 rows.
SHEET = 1_000_000
#: Rows of a workbook between two signs of life.
BEAT = 20_000
Maker = Callable[[str], Any]
#: What a cell of a workbook is made with; all else is text as it stands.
_MADE: dict[str, Maker] = {
    MONEY: float, DECIMAL: float, WHOLE: int, DAY: dt.date.fromisoformat, MOMENT: dt.datetime.fromisoformat,
    CODE: lambda cell: cell.removesuffix("\t"),
}  # fmt: skip


def folder() -> Path:
    """Where exports lie; every worker and web process must see the same one."""
    found = Path(settings.EXPORTS_ROOT)
    found.mkdir(parents=True, exist_ok=True)
    return found


def begin(path: Path, columns: Sequence[Column]) -> int:
    """A new file with its headings; its size in bytes."""
    with path.open("wb") as file:
        file.write(BOM)
        file.write((",".join(_cell(str(column.label)) for column in columns) + "\n").encode())
        return file.tell()


def append(path: Path, size: int, sql: str, params: Sequence[Any] | Mapping[str, Any]) -> tuple[int, int]:
    """Add the rows of a query behind `size` bytes (what lies behind them is cut off): (the new size, rows added)."""
    rows = 0
    with path.open("r+b") as file, connection.cursor() as cursor:
        file.truncate(size)
        file.seek(size)
        with cursor.copy(f"COPY ({sql}) TO STDOUT WITH (FORMAT csv)", params) as copy:
            for row in copy:
                rows += 1
                file.write(row)
        file.flush()
        os.fsync(file.fileno())
        return file.tell(), rows


def append_rows(path: Path, size: int, rows: Iterable[Sequence[Any]]) -> int:
    """Add rows of cells as they are behind `size` bytes; the new size. The same CSV as `append` writes."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    with path.open("r+b") as file:
        file.truncate(size)
        file.seek(size)
        file.write(text.getvalue().encode())
        file.flush()
        os.fsync(file.fileno())
        return file.tell()


def workbook(
    source: Path,
    target: Path,
    columns: Sequence[Column],
    title: str,
    rows: int,
    beat: Callable[[int], None] = lambda rows: None,
) -> None:
    """The same rows as an XLSX: numbers as numbers, moments as dates, all else as text; memory does not grow with them.

    `beat` is called with the rows that are in it, every BEAT rows; what it raises ends the writing.
    """
    heads, made = [str(column.label) for column in columns], makers(columns)

    def typed(lines: Iterable[list[str]], before: int) -> Iterator[dict[str, Any]]:
        for n, cells in enumerate(lines, before + 1):
            if n % BEAT == 0:
                beat(n)
            yield typed_row(cells, heads, made)

    with source.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        book = FastExcel(str(target), columns=heads)
        book.format(float_format="0.00", datetime_format="yyyy-mm-dd hh:mm:ss", bold_headers=True)
        for part in range(max(1, -(-rows // SHEET))):
            name = title if not part else f"{title} {part + 1}"
            book.sheet(name, typed(islice(reader, SHEET), part * SHEET))
            book.freeze(row=1, sheet=name)
        book.save()


def makers(columns: Sequence[Column]) -> list[Maker | None]:
    """What makes a workbook's cell of each column; None for text as it stands."""
    return [_MADE.get(column.kind) for column in columns]


def typed_row(cells: Sequence[str], heads: Sequence[str], made: Sequence[Maker | None]) -> dict[str, Any]:
    """A row of the CSV as the workbook's writer takes it; an empty cell is None."""
    return {
        head: (cell if make is None else make(cell)) if cell else None
        for head, make, cell in zip(heads, made, cells, strict=True)
    }


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\n') else text


def sweep() -> int:
    """Delete what is older than seven days, plain receivers after one; how many files went."""
    gone, now = 0, timezone.now()
    for path in folder().iterdir():
        limit = (now - (KEPT_PLAIN if path.name.startswith(PLAIN) else KEPT)).timestamp()
        if path.is_file() and path.stat().st_mtime < limit:
            path.unlink(missing_ok=True)
            gone += 1
    return gone
