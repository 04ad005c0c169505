"""Amap's Web service: every answer is HTTP 200, what went wrong is an infocode, and what is absent is an empty list.

Coordinates stay as Amap gives them (GCJ-02 text, longitude first); whoever reads them says so and converts.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
from django.utils.translation import gettext as _

from orderhub.integrations import http, signing
from orderhub.integrations.clients.base import BEIJING, Client
from orderhub.integrations.errors import Kind, PlatformError

#: A clerk waits for these: what is not there quickly is asked again by itself.
READ_SECONDS = 4.0
#: infocode → what it means; codes that are not listed are a business refusal.
CODES: dict[str, Kind] = {
    **dict.fromkeys(("10004", "10014", "10015", "10016", "10017", "10019", "10020", "10021", "20003"), "retry"),
    **dict.fromkeys(("10003", "10010", "10044"), "retry"),  # the quota of a day or of an address: see `_wait`
    **dict.fromkeys(
        ("10001", "10002", "10005", "10006", "10007", "10008", "10009", "10011", "10012", "10013", "10026", "10029",
         "10041", "10045", "40000", "40002", "40003"), "configuration",
    ),
}  # fmt: skip
DAY_IS_OVER = ("10003", "10044")
#: The engine found nothing that it could resolve: no error for us.
NOT_FOUND = (
    "30001", "30002", "30003", "32000", "32001", "32002", "32003", "32200", "32201", "32202", "32203",
)  # fmt: skip


class Amap(Client):
    """Input tips, POI search 2.0 and geocoding."""

    platform = "amap"

    def tips(self, keywords: str, city: str = "", limited: bool = True) -> list[dict[str, str]]:
        """Places that the words may mean, best first: id, name, district, adcode, address, location, typecode.

        The cheapest question. Tips without a place (categories, bus lines) are left out.
        """
        asked = {"keywords": keywords[:80], "datatype": "poi"}
        if city:
            asked |= {"city": city, "citylimit": "true" if limited else "false"}
        answer = self.call("/v3/assistant/inputtips", asked)
        return [row for row in _rows(answer, "tips") if row.get("id") and row.get("location")]

    def search(self, keywords: str, region: str = "", size: int = 10) -> list[dict[str, str]]:
        """POI search 2.0: id, name, address, location, adcode, pname, cityname, adname, type …, best first."""
        asked = {"keywords": keywords[:80], "page_size": str(min(max(size, 1), 25)), "page_num": "1"}
        if region:
            asked |= {"region": region, "city_limit": "true"}
        return [row for row in _rows(self.call("/v5/place/text", asked), "pois") if row.get("location")]

    def geocode(self, address: str, city: str = "") -> list[dict[str, str]]:
        """Geocodes of an address: formatted_address, adcode, street, number, location, level (its precision)."""
        asked = {"address": address} | ({"city": city} if city else {})
        return [row for row in _rows(self.call("/v3/geocode/geo", asked), "geocodes") if row.get("location")]

    def call(self, path: str, params: dict[str, str]) -> dict[str, Any]:
        """One question; {} where the engine found nothing to answer. Signed where the connection has a private key."""
        asked = {**params, "key": self.connection.app_key, "output": "JSON"}
        private = self.connection.secrets.get("private_key") or self.connection.secrets.get("app_secret")
        if private:
            asked["sig"] = signing.amap(str(private), asked)
        request = http.Outgoing(
            "GET",
            f"{self.base_url}{path}?{urlencode(asked)}",
            headers=(("Accept", "application/json"),),
            read_seconds=READ_SECONDS,
            shown=path,  # the words of a buyer's address are nothing for the list of calls
        )
        return self._call(path.strip("/").replace("/", "."), request, effect=False, read=_read)


def _read(response: httpx.Response) -> dict[str, Any]:
    answer = http.json_object(response, effect=False)
    code = str(answer.get("infocode") or "")
    if str(answer.get("status")) == "1" and code in ("", "10000"):
        return answer
    if code in NOT_FOUND:
        return {}
    if not code:
        raise http.unreadable(effect=False)
    text = str(answer.get("info") or _("Amap refused the question."))
    raise PlatformError(CODES.get(code, "business"), code, text, _wait(code))


def _wait(code: str) -> float | None:
    """Seconds to leave it alone: until midnight in Beijing for a day's quota, a second for too fast."""
    if code in DAY_IS_OVER:
        now = datetime.now(BEIJING)
        midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        return (midnight - now).total_seconds()
    return 1.0 if CODES.get(code) == "retry" else None


def _rows(answer: dict[str, Any], name: str) -> list[dict[str, str]]:
    """The list under a name, every value a text; Amap's `[]` for an absent value becomes an empty one."""
    rows = answer.get(name)
    if rows in (None, [], ""):
        return []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise http.unreadable(effect=False)
    return [
        {
            key: "" if isinstance(value, list | dict) or value is None else str(value)
            for key, value in row.items()
        }
        for row in rows
    ]
