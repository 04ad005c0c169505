"""The check of exports in LibreOffice: it sees what a spreadsheet spoils; and, where LibreOffice is here, nothing is spoilt."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError

from orderhub.exports import office
from orderhub.exports.columns import CODE, MOMENT, MONEY, TEXT
from orderhub.exports.office import Cell
from orderhub.management.commands import check_spreadsheets
from orderhub.management.seeding import filling

KINDS = (CODE, TEXT, MOMENT, MONEY)
HEADS = ["number", "words", "at", "money"]
WROTE = ["690000000000001234\t", "'=1+1", "2026-03-02 00:30:00", "12.50"]
RIGHT = [
    Cell("string", "690000000000001234\t"), Cell("string", "'=1+1"), Cell("date", "2026-03-02T00:30:00"),
    Cell("float", "12.5"),
]  # fmt: skip


def judged(*row: Cell) -> office.Said:
    return office.judge(
        KINDS, iter([HEADS, WROTE]), iter([[Cell("string", name) for name in HEADS], list(row)])
    )


def test_that_what_a_spreadsheet_keeps_is_right() -> None:
    said = judged(*RIGHT)
    assert said.ok and (said.rows, said.dates, said.numbers, said.long_numbers_as_text) == (1, 1, 1, 1)
    assert judged(*RIGHT[:2], Cell("date", "2026-03-02T00:29:59.999999999"), RIGHT[3]).ok, (
        "a fraction of a day"
    )


@pytest.mark.parametrize(
    ("place", "cell"),
    [
        (0, Cell("float", "690000000000001200")),
        (1, Cell("float", "2", formula=True)),
        (2, Cell("string", "2026-03-02 00:30:00")),
        (2, Cell("date", "2026-03-01T16:30:00")),
        (3, Cell("string", "12.50")),
        (3, Cell()),
    ],
)
def test_that_what_a_spreadsheet_spoils_is_seen(place: int, cell: Cell) -> None:
    said = judged(*[cell if n == place else right for n, right in enumerate(RIGHT)])
    assert not said.ok and said.rows == 1


def test_that_rows_too_few_or_too_many_are_seen() -> None:
    heads = [Cell("string", name) for name in HEADS]
    assert not office.judge(KINDS, iter([HEADS, WROTE, WROTE]), iter([heads, RIGHT])).ok
    assert not office.judge(KINDS, iter([HEADS, WROTE]), iter([heads, RIGHT, RIGHT])).ok


def test_that_repeated_rows_and_cells_of_the_file_are_all_read(tmp_path: Path) -> None:
    flat = tmp_path / "flat.fods"
    spaces = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for short, name in (("office", "office"), ("table", "table"), ("text", "text"))
    )
    flat.write_text(
        f"""<office:document {spaces}><table:table><table:table-row table:number-rows-repeated="2">
        <table:table-cell office:value-type="string" table:number-columns-repeated="2"><text:p>a<text:tab/></text:p>
        </table:table-cell>
        <table:table-cell office:value-type="float" office:value="2" table:formula="of:=1+1"><text:p>2</text:p></table:table-cell>
        </table:table-row><table:table-row table:number-rows-repeated="900000"><table:table-cell
        table:number-columns-repeated="16384"/></table:table-row></table:table></office:document>"""
    )
    row = [Cell("string", "a\t"), Cell("string", "a\t"), Cell("float", "2", formula=True)]
    assert list(office.cells(flat)) == [row, row]


def test_that_without_libreoffice_or_a_superuser_the_command_says_so(
    db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office, "program", lambda: None)
    with pytest.raises(CommandError, match="LibreOffice is not installed"):
        call_command("check_spreadsheets")
    monkeypatch.setattr(office, "program", lambda: "/bin/true")
    with pytest.raises(CommandError, match="no superuser"):
        call_command("check_spreadsheets")


@pytest.mark.skipif(office.program() is None, reason="LibreOffice is not installed")
def test_that_libreoffice_opens_our_files_right_and_runs_nothing(
    db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "STEP", 60)
    filling.fill(60)
    get_user_model().objects.create_superuser("boss")
    call_command("check_spreadsheets", "--json", stdout=(out := StringIO()))
    said = json.loads(out.getvalue())
    assert said["ok"] and said["files"]["orders.xlsx"]["rows"] == said["files"]["orders.csv"]["rows"] == 60
    assert said["files"]["nasty.csv"]["long_numbers_as_text"] == 4
    assert said["files"]["nasty.xlsx"]["rows"] == len(check_spreadsheets.NASTY)
    assert all(one["formulas"] == 0 and one["dates"] for one in said["files"].values())
