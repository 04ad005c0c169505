"""Numbers and limits told to a channel whose calls take the SKUs of one item only: several such calls side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from orderhub.integrations.errors import PlatformError
from orders.providers.channel import IN_AUDIT, Showing

THREADS = 4


def item_by_item(
    api: Any, rows: Sequence[Showing], most: int, tell: Callable[[Any, str, Mapping[str, int]], None]
) -> dict[str, PlatformError]:
    """`tell(client, item, {SKU: number})` with at most `most` SKUs of one item a call; {SKU: why not}.

    A call of several SKUs that the channel refuses is made again SKU by SKU: one of them need not stop the others.
    """
    items: dict[str, list[Showing]] = {}
    for row in rows:
        items.setdefault(row.item, []).append(row)
    parts = [mine[start : start + most] for mine in items.values() for start in range(0, len(mine), most)]
    failed = _told(api, parts, tell)
    alone = [
        [row] for n, error in failed if error.kind == "business" and len(parts[n]) > 1 for row in parts[n]
    ]
    told_apart = {row.sku for part in alone for row in part}
    errors = {row.sku: error for n, error in failed for row in parts[n] if row.sku not in told_apart}
    return errors | {alone[n][0].sku: error for n, error in _told(api, alone, tell)}


def _told(
    api: Any, parts: Sequence[Sequence[Showing]], tell: Callable[[Any, str, Mapping[str, int]], None]
) -> list[tuple[int, PlatformError]]:
    def one(client: Any, name: str) -> None:
        part = parts[int(name)]
        tell(client, part[0].item, {row.sku: row.number for row in part})

    if len(parts) == 1:
        # No pool for a single call, and its session may be refreshed on the way.
        try:
            one(api, "0")
        except PlatformError as error:
            return [(0, error)]
        return []
    found = api.read_many([str(n) for n in range(len(parts))], one, THREADS)
    return [(int(name), error) for name, error in found.items() if isinstance(error, PlatformError)]


def limit_unless_audited(api: Any, item: str, pieces: int, audited: str) -> None:
    """Set an item's purchase limit; `IN_AUDIT` where the channel's code ends as it does while the item is audited."""
    try:
        api.set_limit(item, pieces)
    except PlatformError as error:
        if not error.code.endswith(audited):
            raise
        raise PlatformError("business", IN_AUDIT, error.message) from error
