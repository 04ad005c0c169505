"""What LibreOffice makes of a file of ours: opened as a person opens it, saved as flat XML, each cell held against what we wrote.

A check on request: LibreOffice is large. Debian: `apt-get install libreoffice-calc`.
"""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from orderhub.exports.columns import CODE, DAY, DECIMAL, MOMENT, MONEY, WHOLE

PROGRAMS = ("soffice", "libreoffice")
#: Comma, quote, UTF-8, from line 1, no fixed types, Chinese (China), quoted text is looked at too, dates are recognised.
AS_OPENED = "CSV:44,34,76,1,,2052,false,true"
SECONDS = 1800
#: So many digits a spreadsheet's number keeps.
DIGITS = 15
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"


@dataclass(frozen=True, slots=True)
class Cell:
    """As the spreadsheet holds it: `type` is string, float, date … ("" for empty), `value` its text or ISO value."""

    type: str = ""
    value: str = ""
    formula: bool = False


@dataclass
class Said:
    """What was found: rows and cells looked at, by type; `wrong` are the first ten differences in words."""

    rows: int = 0
    dates: int = 0
    numbers: int = 0
    long_numbers_as_text: int = 0
    formulas: int = 0
    differences: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.differences and not self.formulas


def program() -> str | None:
    """LibreOffice's program; None where it is not installed."""
    return next((found for found in map(shutil.which, PROGRAMS) if found), None)


def opened(path: Path, folder: Path) -> Path:
    """Open a CSV or XLSX and save it as flat XML in `folder`, with a profile of its own. RuntimeError where it can't."""
    found = program()
    if found is None:
        raise RuntimeError("LibreOffice is not installed (Debian: apt-get install libreoffice-calc)")
    command = [found, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless"]
    command += [f"--infilter={AS_OPENED}"] if path.suffix == ".csv" else []
    command += ["--convert-to", "fods", "--outdir", str(folder), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    made = folder / f"{path.stem}.fods"
    if not made.is_file():
        raise RuntimeError((done.stderr or done.stdout).strip() or "LibreOffice wrote nothing")
    return made


def cells(path: Path) -> Iterator[list[Cell]]:
    """The rows of every sheet of a flat XML, empty ones left out."""
    for _event, element in ElementTree.iterparse(path):
        if element.tag == f"{_TABLE}table-row":
            row: list[Cell] = []
            for one in element.iter(f"{_TABLE}table-cell"):
                times = int(one.get(f"{_TABLE}number-columns-repeated", "1"))
                row += [_cell(one)] * (times if times < 1000 else 1)  # else the empty rest of a row
            if any(cell.type for cell in row):
                yield from [row] * int(element.get(f"{_TABLE}number-rows-repeated", "1"))
            element.clear()


def _cell(element: ElementTree.Element) -> Cell:
    kind = element.get(f"{_OFFICE}value-type", "")
    value = element.get(f"{_OFFICE}date-value") or element.get(f"{_OFFICE}value")
    if value is None:
        value = "\n".join(_words(line) for line in element.iter(f"{_TEXT}p"))
    return Cell(kind, value, element.get(f"{_TABLE}formula") is not None)


def _words(line: ElementTree.Element) -> str:
    """The text of a paragraph, with the tabs and runs of blanks that are elements there."""
    said = line.text or ""
    for part in line:
        if part.tag == f"{_TEXT}tab":
            said += "\t"
        elif part.tag == f"{_TEXT}s":
            said += " " * int(part.get(f"{_TEXT}c", "1"))
        else:
            said += _words(part)
        said += part.tail or ""
    return said


def judge(kinds: Sequence[str], written: Iterable[Sequence[str]], found: Iterable[Sequence[Cell]]) -> Said:
    """Hold rows of cells against the rows that were written (both with their headings), column by column."""
    said, source = Said(), iter(written)
    heads = next(source)
    rows = iter(found)
    next(rows, None)
    for row in rows:
        said.rows += 1
        wanted = next(source, None)
        if wanted is None:
            _differs(said, f"row {said.rows} was never written")
            continue
        for place, kind in enumerate(kinds):
            cell = row[place] if place < len(row) else Cell()
            said.formulas += cell.formula
            if not _same(kind, wanted[place], cell, said):
                _differs(
                    said,
                    f"{heads[place]}, row {said.rows}: wrote {wanted[place]!r}, found {cell.type} {cell.value!r}",
                )
    missing = sum(1 for _row in source)
    if missing:
        _differs(said, f"{missing} rows are missing")
    return said


def _differs(said: Said, words: str) -> None:
    said.differences += 1
    if len(said.wrong) < 10:
        said.wrong.append(words)


def _same(kind: str, wrote: str, cell: Cell, said: Said) -> bool:
    if wrote == "":
        return cell.type == "" or cell.value == ""
    if kind in (MOMENT, DAY):
        said.dates += cell.type == "date"
        return cell.type == "date" and _second(cell.value) == _second(wrote)
    if kind in (MONEY, DECIMAL, WHOLE):
        said.numbers += cell.type == "float"
        return cell.type == "float" and abs(float(cell.value) - float(wrote)) < 1e-9
    text = wrote.removesuffix("\t") if kind == CODE else wrote
    if kind == CODE and text.isdigit() and (len(text) > 11 or text[0] == "0"):
        said.long_numbers_as_text += cell.type == "string"
        return cell.type == "string" and cell.value.removesuffix("\t") == text
    if cell.type == "string":
        return cell.value.split() == text.split()
    return len(text) <= DIGITS  # a short number or a date that a person typed: nothing of it is lost


def _second(text: str) -> dt.datetime:
    """The moment to the second: a spreadsheet keeps it as a fraction of a day."""
    at = dt.datetime.fromisoformat(text[:26])
    return (at + dt.timedelta(microseconds=500_000)).replace(microsecond=0)
