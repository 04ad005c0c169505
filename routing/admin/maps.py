"""What a Leaflet map of the admin is told: tiles and their datum, words, files. The map itself is static/routing/map.js.

django-leaflet's static files are used, the app is not installed: its forms would need GDAL. Without tiles (the
default) the map draws fences and pins on a plain ground. Mainland tiles are GCJ-02; then what is shown and
what is drawn is converted in the browser, and only WGS-84 is ever sent or stored.
"""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

MEDIA = forms.Media(
    js=["leaflet/leaflet.js", "leaflet/draw/leaflet.draw.js", "routing/map.js"],
    css={"all": ["leaflet/leaflet.css", "leaflet/draw/leaflet.draw.css", "routing/map.css"]},
)

#: The toolbar's texts, in the shape of leaflet-draw's own L.drawLocal.
DRAW_WORDS: dict[str, Any] = {
    "draw": {
        "toolbar": {
            "actions": {"title": _("Stop drawing"), "text": _("Cancel")},
            "finish": {"title": _("Finish drawing"), "text": _("Finish")},
            "undo": {"title": _("Delete the last corner"), "text": _("Delete the last corner")},
            "buttons": {"polygon": _("Draw an area"), "rectangle": _("Draw a rectangle")},
        },
        "handlers": {
            "polygon": {
                "tooltip": {
                    "start": _("Click to begin the area."),
                    "cont": _("Click to add a corner."),
                    "end": _("Click the first corner to close the area."),
                }
            },
            "polyline": {
                "error": _("The border must not cross itself."),
                "tooltip": {"start": "", "cont": "", "end": ""},
            },
            "rectangle": {"tooltip": {"start": _("Press and drag to draw a rectangle.")}},
            "simpleshape": {"tooltip": {"end": _("Release to finish.")}},
        },
    },
    "edit": {
        "toolbar": {
            "actions": {
                "save": {"title": _("Keep the changes"), "text": _("Keep")},
                "cancel": {"title": _("Undo all changes"), "text": _("Cancel")},
                "clearAll": {"title": _("Delete all areas"), "text": _("Delete all")},
            },
            "buttons": {
                "edit": _("Move corners"),
                "editDisabled": _("There is no area to change"),
                "remove": _("Delete areas"),
                "removeDisabled": _("There is no area to delete"),
            },
        },
        "handlers": {
            "edit": {
                "tooltip": {
                    "text": _("Drag the corners; a small one in between makes a new corner."),
                    "subtext": _("“Cancel” undoes the changes."),
                }
            },
            "remove": {"tooltip": {"text": _("Click an area to delete it.")}},
        },
    },
}

WORDS: dict[str, Any] = {
    "outlet": _("%(name)s, %(left)s places left today"),
    "serves": _("serves card %(cards)s"),
    "zoom_in": _("Zoom in"),
    "zoom_out": _("Zoom out"),
    "left": _("left today"),
    "none": _("No outlet here."),
    "more": _("Zoom in to see all fences."),
    "failed": _("The fences could not be loaded. Try again."),
    "full": _("full"),
    "no_fence": _("no fence"),
}


def spoken(words: Any) -> Any:
    """The words in the language of the reader."""
    if isinstance(words, dict):
        return {key: spoken(value) for key, value in words.items()}
    return str(words) if isinstance(words, Promise) else words


def config(**more: Any) -> str:
    """What map.js reads from its element's `data-map`, as JSON."""
    leaflet: dict[str, Any] = settings.LEAFLET_CONFIG  # type: ignore[assignment]
    tiles = [{"url": url, "options": options} for _name, url, options in leaflet.get("TILES", [])]
    lat, lng = leaflet["DEFAULT_CENTER"]
    told = {
        "tiles": tiles,
        "datum": getattr(settings, "MAP_TILES_DATUM", "gcj02") if tiles else "wgs84",
        "center": [lat, lng],
        "zoom": leaflet["DEFAULT_ZOOM"],
        "words": spoken(WORDS),
        **more,
    }
    return json.dumps(told, ensure_ascii=False, default=str)
