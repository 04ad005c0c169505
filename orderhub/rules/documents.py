"""JDM documents written by code: the shipped policies and tests say a decision table in a few lines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.utils import translation

from orderhub.dotted import resolve

Cells = Sequence[str]


def table(
    name: str,
    inputs: Sequence[tuple[str, str]],
    outputs: Sequence[tuple[str, str]],
    rows: Sequence[tuple[str, Cells, Cells]],
) -> dict[str, Any]:
    """A document of one decision table, first match wins.

    `inputs` and `outputs` are (field code, heading); a row is (its id, a condition a column, an expression a
    column): "" is "any" among conditions and "says nothing" among answers.
    """
    heads_in = [{"id": f"in_{code}", "name": head, "field": code} for code, head in inputs]
    heads_out = [{"id": f"out_{code}", "name": head, "field": code} for code, head in outputs]
    rules = [
        {
            "_id": row_id,
            **{head["id"]: cell for head, cell in zip(heads_in, conditions, strict=True)},
            **{head["id"]: cell for head, cell in zip(heads_out, answers, strict=True)},
        }
        for row_id, conditions, answers in rows
    ]
    content = {"hitPolicy": "first", "inputs": heads_in, "outputs": heads_out, "rules": rules}
    return chain([{"id": "table", "type": "decisionTableNode", "name": name, "content": content}])


def chain(nodes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A document whose nodes follow one another between the input and the output."""
    every = [
        {"id": "input", "type": "inputNode", "name": "input"},
        *nodes,
        {"id": "output", "type": "outputNode", "name": "output"},
    ]
    placed = [{**node, "position": {"x": 80 + 320 * i, "y": 160}} for i, node in enumerate(every)]
    edges = [
        {"id": f"{one['id']}-{other['id']}", "type": "edge", "sourceId": one["id"], "targetId": other["id"]}
        for one, other in pairwise(every)
    ]
    return {"nodes": placed, "edges": edges}


def shipped(name: str) -> Any:
    """The document behind a policy's dotted name, its headings in the house's language whoever asks."""
    with translation.override(settings.LANGUAGE_CODE):
        return resolve(name)()


def digest(document: Any) -> str:
    """SHA-256 of the document in one canonical writing: equal documents, equal digests."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
