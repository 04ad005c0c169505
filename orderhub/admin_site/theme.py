"""unfold's settings: name, colours, sidebar. Rows of the sidebar are dotted or named, never imported."""

UNFOLD: dict[str, object] = {
    "SITE_TITLE": "OrderHub",
    "SITE_HEADER": "OrderHub",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
}
