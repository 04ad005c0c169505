"""A shop may be paid through several gateways."""

from django.db import migrations, models


def carry_over(apps, schema_editor):
    shop = apps.get_model("orders", "Shop")
    for row in shop.objects.filter(payment_connection__isnull=False):
        row.payment_connections.add(row.payment_connection_id)


class Migration(migrations.Migration):

    dependencies = [
        ("orderhub", "0004_refused_pushes"),
        ("orders", "0003_quiet_orders"),
    ]

    operations = [
        migrations.AddField(
            model_name="shop",
            name="payment_connections",
            field=models.ManyToManyField(
                blank=True,
                help_text="Accounts at gateways whose notices about this shop's orders are believed.",
                related_name="+",
                to="orderhub.connection",
                verbose_name="payment accounts",
            ),
        ),
        migrations.RunPython(carry_over, migrations.RunPython.noop),
        migrations.RemoveField(model_name="shop", name="payment_connection"),
    ]
