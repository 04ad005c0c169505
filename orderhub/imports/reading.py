"""Sheets that people bring, as rows of texts: CSV (UTF-8 or GB18030) or XLSX."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

from django.utils.translation import gettext as _
from python_calamine import CalamineError, CalamineWorkbook

ENCODINGS = ("utf-8-sig", "gb18030")


class NotASheet(ValueError):
    """The file can't be read as a sheet; the text is for a clerk."""


def cells(data: bytes) -> list[list[str]]:
    """The rows of the (first) sheet. A whole number has no ".0", a moment is "2026-03-01 09:30:00". Raises NotASheet."""
    if data[:2] != b"PK":
        return _lines(data)
    try:
        table = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()
    except (CalamineError, IndexError, OSError):
        raise NotASheet(_("The file cannot be opened as a sheet.")) from None
    return [[_text(cell) for cell in row] for row in table]


def _lines(data: bytes) -> list[list[str]]:
    for encoding in ENCODINGS:
        try:
            return list(csv.reader(io.StringIO(data.decode(encoding))))
        except (UnicodeDecodeError, csv.Error):
            continue
    raise NotASheet(_("The file is neither CSV nor XLSX."))


def _text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, dt.datetime):
        return cell.strftime("%Y-%m-%d %H:%M:%S")
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
