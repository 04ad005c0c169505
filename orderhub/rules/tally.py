"""What trying a draft came to, kept as it grows: how many decisions would differ, from what to what, and at what price.

Simulation and shadow count with this same code, so that their numbers can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from orderhub.rules.points import Effect, Past

#: So many differing decisions are kept whole, to look at with both explanations; one of each kind of change first.
SAMPLES = 60
OF_A_KIND = 6
#: So many kinds of changes are told apart; the rest is counted as one.
KINDS = 200


@dataclass(slots=True)
class Tally:
    """Figures of a trial. `changes` is {(from, to): decisions}, `impossible` {what the draft can't do: decisions}."""

    seen: int = 0
    differing: int = 0
    impossible: int = 0
    cost: Decimal = Decimal(0)
    costed: int = 0
    hours: float = 0.0
    timed: int = 0
    changes: dict[tuple[str, str], int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    samples: list[dict[str, Any]] = field(default_factory=list)

    def add(self, pasts: Sequence[Past], effects: Sequence[Effect | None], errors: Sequence[str]) -> None:
        """Count a page: one effect and one error text ("" = none) for every decision; no effect where it failed."""
        for past, effect, error in zip(pasts, effects, errors, strict=True):
            self.seen += 1
            if effect is None:
                self.impossible += 1
                self._error(past, error)
            elif effect.differs:
                self.differing += 1
                self._change(past, effect)

    def _error(self, past: Past, error: str) -> None:
        if error not in self.errors and len(self.errors) >= KINDS:
            error = "…"
        self.errors[error] = self.errors.get(error, 0) + 1
        if self.errors[error] <= OF_A_KIND:
            self._keep(past, {"error": error})

    def _change(self, past: Past, effect: Effect) -> None:
        if effect.cost is not None:
            self.cost += Decimal(str(effect.cost))
            self.costed += 1
        if effect.promise is not None:
            self.hours += effect.promise
            self.timed += 1
        kind = (effect.frm, effect.to)
        if kind not in self.changes and len(self.changes) >= KINDS:
            kind = ("…", "…")
        self.changes[kind] = self.changes.get(kind, 0) + 1
        if self.changes[kind] <= OF_A_KIND:
            told: dict[str, Any] = {"from": effect.frm, "to": effect.to, "note": effect.note}
            if effect.cost is not None:
                told["cost"] = str(effect.cost)
            if effect.promise is not None:
                told["hours"] = round(effect.promise, 2)
            self._keep(past, told)

    def _keep(self, past: Past, told: dict[str, Any]) -> None:
        if len(self.samples) < SAMPLES:
            self.samples.append(
                {
                    "id": past.id,
                    "order": past.id if past.order is None else past.order,
                    "label": past.label,
                    "input": past.input,
                    **told,
                }
            )

    def as_json(self) -> dict[str, Any]:
        """For a JSON column; `changes` and `errors` as lists, the most frequent first."""
        return {
            "seen": self.seen,
            "differing": self.differing,
            "impossible": self.impossible,
            "cost": str(self.cost),
            "costed": self.costed,
            "hours": round(self.hours, 4),
            "timed": self.timed,
            "changes": [[*kind, n] for kind, n in _by_number(self.changes)],
            "errors": [[text, n] for text, n in _by_number(self.errors)],
            "samples": self.samples,
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any] | None) -> Tally:
        """The other way round; an empty tally of None."""
        if not kept:
            return cls()
        return cls(
            seen=kept["seen"],
            differing=kept["differing"],
            impossible=kept["impossible"],
            cost=Decimal(kept["cost"]),
            costed=kept["costed"],
            hours=kept["hours"],
            timed=kept["timed"],
            changes={(frm, to): n for frm, to, n in kept["changes"]},
            errors={str(text): int(n) for text, n in kept["errors"]},
            samples=list(kept["samples"]),
        )


def _by_number(counted: dict[Any, int]) -> list[tuple[Any, int]]:
    return sorted(counted.items(), key=lambda entry: (-entry[1], entry[0]))
