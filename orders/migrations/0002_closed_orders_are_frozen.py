"""A closed order can't be changed by anyone: form, API, update(), or SQL of the application's role.

The heads are guarded row by row with a WHEN clause (the function runs only when a closed order would change);
the lines statement by statement over their transition tables, so that a COPY of thousands of lines costs one
look-up and not thousands. What stays writable on a closed order: tags, satisfaction, the channel's own view,
the engine's columns, and the erasure of personal data.
"""

from django.db import migrations

#: The commercial columns. Left out on purpose: tags, traffic_source, buyer_ref, buyer_message, adcode,
#: destination_version (personal data and its erasure), channel_state and channel_version (what the channel
#: says now), expires_at, received_at and the engine's columns.
FROZEN = (
    "id number shop_id channel_number state refund_state ordered_at paid_at promised_ship_at goods_amount discount "
    "freight payable refunded piece_count line_count warehouse_id carrier outlet_code shipped_at signed_at "
    "aftersale_until closed_at"
).split()

_NEW = ", ".join(f"NEW.{name}" for name in FROZEN)
_OLD = ", ".join(f"OLD.{name}" for name in FROZEN)

FREEZE = f"""
CREATE FUNCTION orders_refuse_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'order % is closed and can''t be changed', OLD.number
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'closed_order_is_frozen', TABLE = 'orders_order',
              HINT = 'A later complaint is a new after-sale case beside the order.';
END $$;

CREATE TRIGGER closed_order_is_frozen BEFORE UPDATE ON orders_order FOR EACH ROW
    WHEN (OLD.state = 'closed' AND ({_NEW}) IS DISTINCT FROM ({_OLD}))
    EXECUTE FUNCTION orders_refuse_closed();

CREATE TRIGGER closed_order_is_kept BEFORE DELETE ON orders_order FOR EACH ROW
    WHEN (OLD.state = 'closed')
    EXECUTE FUNCTION orders_refuse_closed();

CREATE FUNCTION orders_refuse_lines(identities bigint[]) RETURNS void LANGUAGE plpgsql
SET enable_seqscan = off AS $$
DECLARE closed_number text;
BEGIN
    SELECT o.number INTO closed_number FROM orders_order o
        WHERE o.id = ANY (identities) AND o.state = 'closed' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'order % is closed: its lines can''t be changed', closed_number
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'closed_order_lines_are_frozen',
                  TABLE = 'orders_line';
    END IF;
END $$;

CREATE FUNCTION orders_lines_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM orders_refuse_lines(ARRAY(SELECT DISTINCT order_id FROM added));
    RETURN NULL;
END $$;

-- A change of existing lines waits for whoever has their orders in hand, so that it can't slip past a closing.
CREATE FUNCTION orders_lines_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE identities bigint[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        identities := ARRAY(SELECT order_id FROM was UNION SELECT order_id FROM becomes);
    ELSE
        identities := ARRAY(SELECT DISTINCT order_id FROM was);
    END IF;
    PERFORM 1 FROM orders_order WHERE id = ANY (identities) ORDER BY id FOR SHARE;
    PERFORM orders_refuse_lines(identities);
    RETURN NULL;
END $$;

CREATE TRIGGER closed_order_lines_not_added AFTER INSERT ON orders_line
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION orders_lines_added();
CREATE TRIGGER closed_order_lines_not_changed AFTER UPDATE ON orders_line
    REFERENCING OLD TABLE AS was NEW TABLE AS becomes FOR EACH STATEMENT EXECUTE FUNCTION orders_lines_changed();
CREATE TRIGGER closed_order_lines_not_removed AFTER DELETE ON orders_line
    REFERENCING OLD TABLE AS was FOR EACH STATEMENT EXECUTE FUNCTION orders_lines_changed();

-- TRUNCATE sees no rows. The application's role may not truncate at all; the owner has to say that it is meant.
CREATE FUNCTION orders_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('orderhub.emptying', true), '') <> 'on'
       AND EXISTS (SELECT 1 FROM orders_order WHERE state = 'closed') THEN
        RAISE EXCEPTION 'there are closed orders: % can''t be truncated', TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'closed_orders_are_kept';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER closed_orders_are_kept BEFORE TRUNCATE ON orders_order
    FOR EACH STATEMENT EXECUTE FUNCTION orders_refuse_truncate();
CREATE TRIGGER closed_order_lines_are_kept BEFORE TRUNCATE ON orders_line
    FOR EACH STATEMENT EXECUTE FUNCTION orders_refuse_truncate();
"""

THAW = """
DROP TRIGGER closed_order_lines_are_kept ON orders_line;
DROP TRIGGER closed_orders_are_kept ON orders_order;
DROP TRIGGER closed_order_lines_not_removed ON orders_line;
DROP TRIGGER closed_order_lines_not_changed ON orders_line;
DROP TRIGGER closed_order_lines_not_added ON orders_line;
DROP TRIGGER closed_order_is_kept ON orders_order;
DROP TRIGGER closed_order_is_frozen ON orders_order;
DROP FUNCTION orders_refuse_truncate();
DROP FUNCTION orders_lines_changed();
DROP FUNCTION orders_lines_added();
DROP FUNCTION orders_refuse_lines(bigint[]);
DROP FUNCTION orders_refuse_closed();
"""


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [migrations.RunSQL(FREEZE, THAW)]
