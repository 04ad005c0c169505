"""A document as a graph of nodes: which kinds there are, that nothing goes round, and what comes together where.

Nodes that are read: input, output, decision table (first match), expressions, switch; a function node only for those
who may, and then nothing behind it can be foreseen. Sub-decisions are refused: a decision that calls decisions can
call itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from django.utils.translation import gettext as _

from orderhub.rules.points import Point
from orderhub.rules.proving import Kind

KINDS = ("inputNode", "outputNode", "decisionTableNode", "expressionNode", "switchNode", "functionNode")
NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*\Z")
#: More than this is no rule that anybody keeps in mind.
MOST_NODES, MOST_ROWS = 200, 5_000
MOST_FAULTS = 50


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong: the node's name, the cell ("row 2, “amount”"; "" = the node itself), a sentence that names both."""

    node: str
    cell: str
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """One way in which a field gets its value, and where."""

    kind: Kind
    node: str
    cell: str


Fields = dict[str, list[Said]]


class Unfit(Exception):
    """The document is no graph of ours."""


@dataclass
class Shape:
    """Nodes by id in an order in which each comes after those it needs."""

    spec: Point
    nodes: dict[str, dict[str, Any]]
    edges: list[tuple[str, str, str]]  # from, handle, to
    faults: list[Fault]
    order: list[str] = field(default_factory=list)
    #: False where a function node decides: its answers can't be foreseen
    foreseen: bool = True
    #: names that some cell reads
    read: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, spec: Point, document: Any, functions: bool) -> Self:
        """The graph, with the faults of its shape; without any it can be walked."""
        graph = cls(spec, {}, [], [])
        try:
            graph._take(document)
        except (Unfit, TypeError, AttributeError, KeyError) as error:
            text = (
                str(error)
                if isinstance(error, Unfit)
                else _("This is no decision: its parts are not where they belong.")
            )
            graph.faults.append(Fault("", "", text))
            return graph
        graph._shape(functions)
        return graph

    def _take(self, document: Any) -> None:
        if (
            not isinstance(document, Mapping)
            or not isinstance(document.get("nodes"), list)
            or not document["nodes"]
        ):
            raise Unfit(_("This is no decision: it has no nodes."))
        if len(document["nodes"]) > MOST_NODES:
            raise Unfit(_("There are more than %(most)s nodes.") % {"most": MOST_NODES})
        for node in document["nodes"]:
            if not isinstance(node["id"], str) or node["id"] in self.nodes:
                raise Unfit(_("Two nodes have the same number."))
            self.nodes[node["id"]] = node
        for edge in document.get("edges", []):
            source, target = edge["sourceId"], edge["targetId"]
            if source not in self.nodes or target not in self.nodes:
                raise Unfit(_("A connection leads to a node that is not there."))
            self.edges.append((source, str(edge.get("sourceHandle") or ""), target))

    def name(self, node: str) -> str:
        return str(self.nodes[node].get("name") or node) if node in self.nodes else node

    def fault(self, node: str, cell: str, why: str) -> Fault:
        """The sentence: node, cell, why."""
        name = self.name(node)
        head = "".join([f"“{name}”" if name else "", f" {cell}" if cell else ""])
        return Fault(
            name, cell, _("%(where)s: %(why)s.") % {"where": head, "why": why} if head else f"{why}."
        )

    def _shape(self, functions: bool) -> None:
        kinds = [str(node.get("type")) for node in self.nodes.values()]
        for kind, words in (
            ("inputNode", _("There must be exactly one input node.")),
            ("outputNode", _("There must be exactly one output node, else nothing is answered.")),
        ):
            if kinds.count(kind) != 1:
                self.faults.append(Fault("", "", words))
        for identity, node in self.nodes.items():
            why = self._misplaced(str(node.get("type")), node, functions)
            if why:
                self.faults.append(self.fault(identity, "", why))
        if not self.faults:
            self._sort()

    def _misplaced(self, kind: str, node: Mapping[str, Any], functions: bool) -> str:
        """Why this node can't be used; "" where it can."""
        if kind == "decisionNode":
            return _("a decision can't call another decision: it could go round in a loop")
        if kind not in KINDS:
            return _("this kind of node can't be used here")
        if kind == "functionNode":
            self.foreseen = False
            return "" if functions else _("function nodes (JavaScript) are only for those who may write them")
        if kind not in ("inputNode", "outputNode") and not isinstance(node.get("content"), Mapping):
            return _("the node is empty")
        return ""

    def _sort(self) -> None:
        """Cycles, and nodes that nothing leads to."""
        waiting = dict.fromkeys(self.nodes, 0)
        for _source, _handle, target in self.edges:
            waiting[target] += 1
        free = [identity for identity, count in waiting.items() if count == 0]
        while free:
            at = free.pop()
            self.order.append(at)
            for source, _handle, target in self.edges:
                if source == at:
                    waiting[target] -= 1
                    if waiting[target] == 0:
                        free.append(target)
        for identity in self.nodes:
            if identity not in self.order:
                self.faults.append(self.fault(identity, "", _("the connections go round in a loop")))
        reached = {identity for identity in self.order if self.nodes[identity]["type"] == "inputNode"}
        for at in self.order:
            reached |= {target for source, _handle, target in self.edges if source == at and at in reached}
        for identity in self.order:
            if identity not in reached:
                self.faults.append(self.fault(identity, "", _("nothing leads to this node")))

    def _merged(self, identity: str, given: dict[str, Fields], sure: dict[str, bool]) -> tuple[Fields, bool]:
        """The fields that come together at a node, and whether it is reached in every case."""
        sources = [(source, handle) for source, handle, target in self.edges if target == identity]
        steady = {s for s, _h in sources if sure[s] and self.nodes[s]["type"] != "switchNode"}
        merged: Fields = {}
        for source, _handle in dict.fromkeys(sources):
            for code, every in given[source].items():
                merged.setdefault(code, []).extend(one for one in every if one not in merged.get(code, []))
        before = {source for source, _handle in sources}
        for code, every in merged.items():
            certain = {
                s for s in before if code in given[s] and not any(o.kind.missing for o in given[s][code])
            }
            if certain == before or certain & steady:
                merged[code] = [Said(replace(one.kind, missing=False), one.node, one.cell) for one in every]
            else:
                merged[code] = [maybe(one) for one in every]
        return merged, bool(steady) or any(self._covers(s, identity) for s in self.nodes if sure.get(s))

    def _covers(self, switch: str, target: str) -> bool:
        """Whether whatever way a switch takes, it comes to this node."""
        node = self.nodes[switch]
        if node["type"] != "switchNode":
            return False
        statements = node["content"].get("statements", [])
        if not any(not str(s.get("condition") or "").strip() or s.get("isDefault") for s in statements):
            return False
        return all(self._leads(switch, str(s.get("id")), target) for s in statements)

    def _leads(self, source: str, handle: str, target: str) -> bool:
        """Whether this branch comes to the node by a way that no further switch can leave."""
        reached = {t for s, h, t in self.edges if s == source and h == handle}
        for at in self.order:
            if at in reached and self.nodes[at]["type"] != "switchNode":
                reached |= {t for s, _h, t in self.edges if s == at}
        return target in reached


def maybe(one: Said) -> Said:
    return Said(replace(one.kind, missing=True), one.node, one.cell)
