"""A fence as a form field: drawn on a map, checked like an imported one, also typed as GeoJSON."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.forms.fields import InvalidJSONInput
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now

from routing.admin.maps import DRAW_WORDS, MEDIA, config, spoken
from routing.geometry import BadGeometry, check

MAX_TEXT = 2_000_000


class FenceWidget(forms.Textarea):
    """The map with drawing tools over a text area that holds the GeoJSON (and stays usable without the map)."""

    #: FeatureCollection of the fences around, drawn beneath for orientation.
    others: dict[str, Any] | None = None

    @property
    def media(self) -> forms.Media:
        return MEDIA

    def format_value(self, value: Any) -> str:
        if value in (None, "", "null"):
            return ""
        return value if isinstance(value, str) else json.dumps(value)

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        attrs = {**(attrs or {}), "rows": 6, "spellcheck": "false", "class": "oh-input oh-code"}
        told = config(kind="draw", field=attrs.get("id", ""), draw=spoken(DRAW_WORDS), others=self.others)
        text = super().render(name, value, attrs, renderer)
        return render_to_string(
            "routing/fence_field.html", {"config": told, "text": text, "id": attrs.get("id", "")}
        )  # type: ignore[return-value]


class FenceField(forms.JSONField):
    """GeoJSON in WGS-84; `notices` of the last clean are kept on the field for the page to show."""

    widget = FenceWidget

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.notices: list[str] = []

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and len(value) > MAX_TEXT:
            raise forms.ValidationError(_now("The area has too many corners to be typed."))
        try:
            return super().to_python(value)
        except RecursionError as error:
            raise forms.ValidationError(_now("This is not GeoJSON.")) from error

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What was typed, shown again as it is: it need not be JSON."""
        return InvalidJSONInput(data) if isinstance(data, str) else data

    def clean(self, value: Any) -> Any:
        read = super().clean(value)
        if read in self.empty_values:
            return read
        try:
            checked = check(read, "wgs84")
        except BadGeometry as error:
            raise forms.ValidationError(str(error)) from error
        self.notices = list(checked.notices)
        return checked.geometry

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the area differs; order of keys and blanks in the text do not count."""
        try:
            return bool(json.loads(data or "null") != json.loads(json.dumps(initial)))
        except (TypeError, ValueError, RecursionError):
            return True
