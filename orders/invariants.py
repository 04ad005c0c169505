"""What holds of orders at every quiet moment; the states that a timeline may end in are read from the lifecycle."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from orderhub.invariants import Invariant
from orders.lifecycle import LIFECYCLE
from orders.standing import STANDS

#: Touches that move, as rows for SQL: ('verify', 'paid'), …
_ENDS = ", ".join(f"('{touch.code}', '{touch.end}')" for touch in LIFECYCLE.touches if touch.end)

INVARIANTS = (
    Invariant(
        "state_is_told",
        _("An order's state is the one that the last moving event of its timeline led to"),
        f"""SELECT o.number, format('state %s, last event %s', o.state, coalesce(e.code, '-'))
            FROM orders_order o LEFT JOIN LATERAL (
                SELECT e.code, t.state FROM orders_event e JOIN (VALUES {_ENDS}) AS t(code, state) ON t.code = e.code
                WHERE e.order_id = o.id ORDER BY e.id DESC LIMIT 1) e ON true
            WHERE CASE WHEN e.state IS NULL THEN o.state NOT IN ('unpaid', 'claimed') ELSE e.state <> o.state END""",
    ),
    Invariant(
        "holds_are_counted",
        _("The number of open holds on an order is the number of its holds that are open"),
        """SELECT o.number, format('counter %s, open %s', o.open_holds, coalesce(h.n, 0)) FROM orders_order o
           LEFT JOIN (SELECT order_id, count(*) AS n FROM orders_hold WHERE released_at IS NULL GROUP BY 1) h
                ON h.order_id = o.id WHERE o.open_holds <> coalesce(h.n, 0)""",
    ),
    Invariant(
        "money_adds_up",
        _("Payable is goods less discount plus freight, and what the lines come to"),
        """SELECT o.number, format('payable %s, goods %s - %s + %s, lines %s', o.payable, o.goods_amount, o.discount,
                                   o.freight, l.payable)
           FROM orders_order o LEFT JOIN (SELECT order_id, sum(payable) AS payable FROM orders_line GROUP BY 1) l
                ON l.order_id = o.id
           WHERE o.payable <> o.goods_amount - o.discount + o.freight OR o.payable IS DISTINCT FROM l.payable""",
    ),
    Invariant(
        "pieces_are_counted",
        _("An order's pieces and lines are those of its lines"),
        """SELECT o.number, format('%s pieces in %s lines, counted %s in %s', o.piece_count, o.line_count,
                                   coalesce(l.pieces, 0), coalesce(l.lines, 0))
           FROM orders_order o LEFT JOIN (SELECT order_id, sum(quantity) AS pieces, count(*) AS lines FROM orders_line
                GROUP BY 1) l ON l.order_id = o.id
           WHERE o.piece_count <> coalesce(l.pieces, 0) OR o.line_count <> coalesce(l.lines, 0)""",
    ),
    Invariant(
        "no_order_twice",
        _("A shop's order is here once"),
        """SELECT shop_id || ' ' || channel_number, count(*)::text FROM orders_order
           GROUP BY shop_id, channel_number HAVING count(*) > 1""",
    ),
    Invariant(
        "goods_are_held",
        _("What is reserved and not yet sent holds its goods"),
        """SELECT o.number, format('line %s in state %s: %s pieces of SKU %s, held %s', l.uuid, o.state,
                   l.quantity * coalesce(p.quantity, 1), coalesce(p.part_id, l.sku_id), coalesce(r.pieces, 0))
           FROM orders_order o JOIN orders_line l ON l.order_id = o.id
           LEFT JOIN inventory_bundlepart p ON p.bundle_id = l.sku_id
           LEFT JOIN (SELECT reference, sku_id, sum(quantity) AS pieces FROM inventory_reservation
                WHERE state = 'active' GROUP BY 1, 2) r
                ON r.reference = l.uuid AND r.sku_id = coalesce(p.part_id, l.sku_id)
           WHERE o.state IN ('reserved', 'routed', 'released', 'waved', 'packed', 'printed') AND l.sku_id IS NOT NULL
             AND l.refund_state <> 'done' AND coalesce(r.pieces, 0) <> l.quantity * coalesce(p.quantity, 1)
             AND NOT EXISTS (SELECT 1 FROM orders_share h WHERE h.line_id = l.uuid)""",
    ),
    Invariant(
        "shares_are_whole",
        _("The parts of a split line come to its pieces"),
        """SELECT o.number, format('line %s: %s pieces, its parts %s', l.uuid, l.quantity, h.pieces) FROM orders_line l
           JOIN orders_order o ON o.id = l.order_id
           JOIN (SELECT line_id, sum(quantity) AS pieces FROM orders_share GROUP BY 1) h ON h.line_id = l.uuid
           WHERE h.pieces <> l.quantity AND l.refund_state <> 'done'""",
    ),
    Invariant(
        "ended_orders_hold_nothing",
        _("What is cancelled or closed holds no goods"),
        """SELECT o.number, format('%s of SKU %s in state %s', r.quantity, r.sku_id, o.state)
           FROM inventory_reservation r JOIN orders_line l ON l.uuid = r.reference JOIN orders_order o ON o.id = l.order_id
           WHERE r.state = 'active' AND o.state IN ('cancelled', 'closed')""",
    ),
    Invariant(
        "board_counts_orders",
        _("The board's counters, with what was stirred since, are what a count of the orders says"),
        f"""WITH stirred AS (SELECT DISTINCT unnest(s.orders) AS id FROM orders_stir s),
                 parts AS (
                SELECT state, shop_id, warehouse_id, queue, hour, n FROM orders_standingcount
                UNION ALL SELECT state, shop_id, warehouse_id, queue, hour, -1 FROM orders_standing
                    WHERE order_id IN (SELECT id FROM stirred)
                UNION ALL SELECT state, shop_id, warehouse_id, queue, hour, 1
                    FROM ({STANDS.format(which="o.id IN (SELECT id FROM stirred)")}) late
                UNION ALL SELECT state, shop_id, warehouse_id, queue, hour, -1 FROM ({STANDS.format(which="true")}) real)
            SELECT concat_ws(' ', state, shop_id, warehouse_id, queue, hour), format('counted %s too many', sum(n))
            FROM parts GROUP BY state, shop_id, warehouse_id, queue, hour HAVING sum(n) <> 0""",
    ),
)
