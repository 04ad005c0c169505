"""The schema (OpenAPI 3.1) and its page, both from this server: nothing is loaded from elsewhere, no inline script."""

from __future__ import annotations

from typing import Any

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class SchemaView(SpectacularAPIView):
    """The schema, to people who are signed in."""


class DocsView(SpectacularSwaggerSplitView):
    """The schema to read and to try, to people who are signed in."""

    url_name = "api-schema"

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """The answer under the strict policy."""
        done = super().finalize_response(request, response, *args, **kwargs)
        done["Content-Security-Policy"] = CSP
        return done
