"""Room beside every payload for its claimed version: a claim then touches no index (a heap-only update)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("orderhub", "0007_cancelled_jobs")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE orderhub_payload SET (fillfactor = 50)",
            "ALTER TABLE orderhub_payload RESET (fillfactor)",
        )
    ]
