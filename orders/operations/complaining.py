"""Taking complaints in, counting their words, and drafting a watch rule from one."""

from __future__ import annotations

import copy
import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from orderhub.notifications.asking import notify
from orderhub.rules import publishing
from orderhub.rules.models import RuleSet, Version
from orderhub.scope import reach_of
from orderhub.tickets.opening import open_ticket
from orders.complaints import BadRow, Row, masked, row_of
from orders.models import Complaint, ComplaintWord, Order, Shop
from orders.queries import receivers
from orders.scope import visible_to
from orders.watching import WATCH

WEEKS = 13
A_WEEK = dt.timedelta(days=7)
#: Weeks that are compared on each side of a rule's publication, and what is too little to say anything.
SIDE, FEWEST, FEWEST_ORDERS = 4, 20, 500
#: What the list begins with.
WORDS = (
    ("没发货", ["不发货", "还没发", "迟迟不发"], "ship"),
    ("一直没物流", ["没有物流", "物流不动", "没物流"], "trace"),
    ("发错地址", ["地址错了", "寄错地址"], "address"),
    ("少件", ["少发", "漏发"], "goods"),
    ("破损", ["碎了", "坏了", "压坏"], "goods"),
    ("发错货", ["货不对板", "发错了"], "goods"),
)


def take(rows: Sequence[Row]) -> int:
    """Keep complaints that are not kept yet; returns how many were new. Three statements.

    The receiver's own name is taken out where the order is known and we may read it.
    """
    shops = dict(Shop.objects.values_list("code", "id"))
    asked = {row.order for row in rows if row.order}
    ours = Order.objects.filter(number__in=asked).values_list("shop_id", "number", "id")
    named = Order.objects.filter(channel_number__in=asked).values_list("shop_id", "channel_number", "id")
    known_as = {(shop, number): order_id for shop, number, order_id in [*named, *ours]}
    ids = {row.external_id: known_as.get((shops[row.shop], row.order)) for row in rows}
    known = {
        i: ref.plain.get("name", "")
        for i, ref in receivers([i for i in ids.values() if i]).items()
        if ref.plain
    }
    made = [
        (shops[row.shop], row.external_id, ids[row.external_id], row.rating,
         masked(row.text, [known.get(ids[row.external_id] or 0, "")]), row.said_at)
        for row in rows
    ]  # fmt: skip
    if not made:
        return 0
    columns = [list(column) for column in zip(*made, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO orders_complaint (shop_id, external_id, order_id, rating, text, said_at)
               SELECT DISTINCT ON (v.shop, v.number) v.* FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::smallint[],
                   %s::text[], %s::timestamptz[]) AS v(shop, number, ordered, rating, said, said_at)
               ON CONFLICT (shop_id, external_id) DO NOTHING""",
            columns,
        )
        return int(cursor.rowcount)


def read_rows(given: Sequence[Mapping[str, Any]], user: Any = None) -> tuple[list[Row], list[dict[str, Any]]]:
    """(rows to keep, [{"row", "text"}] of what is wrong with the others, counted from 1).

    With a user, a shop out of their reach is as unknown as one that does not exist.
    """
    shops = within_reach(Shop.objects.values_list("code", flat=True), user)
    rows, faults = [], []
    for place, fields in enumerate(given, 1):
        try:
            rows.append(row_of(fields, shops))
        except BadRow as fault:
            faults.append({"row": place, "text": str(fault)})
    return rows, faults


def within_reach(codes: Iterable[str], user: Any) -> list[str]:
    """Those of the shops' codes that this person works for; all of them without a user."""
    shops = None if user is None else reach_of(user).shops
    return [code for code in codes if shops is None or code in shops]


def seed_words() -> int:
    """The words that the list begins with, where there are none."""
    if ComplaintWord.objects.exists():
        return 0
    made = [ComplaintWord(word=word, synonyms=synonyms, about=about) for word, synonyms, about in WORDS]
    return len(ComplaintWord.objects.bulk_create(made, ignore_conflicts=True))


@dataclass(slots=True)
class Count:
    """How often a word was said: by week (oldest first, the last one is this week), and by channel."""

    word: ComplaintWord
    weeks: list[int]
    channels: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.weeks)

    @property
    def recent(self) -> int:
        """The last seven days."""
        return self.weeks[-1]

    @property
    def trend(self) -> int:
        """The last four weeks against the four before."""
        return sum(self.weeks[-4:]) - sum(self.weeks[-8:-4])


def _pattern(text: str) -> str:
    return "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def counts(
    now: dt.datetime, *, channel: str = "", words: Sequence[ComplaintWord] | None = None, user: Any = None
) -> list[Count]:
    """Every counted word over the last 13 weeks, most frequent first. Two statements; weeks end now.

    With a user, of the complaints that they may read.
    """
    every = list(ComplaintWord.objects.filter(enabled=True)) if words is None else list(words)
    found = {word.id: Count(word, [0] * WEEKS) for word in every}
    pairs = [(word.id, _pattern(text)) for word in every for text in word.every]
    if not pairs:
        return []
    ids, patterns = zip(*pairs, strict=True)
    within, values = _within(user)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT w.id, least(floor(extract(epoch FROM %s - c.said_at) / 604800), %s)::int AS ago, s.channel,
                       count(DISTINCT c.id)
                FROM orders_complaint c JOIN orders_shop s ON s.id = c.shop_id
                JOIN unnest(%s::bigint[], %s::text[]) AS w(id, pattern) ON c.text LIKE w.pattern
                WHERE c.said_at > %s AND c.said_at <= %s AND (%s = '' OR s.channel = %s) {within}
                GROUP BY 1, 2, 3""",
            [now, WEEKS - 1, list(ids), list(patterns), now - WEEKS * A_WEEK, now, channel, channel, *values],
        )
        for word_id, ago, said_in, n in cursor.fetchall():
            count = found[word_id]
            count.weeks[WEEKS - 1 - ago] += n
            count.channels[said_in] = count.channels.get(said_in, 0) + n
    return sorted(found.values(), key=lambda each: (-each.total, each.word.word))


def _within(user: Any) -> tuple[str, tuple[Any, ...]]:
    """A condition on complaints `c` with its values: those that this person may read."""
    if user is None or reach_of(user).everything:
        return "", ()
    statement, values = readable(user).values("pk").query.sql_with_params()
    return f"AND c.id IN ({statement})", values


def readable(user: Any) -> QuerySet[Complaint]:
    """Complaints whose texts this person may read: of the orders that they see, and of no order in their shops."""
    reach = reach_of(user)
    if reach.everything:
        return Complaint.objects.all()
    mine = Q(order_id__in=visible_to(user).values("pk"))
    if reach.warehouses is None:
        mine |= Q(order_id=None, shop__code__in=reach.shops)
    return Complaint.objects.filter(mine)


def samples(
    word: ComplaintWord, now: dt.datetime, n: int = 8, among: QuerySet[Complaint] | None = None
) -> list[Complaint]:
    """The newest texts that say it, of those in `among` (all by default)."""
    rows = (
        (Complaint.objects.all() if among is None else among)
        .filter(said_at__gt=now - WEEKS * A_WEEK)
        .select_related("shop")
    )
    return list(rows.filter(_saying(word), said_at__lte=now).order_by("-said_at")[:n])


def _saying(word: ComplaintWord) -> Q:
    """Complaints that say the word or a synonym; none where both are empty."""
    either = (Q(text__contains=text) for text in word.every)
    return reduce(or_, either, Q(pk__in=()))


@dataclass(frozen=True, slots=True)
class Side:
    """Four weeks: how many said it, how many orders there were."""

    said: int
    orders: int

    @property
    def rate(self) -> float:
        """Per 1,000 orders."""
        return 1000 * self.said / self.orders if self.orders else 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """Before and after a rule went live; `hint` says where the figures are too small to mean anything."""

    live_since: dt.datetime
    before: Side
    after: Side
    weeks_after: float
    hint: str


def effect(word: ComplaintWord, now: dt.datetime, user: Any = None) -> Measured | None:
    """The word's rate four weeks before and after its rule went live; None where none did. Five statements.

    With a user, among the complaints that they may read and the orders that they see.
    """
    version = Version.objects.filter(id=word.version_id or 0).exclude(published_at=None).first()
    if version is None or version.published_at is None:
        return None
    live = version.published_at
    end = min(now, live + SIDE * A_WEEK)
    before, after = _side(word, live - SIDE * A_WEEK, live, user), _side(word, live, end, user)
    weeks = (end - live) / A_WEEK
    return Measured(live, before, after, weeks, _hint(before, after, weeks))


def _side(word: ComplaintWord, since: dt.datetime, until: dt.datetime, user: Any) -> Side:
    said, ordered = Complaint.objects.all(), Order.objects.all()
    if user is not None:
        said, ordered = readable(user), visible_to(user)
    return Side(
        said.filter(_saying(word), said_at__gt=since, said_at__lte=until).count(),
        ordered.filter(ordered_at__gt=since, ordered_at__lte=until).count(),
    )


def _hint(before: Side, after: Side, weeks: float) -> str:
    """What must be said beside the figures: too early, too few, or a difference that may be chance (two rates, 95 %)."""
    if weeks < SIDE:
        return _("Only %(weeks)s of %(side)s weeks have passed; look again later.") % {
            "weeks": f"{weeks:.1f}",
            "side": SIDE,
        }
    if before.said + after.said < FEWEST or min(before.orders, after.orders) < FEWEST_ORDERS:
        return _("Too few to tell: %(said)s complaints, %(orders)s orders on the smaller side.") % {
            "said": before.said + after.said, "orders": min(before.orders, after.orders)}  # fmt: skip
    shared = (before.said + after.said) / (before.orders + after.orders)
    spread = math.sqrt(shared * (1 - min(shared, 0.999)) * (1 / before.orders + 1 / after.orders))
    if abs(before.said / before.orders - after.said / after.orders) < 1.96 * spread:
        return _("The difference may be chance.")
    return _("The difference is larger than chance explains; other things may have changed as well.")


#: From what a complaint is about to the conditions and answers of a proposed row.
PROPOSALS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "ship": ({"shipped": "false", "has_number": "false", "hours_since_payment": "> 24"},
             {"severity": "'red'", "ticket": "'warehouse_manager'", "priority": "8"}),
    "trace": ({"shipped": "true", "has_trace": "false", "hours_in_state": "> 24"},
              {"severity": "'amber'", "ticket": "'service_lead'", "priority": "0"}),
    "address": ({"shipped": "false", "hours_since_payment": "> 1"}, {"severity": "'amber'", "bell": "'service_lead'"}),
    "goods": ({"shipped": "false", "state": "'packed'"}, {"severity": "'amber'", "bell": "'warehouse_manager'"}),
    "other": ({"shipped": "false", "hours_since_payment": "> 48"}, {"severity": "'amber'", "bell": "'service_lead'"}),
}  # fmt: skip


def draft_rule(word: ComplaintWord, user: Any) -> Version:
    """A draft of the watch rules in use with a row made from the word on top. Raises publishing.RuleError."""
    owner = RuleSet.objects.filter(point=WATCH.code, in_use=True).select_related("live").first()
    if owner is None or owner.live is None:
        raise publishing.RuleError(_("No watch rules are live yet; publish them first."))
    document = with_row(owner.live.document, word)
    reason = _("from the complaint word “%(word)s”") % {"word": word.word}
    version = publishing.new_draft(WATCH.code, owner.code, user, document=document, reason=reason)
    ComplaintWord.objects.filter(id=word.id).update(version_id=version.id)
    return version


def with_row(document: Mapping[str, Any], word: ComplaintWord) -> dict[str, Any]:
    """A copy of the document whose first table begins with the word's row; columns it needs are added.

    The orders of the row were answered by another one until now: what that one did beyond the row's own answers (a
    text, a message, a priority) the row does as well, so that a word takes nothing away.
    """
    made: dict[str, Any] = copy.deepcopy(dict(document))
    table = next((node for node in made["nodes"] if node.get("type") == "decisionTableNode"), None)
    if table is None:
        raise publishing.RuleError(_("The watch rules have no table; add the row on the canvas."))
    content = table["content"]
    conditions, answers = PROPOSALS[word.about]
    quoted = word.word.replace("'", "").replace("\\", "")
    answers = {**answers, "why": f"'客诉“{quoted}”'", "tag": f"'{quoted}'"}
    row = {"_id": f"word_{word.id}"}
    rules = [each for each in content["rules"] if each.get("_id") != row["_id"]]
    for part, fields, cells in (
        ("inputs", WATCH.input_of, conditions),
        ("outputs", WATCH.output_of, answers),
    ):
        heads = {head.get("field"): head["id"] for head in content[part]}
        for code, cell in cells.items():
            if code not in heads:
                heads[code] = f"{part[:-1]}_{code}"
                content[part].append({"id": heads[code], "name": str(fields[code].label), "field": code})
                for each in rules:
                    each[heads[code]] = ""
            row[heads[code]] = cell
        for head in content[part]:
            row.setdefault(head["id"], "")
    before: Mapping[str, Any] = next((each for each in rules if _wider(content, each, row)), {})
    for head in content["outputs"]:
        row[head["id"]] = row[head["id"]] or before.get(head["id"], "")
    content["rules"] = [row, *rules]
    return made


def _wider(content: Mapping[str, Any], row: Mapping[str, Any], than: Mapping[str, Any]) -> bool:
    """Whether whatever matches `than` matches `row` too, as far as the cells say it letter by letter."""
    cells = [
        (str(row.get(head["id"]) or "").strip(), str(than.get(head["id"]) or "").strip())
        for head in content["inputs"]
    ]
    return all(not mine or mine == theirs for mine, theirs in cells)


def touched(document: Mapping[str, Any], word: ComplaintWord) -> list[int]:
    """Rows of the drafted table, the word's own being 1, whose orders the word's row may answer from now on."""
    table = next(node for node in document["nodes"] if node.get("type") == "decisionTableNode")["content"]
    own, *rest = table["rules"]
    found = [place for place, row in enumerate(rest, 2) if not _apart(table, row, own)]
    return [place for place in found if any(rest[place - 2].get(head["id"]) for head in table["inputs"])]


def _apart(content: Mapping[str, Any], row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether no order can match both: a column of theirs asks for two different words."""
    for head in content["inputs"]:
        one, two = (str(each.get(head["id"]) or "").strip() for each in (row, other))
        exact = all(cell in ("true", "false") or cell[:1] in ("'", '"') for cell in (one, two))
        if one and two and exact and one != two and "," not in one + two:
            return True
    return False


#: A week with this many and twice the usual is a jump.
JUMP_LEAST, JUMP_TIMES = 10, 2


def jump(now: dt.datetime | None = None) -> bool:
    """Tell, once a week, when complaints of the last seven days are twice the mean of the four weeks before."""
    at = now or timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FILTER (WHERE said_at > %(at)s - interval '7 days'),
                      count(*) FILTER (WHERE said_at <= %(at)s - interval '7 days') / 4.0
               FROM orders_complaint WHERE said_at > %(at)s - interval '35 days' AND said_at <= %(at)s""",
            {"at": at},
        )
        recent, usual = cursor.fetchone()
    if recent < JUMP_LEAST or recent < JUMP_TIMES * float(usual):
        return False
    year, week, _day = timezone.localtime(at).isocalendar()
    said = {"n": recent, "usual": f"{float(usual):.1f}"}
    with translation.override(settings.LANGUAGE_CODE):
        made = open_ticket(
            "complaints", f"complaints:{year}-{week}", _("Complaints have jumped: %(n)s in a week, usually %(usual)s") % said,
            body=_("Look at the words that rose, and draft a rule from one."), role="service_lead",
            link="/admin/rules/complaints/",
        )  # fmt: skip
        if made:
            notify("service_lead", "complaints_jump", f"complaints:{year}-{week}", said)
    return made
