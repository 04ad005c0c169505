"""What goes over the wire: pages are packed and the API is not; the small icon font has every icon that is named."""

from __future__ import annotations

import gzip
import re

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

from orderhub.admin_site import make_fonts

WRITTEN = re.compile(r"""material-symbols-outlined[^>]*>\s*([a-z0-9_]+)\s*<""")
#: An icon that a stylesheet puts before or after something: the calendar of a date, the clock of a time.
STYLED = re.compile(r"""content: ?["']([a-z][a-z0-9_]{3,})["']""")


def test_that_every_icon_written_in_a_page_is_in_the_small_font():
    known = set(make_fonts.NAMES.read_text(encoding="utf-8").split())
    named = {
        (path.name, icon)
        for path in make_fonts.sources()
        for icon in (STYLED if path.suffix == ".css" else WRITTEN).findall(path.read_text(encoding="utf-8"))
    }
    assert len(named) > 100 and "calendar_today" in {icon for _name, icon in named}
    missing = {(name, icon) for name, icon in named if icon not in known}
    assert not missing, f"python -m orderhub.admin_site.make_fonts; missing: {missing}"


@pytest.mark.parametrize(
    "font", ["inter/Inter-Regular.woff2", "material-symbols/Material-Symbols-Outlined.woff2"]
)
def test_that_the_small_fonts_take_the_place_of_those_of_unfold(font):
    found = finders.find(f"unfold/fonts/{font}")
    assert str(found).startswith(str(make_fonts.ROOT / "static"))
    assert (make_fonts.ROOT / make_fonts.FONTS / font).stat().st_size < 30_000


@pytest.mark.django_db
def test_that_pages_are_packed_and_answers_of_the_api_keep_their_strong_etag():
    client = Client(HTTP_ACCEPT_ENCODING="gzip")
    client.force_login(User.objects.create_superuser("boss", password="x"))
    page = client.get(reverse("admin:index"))
    assert page["Content-Encoding"] == "gzip" and "Accept-Encoding" in page["Vary"]
    assert b"<html" in gzip.decompress(page.content)
    schema = client.get(reverse("api-schema"))
    assert schema.status_code == 200 and len(schema.content) > 10_000
    assert not schema.has_header("Content-Encoding")
