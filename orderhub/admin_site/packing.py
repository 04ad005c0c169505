"""Pages go over the wire packed: a list of a hundred orders weighs a tenth.

Only HTML: an answer of the API keeps its strong ETag (Django's packing makes it weak, and If-Match compares strongly), files
are packed already or streamed. Against guessing secrets from lengths (BREACH) Django adds up to a hundred random bytes.
"""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class PackedPages(GZipMiddleware):
    """Django's own packing, of pages alone."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.streaming or not response.get("Content-Type", "").startswith("text/html"):
            return response
        return super().process_response(request, response)
