"""What a decision point is: a question that an app asks, with typed inputs and outputs and the policies it ships with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

#: Numbers beyond this are not told apart: the engine counts in decimals of 28 digits, and money and minutes fit well.
LARGEST = 1e12
#: What stands for "not known" where a field names nothing else.
NOTHING: dict[str, Any] = {"text": "", "number": 0, "bool": False, "choice": "", "list": []}


@dataclass(frozen=True, slots=True)
class Field:
    """One input or output. `kind` is text, number, bool, choice or list (of texts).

    `choices` names a function () -> [(value, label)]. `default` of an output is what is answered where the document
    says nothing (None: the document must say it); of an input it is what stands for "not known". `low` and `high`
    bound a number: inputs are brought within them, outputs outside them are a fault.
    """

    code: str
    label: Any
    kind: str
    about: Any = ""
    unit: Any = ""
    choices: str = ""
    default: Any = None
    low: float | None = None
    high: float | None = None

    @property
    def nothing(self) -> Any:
        """What an input is taken for where the caller knows nothing."""
        return NOTHING[self.kind] if self.default is None else self.default

    @property
    def least(self) -> float:
        return -LARGEST if self.low is None else self.low

    @property
    def most(self) -> float:
        return LARGEST if self.high is None else self.high


@dataclass(frozen=True, slots=True)
class Policy:
    """A rule set that ships published as version 1; `document` names a function () -> JDM document."""

    code: str
    label: Any
    about: Any
    document: str


@dataclass(frozen=True)
class Point:
    """A question with its vocabulary. The first policy is the one in use at the beginning.

    Dotted names, all optional: `past` (since, until, ids | None, after_id, limit) -> [Past] in the order of id, queries only (its
    attribute `count`, if it has one, (since, until, ids) -> int, is for the progress bar);
    `effect` ([Past], before, after) -> [Effect]; `words` (answer, matched row or None) -> sentence for the order page.
    `after` is (name of an admin page, its label): what somebody who changed the rules does next for what waits already.
    """

    code: str
    label: Any
    about: Any
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    samples: tuple[dict[str, Any], ...]
    policies: tuple[Policy, ...]
    past: str = ""
    effect: str = ""
    words: str = ""
    after: tuple[str, Any] | None = None

    @cached_property
    def input_of(self) -> dict[str, Field]:
        return {field.code: field for field in self.inputs}

    @cached_property
    def output_of(self) -> dict[str, Field]:
        return {field.code: field for field in self.outputs}

    @cached_property
    def silent(self) -> dict[str, Any]:
        """What is answered where a document says nothing; the outputs that it must say are in it for their place only."""
        return {field.code: field.default for field in self.outputs}

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The outputs that a document must say."""
        return tuple(field.code for field in self.outputs if field.default is None)

    @cached_property
    def policy_of(self) -> dict[str, Policy]:
        return {policy.code: policy for policy in self.policies}


@dataclass(frozen=True, slots=True)
class Past:
    """One decision of the past, for trying a draft: `became` is what happened then, in the point's output words.

    `id` grows and is what pages go by; `order` is the order's id where `id` is another record's (0: there is none).
    Nothing personal may stand here: inputs and labels (the order's number) are kept with the result of a trial.
    """

    id: int
    label: str
    input: dict[str, Any]
    became: dict[str, Any]
    order: int | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """How one past record would go under another version. `cost` in yuan, `promise` in hours, None where unknown."""

    differs: bool
    frm: str
    to: str
    cost: float | None = None
    promise: float | None = None
    note: str = ""
