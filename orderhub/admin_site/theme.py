"""unfold's settings: name, colours, sidebar. Rows of the sidebar are dotted or named, never imported.

The primary scale is one step darker than usual, so that white on 600 and 600 on white pass WCAG AA.
"""

from __future__ import annotations

from django.http import HttpRequest
from django.templatetags.static import static


def stylesheet(request: HttpRequest) -> str:
    """The house's own CSS, after unfold's."""
    return static("orderhub/admin.css")


def script(request: HttpRequest) -> str:
    """Names for what the theme's select boxes leave unnamed."""
    return static("orderhub/names.js")


def copying(request: HttpRequest) -> str:
    """The small buttons that copy a value."""
    return static("orderhub/copy.js")


def icon(request: HttpRequest) -> str:
    """The mark beside the name."""
    return static("orderhub/mark.svg")


UNFOLD: dict[str, object] = {
    "LOGIN": {"form": "orderhub.admin_site.signing_in.LimitedForm"},
    "SITE_TITLE": "OrderHub",
    "SITE_HEADER": "OrderHub",
    "SITE_ICON": icon,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": icon}],
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "SHOW_BACK_BUTTON": False,
    "BORDER_RADIUS": "8px",
    "STYLES": [stylesheet],
    "SCRIPTS": [script, copying],
    "DASHBOARD_CALLBACK": "orderhub.admin_site.dashboard.today",
    "COMMAND": {"search_models": False, "show_history": False},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "orderhub.admin_site.sidebar.navigation",
    },
    "COLORS": {
        "base": {
            "50": "#f7f8f8",
            "100": "#eff1f1",
            "200": "#e0e4e4",
            "300": "#cbd2d2",
            "400": "#9aa5a6",
            "500": "#667273",
            "600": "#4c5859",
            "700": "#3a4546",
            "800": "#252e2f",
            "900": "#161d1e",
            "950": "#0d1213",
        },
        "primary": {
            "50": "#effcf9",
            "100": "#d3f5ee",
            "200": "#a8eade",
            "300": "#71d8c9",
            "400": "#3ebfb0",
            "500": "#2aa79a",
            "600": "#0f766e",
            "700": "#0d625c",
            "800": "#0e4f4b",
            "900": "#10413e",
            "950": "#032524",
        },
    },
}
