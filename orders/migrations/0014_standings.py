"""The board's counters, and the triggers that write down which orders a statement stirred.

One row a statement, none where nothing moved that the board tells apart (a claim, a lease, a tag). What a queue is stands
in the code and not here: a trigger only names orders.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

#: The columns by which the board tells orders apart.
TOLD = "state shop_id warehouse_id open_holds refund_state promised_ship_at shipped_at".split()

STIR = f"""
CREATE FUNCTION orders_stir_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO orders_stir (orders) SELECT array_agg(id) FROM becomes HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE FUNCTION orders_stir_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO orders_stir (orders) SELECT array_agg(n.id) FROM becomes n JOIN was w ON w.id = n.id
        WHERE ({", ".join(f"n.{name}" for name in TOLD)}) IS DISTINCT FROM ({", ".join(f"w.{name}" for name in TOLD)})
        HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE FUNCTION orders_stir_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO orders_stir (orders) SELECT array_agg(id) FROM was HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER order_stirs_added AFTER INSERT ON orders_order
    REFERENCING NEW TABLE AS becomes FOR EACH STATEMENT EXECUTE FUNCTION orders_stir_added();
CREATE TRIGGER order_stirs_changed AFTER UPDATE ON orders_order
    REFERENCING OLD TABLE AS was NEW TABLE AS becomes FOR EACH STATEMENT EXECUTE FUNCTION orders_stir_changed();
CREATE TRIGGER order_stirs_removed AFTER DELETE ON orders_order
    REFERENCING OLD TABLE AS was FOR EACH STATEMENT EXECUTE FUNCTION orders_stir_removed();

CREATE FUNCTION orders_stir_held() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO orders_stir (orders) SELECT array_agg(DISTINCT order_id) FROM becomes HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE FUNCTION orders_stir_freed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO orders_stir (orders) SELECT array_agg(DISTINCT order_id) FROM was HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER hold_stirs_added AFTER INSERT ON orders_hold
    REFERENCING NEW TABLE AS becomes FOR EACH STATEMENT EXECUTE FUNCTION orders_stir_held();
CREATE TRIGGER hold_stirs_changed AFTER UPDATE ON orders_hold
    REFERENCING NEW TABLE AS becomes FOR EACH STATEMENT EXECUTE FUNCTION orders_stir_held();
CREATE TRIGGER hold_stirs_removed AFTER DELETE ON orders_hold
    REFERENCING OLD TABLE AS was FOR EACH STATEMENT EXECUTE FUNCTION orders_stir_freed();

-- What is here already is counted by the first folds.
INSERT INTO orders_stir (orders)
    SELECT array_agg(id) FROM orders_order WHERE state NOT IN ('closed', 'cancelled') GROUP BY id / 1000;
"""

STILL = """
DROP TRIGGER hold_stirs_removed ON orders_hold;
DROP TRIGGER hold_stirs_changed ON orders_hold;
DROP TRIGGER hold_stirs_added ON orders_hold;
DROP TRIGGER order_stirs_removed ON orders_order;
DROP TRIGGER order_stirs_changed ON orders_order;
DROP TRIGGER order_stirs_added ON orders_order;
DROP FUNCTION orders_stir_freed();
DROP FUNCTION orders_stir_held();
DROP FUNCTION orders_stir_removed();
DROP FUNCTION orders_stir_changed();
DROP FUNCTION orders_stir_added();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0013_another_article'),
    ]

    operations = [
        migrations.CreateModel(
            name='Stir',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('orders', ArrayField(base_field=models.BigIntegerField(), size=None)),
            ],
            options={
                'verbose_name': 'stirred orders',
                'verbose_name_plural': 'stirred orders',
            },
        ),
        migrations.AlterField(
            model_name='hold',
            name='type',
            field=models.CharField(choices=[('duplicate', 'suspected duplicate'), ('payment', 'payment not proved'), ('refund', 'refund asked before shipping'), ('address', 'address to be checked'), ('mapping', 'goods code unknown'), ('stock', 'not enough stock'), ('backorder', 'waits for goods to arrive'), ('route', 'no route'), ('platform', 'locked by the platform'), ('elsewhere', 'shipped on the platform, not from here'), ('unknown', 'unknown word from the platform'), ('broken', 'could not be processed'), ('rejected', 'refused by the warehouse'), ('weight', 'weight off'), ('late_payment', 'paid after expiry, no stock'), ('risk', 'suspicious'), ('stock_lock', 'stock nearly used up'), ('rule', 'held by a rule'), ('manual', 'held by hand')], max_length=14, verbose_name='type'),
        ),
        migrations.CreateModel(
            name='Standing',
            fields=[
                ('order_id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('state', models.CharField(max_length=12)),
                ('shop_id', models.BigIntegerField()),
                ('warehouse_id', models.BigIntegerField()),
                ('queue', models.CharField(max_length=12)),
                ('due', models.DateTimeField(null=True)),
                ('hour', models.IntegerField()),
            ],
            options={
                'verbose_name': 'standing',
                'verbose_name_plural': 'standings',
                'indexes': [models.Index(condition=models.Q(('hour__gt', 0)), fields=['hour'], name='standing_hour')],
            },
        ),
        migrations.CreateModel(
            name='StandingCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(max_length=12)),
                ('shop_id', models.BigIntegerField()),
                ('warehouse_id', models.BigIntegerField()),
                ('queue', models.CharField(max_length=12)),
                ('hour', models.IntegerField()),
                ('n', models.IntegerField()),
            ],
            options={
                'verbose_name': 'counter',
                'verbose_name_plural': 'counters',
                'constraints': [models.UniqueConstraint(fields=('state', 'shop_id', 'warehouse_id', 'queue', 'hour'), name='one_counter_a_place')],
            },
        ),
        migrations.RunSQL(STIR, STILL),
    ]
