"""Lists turn pages without counting: one row more than the page tells whether there is a next one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.paginator import Page, PageNotAnInteger, Paginator
from django.utils.functional import cached_property

#: What stands for "many": the changelist only compares it with its limits and never shows it.
MANY = 1_000_000_000
DEEPEST = 200


class NextPage(Page):
    """A page that knows whether another one follows, because one row too many was read."""

    def __init__(self, rows: list[Any], number: int, paginator: NextPaginator, more: bool) -> None:
        super().__init__(rows, number, paginator)
        self.more = more

    def has_next(self) -> bool:
        return self.more


class NextPaginator(Paginator):
    """Previous and next over a query, no COUNT; at most DEEPEST pages, further on a filter helps."""

    template_name = "orderhub/next_page.html"

    @cached_property
    def count(self) -> int:
        return MANY

    @cached_property
    def num_pages(self) -> int:
        return DEEPEST

    def page(self, number: Any) -> NextPage:
        """The rows of a page; a number that is none, or out of range, is the first or the deepest page."""
        try:
            wanted = min(max(int(number), 1), DEEPEST)
        except (TypeError, ValueError):
            raise PageNotAnInteger(self.error_messages["invalid_page"]) from None
        start = (wanted - 1) * self.per_page
        rows: Iterable[Any] = self.object_list[start : start + self.per_page + 1]
        read = list(rows)
        return NextPage(read[: self.per_page], wanted, self, len(read) > self.per_page and wanted < DEEPEST)
