"""Rules as plain tables and as Excel files: what is changed there is changed in the document, and nothing else."""

from __future__ import annotations

import copy
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from orderhub.rules import checking, engine, sheets, tables
from orderhub.rules.tests.toy import TOY, plain


def told(document: Any) -> list[dict[str, Any]]:
    """The tables as the page sends them."""
    return [
        {
            "node": t.node,
            "inputs": [{"id": c.id, "field": c.field} for c in t.inputs],
            "outputs": [{"id": c.id, "field": c.field} for c in t.outputs],
            "rows": [{"id": identity, "cells": dict(cells)} for identity, cells in t.rows],
        }
        for t in tables.tables(document)
    ]


def test_that_what_is_sent_unchanged_changes_nothing() -> None:
    assert tables.with_tables(TOY, plain(), told(plain())) == plain()


def test_that_a_row_a_column_and_a_figure_are_written(toy: None) -> None:
    document = plain()
    document["nodes"].insert(
        2,
        {"id": "x", "type": "expressionNode", "name": "more", "position": {"x": 0, "y": 0},
         "content": {"expressions": [{"id": "e1", "key": "why", "value": "'because'"}], "passThrough": True}},
    )  # fmt: skip
    sent = told(document)
    sent[0]["inputs"].append({"id": "in_night", "field": "night"})
    sent[0]["rows"].insert(0, {"id": "", "cells": {"in_night": "true", "in_town": "'余杭'", "out_fee": "9"}})
    sent[1]["rows"][0]["cells"]["e1"] = "'another'"
    made = tables.with_tables(TOY, document, sent)
    table = made["nodes"][1]["content"]
    assert [head["field"] for head in table["inputs"]] == ["amount", "town", "night"]
    assert table["rules"][0]["in_town"] == "'余杭'" and table["rules"][0]["_id"]
    assert [rule["_id"] for rule in table["rules"][1:]] == ["dear", "far", "rest"]
    assert made["nodes"][2]["content"]["expressions"][0]["value"] == "'another'"
    assert document == {**document} and len(plain()["nodes"][1]["content"]["rules"]) == 3


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t[0].update(node="elsewhere"),
        lambda t: t[0].update(inputs="none"),
        lambda t: t[0]["inputs"].append({"id": "x", "field": "no_such_field"}),
        lambda t: t[0]["inputs"].append({"id": "out_fee", "field": "pieces"}),
        lambda t: t[0]["rows"].append("row"),
        lambda t: t[0]["rows"].append({"id": "r", "cells": {"in_town": "x" * 3000}}),
        lambda t: t[0].update(rows=[{"id": str(n), "cells": {}} for n in range(6000)]),
    ],
)
def test_that_what_is_no_table_of_the_document_is_refused(spoil: Any) -> None:
    sent = told(plain())
    spoil(sent)
    with pytest.raises(tables.BadTable):
        tables.with_tables(TOY, plain(), sent)


def test_that_a_file_brought_back_as_it_was_changes_nothing(toy: None) -> None:
    document = plain()
    back = tables.with_tables(TOY, document, sheets.read(TOY, document, sheets.write(TOY, document)))
    assert back == document


def test_that_a_file_changed_in_excel_is_read_as_a_person_wrote_it(toy: None) -> None:
    document = plain()
    book = load_workbook(io.BytesIO(sheets.write(TOY, document)))
    sheet = book["cover"]
    assert sheet["C3"].value == "余杭、临安", "texts stand without quotes"
    assert sheet["B2"].value == "> 200" and sheet["E2"].value == "ƒ amount / 100"
    sheet["B2"] = "≥ 150"
    sheet["C3"] = "余杭，萧山"
    sheet["E3"] = 4
    sheet.append(["", "10~20", "上城", "是", 2, "buyer"])
    out = io.BytesIO()
    book.save(out)
    made = tables.with_tables(TOY, document, sheets.read(TOY, document, out.getvalue()))
    rules = made["nodes"][1]["content"]["rules"]
    assert rules[0]["in_amount"] == ">= 150"
    assert (rules[1]["in_town"], rules[1]["out_fee"]) == ("'余杭', '萧山'", "4")
    assert (rules[3]["in_amount"], rules[3]["in_town"], rules[3]["out_insure"], rules[3]["out_who"]) == (
        "[10..20]", "'上城'", "true", "'buyer'",
    )  # fmt: skip
    assert not checking.check("toy", made)


@pytest.mark.parametrize(("place", "value", "named"), [("B3", "many", "B3"), ("D2", "perhaps", "D2")])
def test_that_a_cell_that_cannot_be_read_is_named(toy: None, place: str, value: str, named: str) -> None:
    book = load_workbook(io.BytesIO(sheets.write(TOY, plain())))
    book["cover"][place] = value
    out = io.BytesIO()
    book.save(out)
    with pytest.raises(sheets.BadSheet, match=named):
        sheets.read(TOY, plain(), out.getvalue())


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04", b"a,b\n1,2", b"x" * 6_000_000])
def test_that_what_is_no_file_of_ours_is_refused(raw: bytes) -> None:
    with pytest.raises(sheets.BadSheet):
        sheets.read(TOY, plain(), raw)


def test_that_a_cell_that_excel_would_calculate_stays_text(toy: None) -> None:
    document = plain()
    document["nodes"][1]["content"]["rules"][1]["in_town"] = "'=HYPERLINK(1)', '123456789012345678'"
    sheet = load_workbook(io.BytesIO(sheets.write(TOY, document)))["cover"]
    assert sheet["C3"].data_type == "s" and sheet["C3"].value == "=HYPERLINK(1)、123456789012345678"


TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="'\"、，,;；[]"),
    min_size=1,
    max_size=12,
)
TOWNS = st.lists(TEXTS.map(str.strip).filter(bool), min_size=1, max_size=3)
CELLS = {
    "in_amount": st.one_of(
        st.sampled_from(["", "[1..5]"]),
        st.integers(-999, 9999).map(str),
        st.integers(0, 99).map(lambda n: f"> {n}"),
    ),
    "in_town": st.one_of(st.just(""), TOWNS.map(lambda texts: ", ".join(f"'{text}'" for text in texts))),
    "out_insure": st.sampled_from(["", "true", "false", "amount > 3"]),
    "out_fee": st.one_of(st.just(""), st.integers(0, 999).map(str), st.just("amount / 100")),
    "out_who": st.sampled_from(["", "'house'", "'buyer'"]),
}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=6))
def test_that_any_table_survives_the_way_through_excel(rows: list[dict[str, str]]) -> None:
    document = copy.deepcopy(plain())
    document["nodes"][1]["content"]["rules"] = [{"_id": f"r{n}", **cells} for n, cells in enumerate(rows)]
    back = tables.with_tables(TOY, document, sheets.read(TOY, document, sheets.write(TOY, document)))
    kept = [
        rule
        for rule in document["nodes"][1]["content"]["rules"]
        if any(v for k, v in rule.items() if k != "_id")
    ]
    found = [
        rule for rule in back["nodes"][1]["content"]["rules"] if any(v for k, v in rule.items() if k != "_id")
    ]
    assert [{**r, "_id": 0} for r in found] == [{**r, "_id": 0} for r in kept]


def test_that_the_document_still_decides(toy: None) -> None:
    sent = told(plain())
    sent[0]["rows"][0]["cells"]["in_amount"] = "> 40"
    made = tables.with_tables(TOY, plain(), sent)
    answer = engine.evaluate("toy", made, [{"amount": 50}])[0].answer
    assert answer is not None and answer["insure"] is True
