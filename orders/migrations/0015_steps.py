"""How long steps took, kept; every order that is here is measured by the first runs."""

import django.contrib.postgres.fields
from django.db import migrations, models

MEASURE_ALL = """INSERT INTO orders_unmeasured (orders) SELECT array_agg(id) FROM orders_order GROUP BY id / 1000"""


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0014_standings'),
    ]

    operations = [
        migrations.CreateModel(
            name='Measured',
            fields=[
                ('order_id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('steps', models.IntegerField()),
            ],
            options={
                'verbose_name': 'measured order',
                'verbose_name_plural': 'measured orders',
            },
        ),
        migrations.CreateModel(
            name='Unmeasured',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('orders', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
            ],
            options={
                'verbose_name': 'orders to measure',
                'verbose_name_plural': 'orders to measure',
            },
        ),
        migrations.CreateModel(
            name='SlowStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('order_id', models.BigIntegerField()),
                ('step', models.SmallIntegerField()),
                ('day', models.DateField()),
                ('shop_id', models.BigIntegerField()),
                ('warehouse_id', models.BigIntegerField()),
                ('seconds', models.FloatField()),
            ],
            options={
                'verbose_name': 'slow step',
                'verbose_name_plural': 'slow steps',
                'indexes': [models.Index(fields=['step', '-seconds'], name='slowest'), models.Index(fields=['day'], name='slow_day')],
            },
        ),
        migrations.CreateModel(
            name='StepCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('step', models.SmallIntegerField()),
                ('shop_id', models.BigIntegerField()),
                ('warehouse_id', models.BigIntegerField()),
                ('bucket', models.SmallIntegerField()),
                ('n', models.IntegerField()),
                ('late', models.IntegerField()),
            ],
            options={
                'verbose_name': "step's histogram",
                'verbose_name_plural': "steps' histograms",
                'constraints': [models.UniqueConstraint(fields=('day', 'step', 'shop_id', 'warehouse_id', 'bucket'), name='one_count_a_bucket')],
            },
        ),
        migrations.RunSQL(MEASURE_ALL, migrations.RunSQL.noop),
    ]
