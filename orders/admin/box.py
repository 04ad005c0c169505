"""The search box of the order list: one word or a paste of many; what names exactly one order opens that order's page."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from orderhub import crypto
from orderhub.admin_site.base import need
from orders.finding import PHONE, among, bearing, exact, listed
from orders.operations import pasting

#: What a new search leaves behind of the list's address.
DROPPED = ("q", "p", "e", "pasted")


@require_POST
def search(request: HttpRequest) -> HttpResponse:
    """Go to what was typed or pasted: the one order that it names, or a list."""
    need(request, "orders.view_order")
    text, kept = (
        pasting.clean(request.POST.get("q", "")),
        QueryDict(request.POST.get("kept", ""), mutable=True),
    )
    for name in DROPPED:
        kept.pop(name, None)
    try:
        words = pasting.apart(text)
    except pasting.TooMany as error:
        said = _(
            "%(n)d different numbers were pasted; at most %(most)d are looked up at once. Nothing was searched."
        )
        messages.error(request, said % {"n": error.count, "most": pasting.MOST})
        return _list(kept)
    if not words:
        return _list(kept)
    mine = among(request.user)
    if len(words) > 1 and not _one_thing(text, words, request):
        kept = QueryDict(mutable=True)
        kept["pasted"] = str(pasting.keep(words, request.user).pk)
        return _list(kept)
    word = words[0] if len(words) == 1 else text
    named = exact(word, mine)
    if len(named) == 1:
        return HttpResponseRedirect(reverse("admin:orders_order_change", args=named))
    kept["q"] = word
    return _list(kept)


def _one_thing(text: str, words: list[str], request: HttpRequest) -> bool:
    """Whether words with blanks between them are one: a telephone number, or a code that is written with blanks."""
    if "\n" in text or "," in text or ";" in text:
        return False
    if len(crypto.bare_phone(text)) == PHONE and all(word.strip("+-()").isdigit() for word in words):
        return True
    mine = among(request.user)
    return not bearing(words, mine) and bool(listed(text, mine))


def _list(kept: QueryDict) -> HttpResponse:
    address = reverse("admin:orders_order_changelist")
    return HttpResponseRedirect(f"{address}?{kept.urlencode()}" if kept else address)
