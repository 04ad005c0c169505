"""What is left of a window is counted in rows: a page number means nothing once the size of pages changes."""

from django.db import migrations


def forget_pages(apps, schema_editor):
    """A window that is half read is read again; what was stored twice is stored once."""
    apps.get_model("orders", "Shop").objects.update(window_rows=None)


class Migration(migrations.Migration):
    dependencies = [("orders", "0005_together")]

    operations = [
        migrations.RenameField("shop", "window_page", "window_rows"),
        migrations.RunPython(forget_pages, migrations.RunPython.noop),
    ]
