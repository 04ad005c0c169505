"""Who makes labels: one line a service; the parcel keeps its word. A channel names its service for masked receivers."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from orderhub.dotted import resolve

_AT = "logistics.providers.labels."


class Entry(NamedTuple):
    """`name` for people, `by` the dotted name of the service's class."""

    name: Any
    by: str


LABELS: dict[str, Entry] = {
    "cainiao": Entry(_("Cainiao e-waybill"), _AT + "cainiao.Cainiao"),
    "douyin": Entry(_("Douyin e-waybill"), _AT + "douyin.Douyin"),
    "pinduoduo": Entry(_("Pinduoduo e-waybill"), _AT + "pinduoduo.Pinduoduo"),
    "zto": Entry(_("ZTO e-waybill"), _AT + "zto.Zto"),
}
#: Who labels a receiver whose text we have.
PLAIN = "zto"


def choices() -> list[tuple[str, Any]]:
    """The services as a field's choices; a new one needs no migration."""
    return [(word, entry.name) for word, entry in LABELS.items()]


@cache
def service(word: str) -> Any:
    """The label service of a word (a `LabelService`); KeyError for one that is not built."""
    return resolve(LABELS[word].by)(word)
