"""What the apps add to the admin, by dotted name: the ground floor lists it and imports none of it.

A name whose app is not installed here is an error of `manage.py check`, not a hole in a page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from orderhub.dotted import resolve


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of the order's page: `by(order_id, request)` gives {"template": …, …} or None."""

    code: str
    title: Any
    by: str
    permission: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of its own: address under the admin, name of the URL, dotted view."""

    path: str
    name: str
    view: str


@dataclass(frozen=True, slots=True)
class Hit:
    """One line of the global search."""

    title: str
    description: str
    link: str
    icon: str = "search"


@dataclass(frozen=True, slots=True)
class Need:
    """Something that must be there: whether it is, in facts, and where it is set up."""

    label: str
    done: bool
    text: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """What an act on a list must be told: a line of text, a whole number up to `most`, or one of `choices()` (dotted)."""

    code: str
    label: Any
    choices: str = ""
    most: int = 0


@dataclass(frozen=True, slots=True)
class Act:
    """What can be done to many rows of a list: `by(ids, actor, values) -> {id: (kind of result, why)}` of those not done.

    One call a batch, in the caller's transaction; `outside` acts ask others and are called with none open: done twice,
    they must find what is done. `danger` is drawn in red; more records than `most` are refused (0: the house's bound).
    """

    code: str
    label: Any
    by: str
    permission: str
    asks: tuple[Ask, ...] = ()
    danger: bool = False
    outside: bool = False
    most: int = 0


_WHY = Ask("why", _("reason"))
#: What can be done to many rows at once, by the list's model.
ACTS: dict[str, tuple[Act, ...]] = {
    "orders.order": (
        Act("hold", _("Hold"), "orders.operations.bulk.hold", "orders.add_hold", (_WHY,)),
        Act(
            "release_hold", _("Release a hold"), "orders.operations.bulk.release", "orders.change_hold",
            (Ask("type", _("hold"), "orders.operations.bulk.hold_types"), _WHY),
        ),
        Act("tag", _("Add a tag"), "orders.operations.bulk.tag", "orders.change_order", (Ask("tag", _("tag")),)),
        Act("untag", _("Remove a tag"), "orders.operations.bulk.untag", "orders.change_order", (Ask("tag", _("tag")),)),
        Act(
            "priority", _("Set the priority"), "orders.operations.bulk.prioritise", "orders.change_order",
            (Ask("priority", _("priority, 0 to 9"), most=9),),
        ),
        Act("reroute", _("Route again"), "routing.operations.reroute.in_bulk", "routing.add_override", (_WHY,)),
        Act("merge", _("Ship together"), "logistics.operations.listed.merge", "orders.change_order", outside=True, most=200),
        Act(
            "split", _("Put one SKU in a parcel of its own"), "logistics.operations.listed.split", "orders.change_order",
            (Ask("sku", _("SKU")),), most=200,
        ),
        Act("cancel", _("Cancel"), "orders.operations.bulk.cancel", "orders.change_order", (_WHY,), danger=True),
    ),
}  # fmt: skip

#: What the modules page asks the apps: `by(request)` gives [Need] in order; {module: [Need]}; {module: orders waiting}.
FIRST_RUN: tuple[str, ...] = ("orders.admin.first_run.steps",)
MODULE_NEEDS: tuple[str, ...] = ("orders.admin.first_run.needs", "routing.admin.panels.needs")
MODULE_WAITING: tuple[str, ...] = ("orders.admin.first_run.waiting",)

ORDER_PANELS: tuple[Panel, ...] = (
    Panel("swap", _("What may go instead"), "orders.admin.swap.panel", "orders.view_order"),
    Panel("parcels", _("Parcels and tracking"), "logistics.admin.panels.parcels", "logistics.view_parcel"),
    Panel("together", _("Ships together or apart"), "logistics.admin.together.panel", "orders.view_order"),
    Panel("route", _("Why it goes there"), "routing.admin.panels.explanation", "routing.view_decision"),
    Panel(
        "rules", _("Rules that changed something"), "orderhub.admin.rules_panel.panel", "orders.view_order"
    ),
    Panel("steps", _("Time between touchpoints"), "orders.admin.waterfall.panel", "orders.view_order"),
    Panel("cases", _("After-sale"), "orders.admin.case.panel", "orders.view_case"),
    Panel("money", _("Invoice and receivable"), "finance.admin.panels.money", "finance.view_receivable"),
)

#: `find(text, request) -> list[Hit]`, at most ten each, in this order.
SEARCH: tuple[str, ...] = (
    "orders.admin.search.find",
    "inventory.admin.search.find",
    "orderhub.admin.search.find",
)

#: `find(words) -> {word: order ids}` for words that an app above knows orders by (waybill numbers).
ORDERS_BEHIND: tuple[str, ...] = ("logistics.queries.orders_of_waybills",)
#: `by(order ids) -> {order id: [texts]}`, shown in the order list.
WAYBILLS = "logistics.queries.waybills"

#: `by(order ids) -> {order id: number}`, for lists of the ground floor that speak of orders.
ORDER_NUMBERS = "orders.admin.search.numbers"

#: `by() -> {warehouse's code: orders that it refused lately}`.
REFUSALS = "orders.queries.refusals"

#: `by(our order numbers) -> {number: order id}`, for numbers that are pasted.
ORDER_IDS = "orders.queries.ids_of_numbers"

#: `by(request) -> dict` with `title`, `template` and what the template shows, in the order of the screen.
DASHBOARD: tuple[str, ...] = (
    "orders.admin.board.attention",
    "orders.admin.order_board.block",
    "orders.admin.board.life_line",
    "orderhub.admin.board.tickets",
    "orders.admin.board.sync",
)

PAGES: tuple[Page, ...] = (
    Page("imports/", "imports", "orderhub.admin.imports.page"),
    Page("imports/bring/", "imports_bring", "orderhub.admin.imports.bring"),
    Page("imports/<str:what>/export/", "imports_export", "orderhub.admin.imports.export"),
    Page("imports/<int:file_id>/", "imports_one", "orderhub.admin.imports.one"),
    Page("imports/<int:file_id>/apply/", "imports_apply", "orderhub.admin.imports.apply_now"),
    Page("imports/<int:file_id>/drop/", "imports_drop", "orderhub.admin.imports.drop_now"),
    Page("imports/<int:file_id>/refused/", "imports_refused", "orderhub.admin.imports.refused"),
    Page("work/", "bulk_jobs", "orderhub.admin_site.bulk_pages.mine"),
    Page("work/<int:job_id>/", "bulk_job", "orderhub.admin_site.bulk_pages.job"),
    Page("work/<int:job_id>/part/", "bulk_part", "orderhub.admin_site.bulk_pages.part"),
    Page("work/<int:job_id>/do/<slug:what>/", "bulk_do", "orderhub.admin_site.bulk_pages.do"),
    Page("exports/", "exports", "orders.admin.exports.page"),
    Page("exports/progress/", "exports_progress", "orders.admin.exports.progress"),
    Page("exports/begin/", "exports_begin", "orders.admin.exports.begin"),
    Page("exports/<int:job_id>/stop/", "exports_stop", "orders.admin.exports.stop"),
    Page("exports/<int:job_id>/file/", "exports_download", "orders.admin.exports.download"),
    Page("board/", "board", "orders.admin.order_board.page"),
    Page("board/part/", "board_part", "orders.admin.order_board.part"),
    Page("waterfall/", "waterfall", "orders.admin.waterfall.page"),
    Page("exports/plain/", "plain", "orders.admin.plain.page"),
    Page("exports/plain/ask/", "plain_ask", "orders.admin.plain.ask"),
    Page("exports/plain/<int:plain_id>/decide/", "plain_decide", "orders.admin.plain.decide"),
    Page("reports/", "reports", "orders.admin.reports.first"),
    Page("reports/<slug:code>/", "report", "orders.admin.reports.page"),
    Page("reports/<slug:code>/save/", "report_save", "orders.admin.reports.save"),
    Page("reports/<slug:code>/file/", "report_write", "orders.admin.reports.write"),
    Page("reports/saved/<int:saved_id>/forget/", "report_forget", "orders.admin.reports.forget"),
    Page("blacklist/", "blacklist", "orders.admin.blacklist.page"),
    Page("blacklist/<int:entry_id>/remove/", "blacklist_remove", "orders.admin.blacklist.remove"),
    Page("sync/", "sync_health", "orders.admin.sync.health"),
    Page("sync/<int:shop_id>/pull/", "sync_pull", "orders.admin.sync.pull_now"),
    Page("sync/<int:shop_id>/backfill/", "backfill_begin", "orders.admin.backfill.begin"),
    Page("sync/jobs/<int:job_id>/stop/", "backfill_stop", "orders.admin.backfill.stop"),
    Page("sync/jobs/<int:job_id>/go-on/", "backfill_go_on", "orders.admin.backfill.go_on"),
    Page("bells/", "bells", "orderhub.admin.bells.page"),
    Page("bells/read/", "bells_read", "orderhub.admin.bells.read"),
    Page("wording/preview/", "wording_preview", "orderhub.admin.notice.preview_now"),
    Page("webhooks/<int:endpoint_id>/secret/", "webhook_secret", "orderhub.admin.webhook.secret"),
    Page("webhooks/<int:endpoint_id>/replay/", "webhook_replay", "orderhub.admin.webhook.replay"),
    Page("modules/", "modules", "orderhub.admin.modules.switches"),
    Page("oauth/callback/", "oauth_callback", "orderhub.admin.oauth.callback"),
    Page("oauth/<int:connection_id>/connect/", "oauth_connect", "orderhub.admin.oauth.connect"),
    Page("outbox/<int:message_id>/retry/", "outbox_retry", "orderhub.admin.message.retry_now"),
    Page("payloads/<int:payload_id>/replay/", "payload_replay", "orderhub.admin.payload.replay_now"),
    Page("stock/<int:sku_id>/", "stock_sku", "inventory.admin.shelf.page"),
    Page("stock/<int:sku_id>/count/", "stock_count", "inventory.admin.shelf.count_now"),
    Page("stock/<int:sku_id>/move/", "stock_move", "inventory.admin.shelf.move_now"),
    Page("stock/<int:sku_id>/hold/", "stock_hold", "inventory.admin.shelf.hold_now"),
    Page("stock/<int:sku_id>/let-go/<uuid:reference>/", "stock_let_go", "inventory.admin.shelf.let_go_now"),
    Page("swap/<uuid:line>/<int:sku_id>/", "swap_line", "orders.admin.swap.swap"),
    Page("together/", "together", "logistics.admin.together.page"),
    Page("together/merge/", "together_merge", "logistics.admin.together.merge"),
    Page("together/<int:merge_id>/undo/", "together_undo", "logistics.admin.together.undo_merge"),
    Page("split/<int:order_id>/", "split_divide", "logistics.admin.together.divide"),
    Page("split/<int:order_id>/undo/", "split_undo", "logistics.admin.together.undo_split"),
    Page("split/<int:order_id>/allow/", "split_allow", "logistics.admin.together.allow"),
    Page("logistics/station/", "pack_station", "logistics.admin.station.station"),
    Page("review/", "address_review", "routing.admin.review.page"),
    Page("review/next/", "review_next", "routing.admin.review.upcoming"),
    Page("review/<int:item_id>/decide/", "review_decide", "routing.admin.review.decide"),
    Page("review/<int:item_id>/skip/", "review_skip", "routing.admin.review.skip"),
    Page("review/<int:item_id>/search/", "review_search", "routing.admin.review.search"),
    Page("review/<int:item_id>/mean/", "review_mean", "routing.admin.review.mean"),
    Page("review/reveal/<int:order_id>/", "review_reveal", "routing.admin.review.reveal"),
    Page("review/undo/", "review_undo", "routing.admin.review.undo"),
    Page("review/renew/", "review_renew", "routing.admin.review.renew"),
    Page("review/leave/", "review_leave", "routing.admin.review.leave"),
    Page("review/bulk/", "review_bulk", "routing.admin.review.bulk_preview"),
    Page("review/bulk/accept/", "review_bulk_accept", "routing.admin.review.bulk_accept"),
    Page("review/bulk/undo/", "review_bulk_undo", "routing.admin.review.bulk_undo"),
    Page("review/quality/", "address_quality", "routing.admin.quality.page"),
    Page("stock/board/", "shown_board", "inventory.admin.board.page"),
    Page("stock/board/<int:sku_id>/", "shown_sku", "inventory.admin.board.one"),
    Page("stock/board/suppliers/<int:supplier_id>/take/", "shown_take", "inventory.admin.board.take"),
    Page("rules/complaints/", "complaints", "orders.admin.complaints.page"),
    Page("rules/complaints/word/", "complaints_word", "orders.admin.complaints.save_word"),
    Page("rules/complaints/<int:word_id>/draft/", "complaints_draft", "orders.admin.complaints.draft"),
    Page("rules/complaints/bring/", "complaints_bring", "orders.admin.complaints.bring"),
    Page("rules/complaints/bring/<int:file_id>/", "complaints_take", "orders.admin.complaints.take"),
    Page("rules/", "rules", "orderhub.admin.rules.overview"),
    Page("rules/<slug:code>/", "rules_point", "orderhub.admin.rules.point"),
    Page("rules/<slug:code>/do/<slug:what>/", "rules_act", "orderhub.admin.rules.act"),
    Page("rules/version/<int:version_id>/file/", "rules_file", "orderhub.admin.rules.file"),
    Page("rules/version/<int:version_id>/table/", "rules_table", "orderhub.admin.rules_edit.table"),
    Page("rules/version/<int:version_id>/canvas/", "rules_canvas", "orderhub.admin.rules_edit.canvas"),
    Page("rules/version/<int:version_id>/save/", "rules_save", "orderhub.admin.rules_edit.save"),
    Page("rules/version/<int:version_id>/run/", "rules_run", "orderhub.admin.rules_edit.run"),
    Page("rules/version/<int:version_id>/sheet/", "rules_sheet", "orderhub.admin.rules_sheet.download"),
    Page(
        "rules/version/<int:version_id>/sheet/bring/", "rules_bring_sheet", "orderhub.admin.rules_sheet.bring"
    ),
    Page("rules/version/<int:version_id>/try/", "rules_try", "orderhub.admin.rules_try.page"),
    Page(
        "rules/version/<int:version_id>/try/progress/",
        "rules_try_progress",
        "orderhub.admin.rules_try.progress",
    ),
    Page("rules/version/<int:version_id>/try/begin/", "rules_try_begin", "orderhub.admin.rules_try.begin"),
    Page("rules/version/<int:version_id>/try/stop/", "rules_try_stop", "orderhub.admin.rules_try.stop"),
    Page(
        "rules/version/<int:version_id>/try/<int:place>/",
        "rules_try_sample",
        "orderhub.admin.rules_try.sample",
    ),
    Page("rules/version/<int:version_id>/cases/add/", "rules_case_add", "orderhub.admin.rules_try.add_case"),
    Page(
        "rules/version/<int:version_id>/cases/<int:case_id>/drop/",
        "rules_case_drop",
        "orderhub.admin.rules_try.drop_case",
    ),
    Page("payloads/<int:payload_id>/raw/", "payload_raw", "orderhub.admin.payload.raw"),
)

#: `by(references, user) -> {reference: (order's number, its link)}`: whose goods a reservation is, where the person may know.
HELD_FOR = "orders.admin.search.held_for"

#: What saving a SKU for an unmapped code calls: `(unknown code id, sku id, actor)`; it releases the waiting orders.
MAP_CODE = "orders.operations.mapping.map_code"


def names() -> Iterator[str]:
    """Every dotted name of this file, for the start-up check."""
    yield from (panel.by for panel in ORDER_PANELS)
    yield from SEARCH
    yield from ORDERS_BEHIND
    yield WAYBILLS
    yield ORDER_NUMBERS
    yield ORDER_IDS
    yield from DASHBOARD
    yield from (page.view for page in PAGES)
    yield from (*FIRST_RUN, *MODULE_NEEDS, *MODULE_WAITING)
    yield MAP_CODE
    yield REFUSALS
    for act in (act for acts in ACTS.values() for act in acts):
        yield act.by
        yield from (ask.choices for ask in act.asks if ask.choices)
    yield HELD_FOR


def later(name: str) -> Callable[..., Any]:
    """The function behind a dotted name, found when it is first called."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return resolve(name)(*args, **kwargs)

    return call
