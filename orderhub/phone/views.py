"""The phone page's shell: one page, its words, its manifest and its service worker. None of them knows who asks.

The worker is served from here and not from /static/, because a worker reaches no further than its own folder.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from orderhub.phone.words import WORDS

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FOLDER = Path(settings.BASE_DIR) / "static" / "m"
WORKER = "sw.js"
COLOURS = {"page": "#f7f8f8", "main": "#0f766e"}


def _guarded(answer: HttpResponse) -> HttpResponse:
    answer["Content-Security-Policy"] = CSP
    answer["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()"
    answer["Cache-Control"] = "no-cache"
    return answer


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The shell: it is the same for everybody, so that a phone may keep it."""
    return _guarded(render(request, "phone/page.html"))


@require_safe
def words(request: HttpRequest, language: str) -> HttpResponse:
    """Every word of the page in one language: {English: the same in that language}."""
    if language not in dict(settings.LANGUAGES):
        raise Http404
    with translation.override(language):
        return _guarded(JsonResponse({word: _(word) for word in WORDS}))


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """What the phone needs to install the page."""
    told = {
        "id": "/m/", "name": _("OrderHub on the phone"), "short_name": "OrderHub", "start_url": "/m/", "scope": "/m/",
        "display": "standalone", "background_color": COLOURS["page"], "theme_color": COLOURS["main"],
        "lang": translation.get_language(),
        "icons": [
            {"src": static("m/icon.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": "any"},
            *(
                {"src": static(f"m/icon-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png",
                 "purpose": "any maskable"}
                for size in (192, 512)
            ),
        ],
    }  # fmt: skip
    return _guarded(JsonResponse(told, content_type="application/manifest+json"))


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker with the list of what it keeps; another file of the page is another version of it."""
    kept = [reverse("phone"), *(reverse("phone-words", args=[code]) for code, _name in settings.LANGUAGES)]
    kept += [static(f"m/{name}") for name in shell()]
    head = f"const VERSION = {json.dumps(version())}, SHELL = {json.dumps(kept)};\n"
    text = head + (FOLDER / WORKER).read_text("utf-8")
    return _guarded(HttpResponse(text, content_type="text/javascript; charset=utf-8"))


def shell() -> list[str]:
    """Names of the files in static/m/ that the page is made of, without the worker and the install icons."""
    return sorted(
        one.relative_to(FOLDER).as_posix()
        for one in FOLDER.rglob("*")
        if one.suffix in (".js", ".css", ".svg") and one.name != WORKER
    )


def version() -> str:
    """A fingerprint of everything that the worker keeps; read once a process, at every call while developing."""
    return _fingerprint() if settings.DEBUG else _remembered()


@cache
def _remembered() -> str:
    return _fingerprint()


def _fingerprint() -> str:
    text = hashlib.sha256()
    for name in [*shell(), WORKER]:
        text.update(name.encode() + (FOLDER / name).read_bytes())
    text.update((Path(settings.BASE_DIR) / "orderhub/templates/phone/page.html").read_bytes())
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            text.update("\n".join(_(word) for word in WORDS).encode())
    return text.hexdigest()[:16]
