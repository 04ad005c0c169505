"""What a report is: measures over a source, by one of its dimensions, each beside the period before, in one statement.

The database groups; Python sees one row a group and never one an order. A report's columns are `Column`s, the same for
page, CSV, workbook and mail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _
from import_export.resources import Resource

from orderhub.exports.columns import DAY, DECIMAL, MONEY, WHOLE, WORD, Column
from orders.reports.asked import Asked

#: Numbers of a percentage, and of hours.
SHARE, HOURS = "share", "hours"
KINDS = {SHARE: DECIMAL, HOURS: DECIMAL, WHOLE: WHOLE, MONEY: MONEY}
#: A page shows so many groups; the file has all.
SHOWN = 200
ZONE = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class Measure:
    """An aggregate over the source. `good`: 1 where more is better, -1 where less is, 0 where neither."""

    name: str
    label: Any
    sql: str
    kind: str = WHOLE
    good: int = 0


@dataclass(frozen=True, slots=True)
class Key:
    """A part of what names a group; `sql` may be made when it is asked, as words depend on the language."""

    name: str
    label: Any
    sql: str | Callable[[], str]
    kind: str = WORD

    @property
    def expression(self) -> str:
        return self.sql if isinstance(self.sql, str) else self.sql()


@dataclass(frozen=True, slots=True)
class Dim:
    """By what is counted."""

    code: str
    label: Any
    keys: tuple[Key, ...]
    joins: str = ""

    @property
    def days(self) -> bool:
        return self.keys[0].kind == DAY


@dataclass(frozen=True, slots=True)
class Report:
    """`source` are the tables (`o` is the order), `when` the moment that the period is of, `only` what counts at all."""

    code: str
    label: Any
    says: Any
    source: str
    when: str
    measures: tuple[Measure, ...]
    dims: tuple[Dim, ...]
    only: str = "TRUE"
    permission: str = "orders.view_order"
    #: Who is narrowed to warehouses sees what goes from them, wholly or in part.
    house: str = """(o.warehouse_id = ANY(%(houses)s) OR EXISTS (
        SELECT FROM orders_share x WHERE x.order_id = o.id AND x.warehouse_id = ANY(%(houses)s)))"""

    def dim(self, code: str) -> Dim:
        """The dimension of that code; the first where there is none of it."""
        return next((dim for dim in self.dims if dim.code == code), self.dims[0])

    def measure(self, name: str) -> Measure:
        """The measure of that name; the first where there is none of it."""
        return next((one for one in self.measures if one.name == name), self.measures[0])


def day(when: str) -> Key:
    """The day here of a moment; a day of the period before stands at the day of this one that it is compared with."""
    local = f"({when} AT TIME ZONE '{ZONE}')::date"
    moved = f"{local} + CASE WHEN {when} >= %(begin)s THEN 0 ELSE %(days)s END"
    return Key("day", _lazy_day, f"to_char({moved}, 'YYYY-MM-DD')", DAY)


def _lazy_day() -> str:
    return _("day")


def query(report: Report, dim: Dim, asked: Asked) -> tuple[str, dict[str, Any]]:
    """(SQL, parameters): a row a group with its keys, `total`, every measure `m` and `b_m` of the period before.

    The row of the sums has `total` 1. A group that one of the periods does not know has nulls there.
    """
    names = [key.name for key in dim.keys]
    places = range(2, 2 + len(names))
    keys = ", ".join(f"({key.expression})::text AS {key.name}" for key in dim.keys)
    measures = ", ".join(f"{one.sql} AS {one.name}" for one in report.measures)
    narrowed = ""
    if asked.shop_ids is not None:
        narrowed += " AND o.shop_id = ANY(%(shops)s)"
    if asked.house_ids is not None:
        narrowed += f" AND {report.house}"
    grouped = f"""SELECT {report.when} >= %(begin)s AS current, {keys}, grouping(({dim.keys[0].expression})::text) AS total,
            {measures}
        FROM {report.source} {dim.joins}
        WHERE {report.when} >= %(before)s AND {report.when} < %(end)s AND {report.only}{narrowed}
        GROUP BY GROUPING SETS ((1, {", ".join(map(str, places))}), (1))"""
    named = ", ".join(f"coalesce({name}, '') AS {name}" for name in names)
    own = ", ".join(one.name for one in report.measures)
    both = ", ".join(f"n.{one.name}, b.{one.name} AS b_{one.name}" for one in report.measures)
    sql = f"""WITH grouped AS ({grouped}), t AS (SELECT current, total, {named}, {own} FROM grouped)
        SELECT total, {", ".join(names)}, {both} FROM (SELECT * FROM t WHERE current) n
        FULL JOIN (SELECT * FROM t WHERE NOT current) b USING (total, {", ".join(names)})"""
    params = {
        "begin": asked.begins, "end": asked.ends, "before": asked.before_begins, "days": asked.days,
        "shops": asked.shop_ids, "houses": asked.house_ids,
    }  # fmt: skip
    return sql, params


def order(report: Report, dim: Dim, measure: Measure) -> str:
    """How the rows are sorted: days as they come, all else by what is shown, largest first."""
    if dim.days:
        return "r.day"
    names = ", ".join(f"r.{key.name}" for key in dim.keys)
    return f"r.{measure.name} DESC NULLS LAST, r.b_{measure.name} DESC NULLS LAST, {names}"


@dataclass(frozen=True, slots=True)
class Told:
    """A report as it is shown: at most `SHOWN` rows of `groups`, and the row of the sums (empty: nothing there)."""

    rows: list[dict[str, Any]]
    total: dict[str, Any]
    groups: int


def tell(report: Report, dim: Dim, measure: Measure, asked: Asked, limit: int = SHOWN) -> Told:
    """One statement."""
    sql, params = query(report, dim, asked)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT r.*, count(*) OVER () AS groups FROM ({sql}) r
                ORDER BY r.total DESC, {order(report, dim, measure)} LIMIT %(limit)s""",
            {**params, "limit": limit + 1},
        )
        heads = [column.name for column in cursor.description]
        rows = [dict(zip(heads, row, strict=True)) for row in cursor.fetchall()]
    total = rows[0] if rows and rows[0]["total"] else {}
    return Told([row for row in rows if not row["total"]], total, rows[0]["groups"] - 1 if rows else 0)


class ReportResource(Resource):
    """The columns of a report's file, over its row `r`."""

    def __init__(self, report: Report, dim: Dim, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fields = columns(report, dim)

    def get_export_order(self, selected_fields: Any = None) -> list[str]:
        return list(self.fields)


def columns(report: Report, dim: Dim) -> dict[str, Column]:
    """{name: column}, in order; labels in the language of now."""
    found = {key.name: Column(label(key), f"r.{key.name}", key.kind) for key in dim.keys}
    for one in report.measures:
        found[one.name] = Column(label(one), f"r.{one.name}", KINDS[one.kind])
        before = _("%(what)s, period before") % {"what": label(one)}
        found[f"b_{one.name}"] = Column(before, f"r.b_{one.name}", KINDS[one.kind])
    return found


def label(part: Key | Measure) -> str:
    """The words over a column, with the unit where the number alone does not say it."""
    words = str(part.label() if callable(part.label) else part.label)
    unit = {SHARE: " %", HOURS: _(" (h)")}.get(part.kind, "")
    return words + unit
