"""One step of orders after another, each table by one statement from `seed_step`, where an order's story is decided.

An order is as old as its number says and stands where one of its age stands: minutes after the payment it is with the
warehouse, a day later it is sent, nine days after it was signed it is closed. One in fifty waits on the way with a hold, one in
four hundred is late with none, one in sixty was never paid and ended a day later.
"""

from __future__ import annotations

#: What happens to an order in order: touch, touchpoint, minutes after the payment, and the state it leads to. From `wave` on
#: the minutes are an order's own: 0.6 to 1.6 times as long.
STORY = (
    ("received", None, 1.0, "unpaid"), ("claim", None, 1.2, "claimed"), ("verify", 1, 1.5, "paid"),
    ("reserve", 2, 1.6, "reserved"), ("route", 3, 1.7, "routed"),
    ("release", None, 2.2, "released"), ("wave", 4, 150, "waved"), ("pack", 5, 300, "packed"),
    ("print", 6, 320, "printed"), ("ship", None, 480, "shipped"), ("sign", 7, 3000, "signed"), ("invoice", 8, 3000.5, None),
    ("open_aftersale", 10, 3000.6, None), ("close", 9, 16_000, "closed"),
)  # fmt: skip
STATES = tuple(state for *_rest, state in STORY if state)
#: The types of hold and the state an order has while it waits.
STUCK = (
    ("payment", "claimed"), ("stock", "paid"), ("mapping", "paid"), ("refund", "paid"), ("duplicate", "paid"), ("risk", "paid"),
    ("address", "reserved"), ("route", "reserved"), ("manual", "routed"), ("weight", "packed"),
)  # fmt: skip
#: Label service by the channel of the order, as the product chooses it.
SERVICES = (("taobao", "cainiao"), ("pinduoduo", "pinduoduo"), ("douyin", "douyin"), ("own_shop", "zto"))

_AT = "extract(epoch FROM %(now)s::timestamptz - a.at) / 60"
_MINUTES = "CASE WHEN e.minutes < 100 THEN e.minutes ELSE e.minutes * s.pace END * interval '1 minute'"


def _values(rows: tuple[tuple[object, ...], ...]) -> str:
    return ", ".join(
        "("
        + ", ".join("NULL" if v is None else f"'{v}'" if isinstance(v, str) else str(v) for v in row)
        + ")"
        for row in rows
    )


_LADDER = _values(tuple((rank, minutes) for rank, (*_r, minutes, state) in enumerate(
    [entry for entry in STORY if entry[3]])))  # fmt: skip
_STATES = "ARRAY[" + ", ".join(f"'{state}'" for state in STATES) + "]"
_STUCK = _values(tuple((n, kind, STATES.index(state)) for n, (kind, state) in enumerate(STUCK)))
_STORY = _values(
    tuple(
        (
            place,
            code,
            point,
            minutes,
            STATES.index(next(st for *_r, st in reversed(STORY[: place + 1]) if st)),
        )
        for place, (code, point, minutes, _state) in enumerate(STORY)
    )
)
_RANK = {state: STATES.index(state) for state in STATES}

STEP = f"""
    CREATE TEMP TABLE seed_step AS
    WITH lot AS (
        SELECT g, abs(hashint8extended(g, %(seed)s)) AS h FROM generate_series(%(first)s::bigint, %(last)s) g
    ), dealt AS (
        SELECT g AS id, h, (h %% %(baskets)s)::int AS basket, (h / 7919 %% %(people)s)::int AS person,
            (%(shops)s::bigint[])[1 + h / 31 %% %(n_shops)s] AS shop_id,
            (%(channels)s::text[])[1 + h / 31 %% %(n_shops)s] AS channel,
            (%(houses)s::bigint[])[1 + h / 101 %% %(n_houses)s] AS warehouse_id,
            %(now)s::timestamptz - %(span)s::interval * (%(all)s - g) AS due, 0.6 + (h / 13 %% 1000) / 1000.0 AS pace
        FROM lot
    ), clock AS (
        SELECT d.*, b.goods, b.pieces, b.lines, b.weight_g, date_trunc('day', d.due, 'Asia/Shanghai') AS day, b.minute
        FROM dealt d JOIN seed_head b ON b.basket = d.basket
    ), aged AS (
        SELECT c.*, CASE WHEN c.day + interval '1 day' <= %(now)s::timestamptz
            THEN c.day + c.minute * interval '1 minute' + c.h %% 60 * interval '1 second' ELSE c.due END AS at
        FROM clock c
    ), reached AS (
        SELECT a.*, {_AT} AS age, (SELECT count(*) - 1 FROM (VALUES {_LADDER}) AS l(rank, minutes)
            WHERE CASE WHEN l.minutes < 100 THEN l.minutes ELSE l.minutes * a.pace END <= {_AT})::int AS far
        FROM aged a
    ), told AS (
        SELECT r.*, r.h / 5 %% 60 = 0 AND r.age > 1440 AS ended, r.h / 17 %% 50 = 0 AND r.age BETWEEN 5 AND 28800 AS waits,
            r.h / 19 %% 400 = 0 AND r.age BETWEEN 5 AND 7200 AS late
        FROM reached r
    )
    SELECT t.*, w.kind AS hold, CASE WHEN t.h %% 4 = 0 THEN round(t.goods * 0.05, 2) ELSE 0 END AS discount,
        CASE WHEN t.goods < 60 THEN 6.00 ELSE 0 END AS freight,
        CASE WHEN t.ended THEN 0 WHEN t.waits THEN least(w.rank, t.far) WHEN t.late THEN least({_RANK["waved"]}, t.far)
            ELSE greatest(t.far, 0) END AS rank
    FROM told t LEFT JOIN (VALUES {_STUCK}) AS w(n, kind, rank) ON t.waits AND NOT t.ended AND w.n = t.h / 23 %% {len(STUCK)}
        AND w.rank <= t.far"""

HEADS = f"""
    INSERT INTO orders_order (id, number, shop_id, channel_number, state, state_since, channel_state, channel_version, ordered_at,
        paid_at, promised_ship_at, expires_at, received_at, goods_amount, discount, freight, payable, piece_count, line_count,
        buyer_ref, traffic_source, buyer_message, tags, adcode, warehouse_id, carrier, shipped_at, signed_at, aftersale_until,
        closed_at, open_holds, refund_state)
    SELECT s.id, 'OHS' || lpad(s.id::text, 9, '0'), s.shop_id, 'S' || (3500000000000000000 + s.id),
        CASE WHEN s.ended THEN 'cancelled' ELSE ({_STATES})[1 + s.rank] END,
        CASE WHEN s.ended THEN s.at + interval '1 day' ELSE s.at + {_MINUTES} END,
        CASE WHEN s.ended THEN 'CLOSED' WHEN s.rank = 0 THEN 'UNPAID'
            WHEN s.rank >= {_RANK["shipped"]} THEN 'SENT' ELSE 'PAID' END,
        s.at, s.at, CASE WHEN s.rank > 0 THEN s.at + interval '30 seconds' END,
        CASE WHEN s.rank > 0 THEN s.at + interval '2 days' END,
        CASE WHEN s.rank = 0 THEN s.at + interval '1 day' END, s.at + interval '1 minute',
        s.goods, s.discount, s.freight, s.goods - s.discount + s.freight, s.pieces, s.lines, p.buyer, '', '', '[]', p.adcode,
        CASE WHEN s.rank >= {_RANK["routed"]} THEN s.warehouse_id END,
        CASE WHEN s.rank >= {_RANK["routed"]} THEN 'ZTO' ELSE '' END,
        CASE WHEN s.rank >= {_RANK["shipped"]} THEN s.at + interval '480 minutes' * s.pace END,
        CASE WHEN s.rank >= {_RANK["signed"]} THEN s.at + interval '3000 minutes' * s.pace END,
        CASE WHEN s.rank >= {_RANK["signed"]} THEN s.at + interval '3000 minutes' * s.pace + interval '7 days' END,
        CASE WHEN s.rank >= {_RANK["closed"]} THEN s.at + interval '16000 minutes' * s.pace END,
        CASE WHEN s.hold IS NULL THEN 0 ELSE 1 END, 'none'
    FROM seed_step s JOIN seed_person p ON p.person = s.person
    JOIN (VALUES {_LADDER}) AS e(rank, minutes) ON e.rank = s.rank
    ORDER BY s.id"""

#: The order's discount and freight are on its first line.
LINES = """
    INSERT INTO orders_line (uuid, order_id, channel_line, sku_id, seller_code, sku_code, sku_name, title, quantity, unit_price,
        discount, freight_share, payable, refund_state)
    SELECT md5(s.id || '/' || b.line)::uuid, s.id, b.line::text, b.sku_id, b.code, b.code, b.name, b.name, b.quantity, b.price,
        CASE WHEN b.line = 1 THEN s.discount ELSE 0 END, CASE WHEN b.line = 1 THEN s.freight ELSE 0 END,
        b.quantity * b.price + CASE WHEN b.line = 1 THEN s.freight - s.discount ELSE 0 END, 'none'
    FROM seed_step s JOIN seed_basket b ON b.basket = s.basket ORDER BY s.id, b.line"""

RECEIVERS = """
    INSERT INTO orders_receiver (order_id, version, visibility, name_mask, phone_mask, address_mask, province, city, district,
        town, adcode, plain_enc, phone_hash, phone_tail_hash, lng, lat)
    SELECT s.id, 1, CASE WHEN s.channel = 'own_shop' THEN 'plain' ELSE 'masked' END, p.name_mask, p.phone_mask, p.address_mask,
        p.province, p.city, p.district, p.town, p.adcode, CASE WHEN s.channel = 'own_shop' THEN p.plain_enc END,
        CASE WHEN s.channel = 'own_shop' THEN p.phone_hash ELSE '' END, p.tail_hash, p.lng, p.lat
    FROM seed_step s JOIN seed_person p ON p.person = s.person ORDER BY s.id"""

PROOFS = f"""
    INSERT INTO orders_paymentproof (order_id, source, trade_no, state, paid, amount, payee, paid_at, asked_at)
    SELECT s.id, CASE WHEN s.channel = 'own_shop' THEN 'alipay' ELSE s.channel END, 'T' || s.id, 'PAID', true,
        s.goods - s.discount + s.freight, '', s.at + interval '30 seconds', s.at + interval '90 seconds'
    FROM seed_step s WHERE s.rank >= {_RANK["paid"]} ORDER BY s.id"""

EVENTS = f"""
    INSERT INTO orders_event (order_id, code, point, occurred_at, recorded_at, actor_kind, actor_name, data)
    SELECT s.id, e.code, e.point, t.at, t.at + s.h %% 50 * interval '1 second', 'clock', 'clock', '{{}}'
    FROM seed_step s JOIN (VALUES {_STORY}) AS e(place, code, point, minutes, rank) ON e.rank <= s.rank
    CROSS JOIN LATERAL (SELECT s.at + {_MINUTES} AS at) t
    WHERE t.at <= %(now)s::timestamptz
    ORDER BY s.id, e.place"""

ENDED = """
    INSERT INTO orders_event (order_id, code, point, occurred_at, recorded_at, actor_kind, actor_name, data)
    SELECT s.id, 'cancel', NULL, s.at + interval '1 day', s.at + interval '1 day', 'clock', 'clock', '{}'
    FROM seed_step s WHERE s.ended ORDER BY s.id"""

HOLDS = f"""
    INSERT INTO orders_hold (order_id, type, reason, data, opened_by, opened_at)
    SELECT s.id, s.hold, (%(why)s::jsonb)->>s.hold, '{{}}', 'clock', s.at + {_MINUTES}
    FROM seed_step s JOIN (VALUES {_LADDER}) AS e(rank, minutes) ON e.rank = s.rank WHERE s.hold IS NOT NULL"""

RESERVATIONS = f"""
    INSERT INTO inventory_reservation (reference, sku_id, bin_id, warehouse_id, quantity, state, created_at)
    SELECT md5(s.id || '/' || b.line)::uuid, b.sku_id, f.bin_id, s.warehouse_id, b.quantity,
        CASE WHEN s.rank >= {_RANK["shipped"]} THEN 'shipped' ELSE 'active' END, s.at + interval '96 seconds'
    FROM seed_step s JOIN seed_basket b ON b.basket = s.basket
    JOIN seed_shelf f ON f.warehouse_id = s.warehouse_id AND f.sku_id = b.sku_id
    WHERE s.rank >= {_RANK["reserved"]} ORDER BY s.id, b.line"""

MOVEMENTS = f"""
    INSERT INTO inventory_movement (sku_id, bin_id, kind, on_hand_change, reserved_change, reference, actor, at)
    SELECT b.sku_id, f.bin_id, k.kind, -k.taken * b.quantity, (1 - 2 * k.taken) * b.quantity,
        md5(s.id || '/' || b.line)::uuid::text, 'clock',
        s.at + CASE WHEN k.taken = 0 THEN interval '96 seconds' ELSE interval '480 minutes' * s.pace END
    FROM seed_step s JOIN seed_basket b ON b.basket = s.basket
    JOIN seed_shelf f ON f.warehouse_id = s.warehouse_id AND f.sku_id = b.sku_id
    JOIN (VALUES ('reserve', 0, {_RANK["reserved"]}), ('ship', 1, {_RANK["shipped"]})) AS k(kind, taken, rank) ON k.rank <= s.rank
    ORDER BY s.id, b.line, k.taken"""

_PARCEL = {"routed": "numbered", "released": "handed"}
_PARCELS = "ARRAY[" + ", ".join(f"'{_PARCEL.get(s, 'signed' if s == 'closed' else s)}'" for s in STATES) + "]"
PARCELS = f"""
    INSERT INTO logistics_parcel (id, number, order_id, role, state, state_since, warehouse_id, worked_by, carrier, service,
        outlet_code, destination_version, waybill_no, expected_weight_g, weight_g, weight_state, handed_at, waved_at, packed_at,
        printed_at, prints, followed, shipped_at, report_state, tracking, picked_up_at, first_attempt_at, first_attempt_ok,
        signed_at, last_trace_at, polled_at, trace_answered_at)
    SELECT s.id, 'P' || s.id, s.id, 'main', v.state, now(), s.warehouse_id, 'own', 'ZTO',
        (%(services)s::jsonb)->>s.channel, '', 1,
        '78' || lpad(s.id::text, 12, '0'), s.weight_g + 100,
        CASE WHEN s.rank >= {_RANK["packed"]} THEN s.weight_g + 100 + (s.h %% 21)::int END,
        CASE WHEN s.hold = 'weight' THEN 'off' WHEN s.rank >= {_RANK["packed"]} THEN 'ok' ELSE '' END,
        m.handed, m.waved, m.packed, m.printed, CASE WHEN m.printed IS NULL THEN 0 ELSE 1 END, v.state, m.shipped,
        CASE WHEN m.shipped IS NULL THEN '' ELSE 'done' END,
        CASE WHEN m.signed IS NOT NULL THEN 'signed' WHEN m.shipped IS NOT NULL THEN 'transit' ELSE '' END,
        m.shipped + interval '5 hours', m.signed, m.signed IS NULL OR s.h / 29 %% 12 > 0, m.signed,
        coalesce(m.signed, m.shipped + interval '5 hours'), m.signed, m.signed
    FROM seed_step s CROSS JOIN LATERAL (SELECT ({_PARCELS})[1 + s.rank] AS state) v
    CROSS JOIN LATERAL (SELECT CASE WHEN s.rank >= {_RANK["released"]} THEN s.at + interval '2 minutes' END AS handed,
        CASE WHEN s.rank >= {_RANK["waved"]} THEN s.at + interval '150 minutes' * s.pace END AS waved,
        CASE WHEN s.rank >= {_RANK["packed"]} THEN s.at + interval '300 minutes' * s.pace END AS packed,
        CASE WHEN s.rank >= {_RANK["printed"]} THEN s.at + interval '320 minutes' * s.pace END AS printed,
        CASE WHEN s.rank >= {_RANK["shipped"]} THEN s.at + interval '480 minutes' * s.pace END AS shipped,
        CASE WHEN s.rank >= {_RANK["signed"]} THEN s.at + interval '3000 minutes' * s.pace END AS signed) m
    WHERE s.rank >= {_RANK["routed"]} ORDER BY s.id"""

PARCEL_LINES = f"""
    INSERT INTO logistics_parcelline (parcel_id, line_uuid, reference, sku_id, quantity)
    SELECT s.id, md5(s.id || '/' || b.line)::uuid, md5(s.id || '/' || b.line)::uuid, b.sku_id, b.quantity
    FROM seed_step s JOIN seed_basket b ON b.basket = s.basket WHERE s.rank >= {_RANK["routed"]} ORDER BY s.id, b.line"""

TRACES = f"""
    INSERT INTO logistics_trace (waybill_no, occurred_at, recorded_at, code, meaning, text, digest)
    SELECT '78' || lpad(s.id::text, 12, '0'), t.at, t.at + interval '10 minutes', k.code, k.meaning, k.words, md5(s.id || k.code)
    FROM seed_step s JOIN (VALUES ('GOT', 'picked_up', '快件已揽收', 780, {_RANK["shipped"]}),
        ('ARRIVAL', 'transit', '快件已到达分拨中心', 1500, {_RANK["shipped"]}),
        ('SIGNED', 'signed', '快件已签收', 3000, {_RANK["signed"]}))
        AS k(code, meaning, words, minutes, rank) ON k.rank <= s.rank
    CROSS JOIN LATERAL (SELECT s.at + k.minutes * s.pace * interval '1 minute' AS at) t
    WHERE t.at <= %(now)s::timestamptz ORDER BY s.id, t.at"""

DELIVERIES = f"""
    INSERT INTO logistics_delivery (waybill_no, adcode, warehouse_code, carrier, outlet_code, shipped_at, picked_up_at,
        first_attempt_at, first_attempt_ok, signed_at, history)
    SELECT p.waybill_no, o.adcode, w.code, p.carrier, '', p.shipped_at, p.picked_up_at, p.first_attempt_at, p.first_attempt_ok,
        p.signed_at, false
    FROM seed_step s JOIN logistics_parcel p ON p.order_id = s.id JOIN orders_order o ON o.id = s.id
    JOIN inventory_warehouse w ON w.id = s.warehouse_id WHERE s.rank >= {_RANK["signed"]} ORDER BY s.id"""

INVOICES = f"""
    INSERT INTO finance_invoice (order_id, amount, state, requested_at)
    SELECT s.id, s.goods - s.discount + s.freight, 'requested', s.at + interval '3000 minutes' * s.pace
    FROM seed_step s WHERE s.rank >= {_RANK["signed"]} ORDER BY s.id"""

RECEIVABLES = f"""
    INSERT INTO finance_receivable (order_id, number, amount, state, quiet_since, outside_id, audited_at, told_order)
    SELECT s.id, 'AR' || 'OHS' || lpad(s.id::text, 9, '0'), s.goods - s.discount + s.freight, 'audited',
        s.at + interval '3000 minutes' * s.pace + interval '7 days', 'K' || s.id, s.at + interval '16000 minutes' * s.pace, true
    FROM seed_step s WHERE s.rank >= {_RANK["closed"]} ORDER BY s.id"""

#: In this order, each once a step: lines before their order, because lines of a closed one can't be added.
ALL = (
    STEP, LINES, HEADS, RECEIVERS, PROOFS, EVENTS, ENDED, HOLDS, RESERVATIONS, MOVEMENTS, PARCELS, PARCEL_LINES, TRACES,
    DELIVERIES, INVOICES, RECEIVABLES,
)  # fmt: skip

#: What was taken was bought before: one receipt a shelf, so that the counters are their ledger and what is free stays.
BOUGHT = """
    WITH taken AS (SELECT sku_id, bin_id, -sum(on_hand_change) AS gone, sum(reserved_change) AS held FROM inventory_movement
            WHERE kind IN ('reserve', 'ship') GROUP BY 1, 2),
        bought AS (INSERT INTO inventory_movement (sku_id, bin_id, kind, on_hand_change, reserved_change, reference, reason,
                actor, at)
            SELECT sku_id, bin_id, 'receive', gone + held, 0, 'seed', 'seed', 'seed', %(since)s FROM taken WHERE gone + held > 0)
    UPDATE inventory_stock s SET on_hand = s.on_hand + t.held, reserved = s.reserved + t.held FROM taken t
    WHERE t.sku_id = s.sku_id AND t.bin_id = s.bin_id"""
