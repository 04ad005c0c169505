"""What is learned every hour: a threshold for each city from its picks, and places from own-shop parcels that arrived.

A threshold is made only from decisions of people who saw the candidates; where they were few, the city has none and
the one of all cities holds.
"""

from __future__ import annotations

import datetime as dt
import json

from django.db import transaction

from orderhub import crypto
from orders import queries as orders
from routing.addresses import calibrate
from routing.models import AddressCache, AddressPick, AddressPolicy, AddressThreshold, KnownPlace
from routing.operations.deciding import CONTEXT, Choice, Way
from routing.providers import local

#: Picks that are looked at, newest first, and how far back.
MOST_PICKS, PICKS_FOR = 20_000, dt.timedelta(days=180)
MOST_DELIVERED = 500
#: A decision says something about the first candidate only where one was picked, or all were passed over.
TOLD = (Choice.CANDIDATE, Choice.SEARCH, Choice.PIN)


def run(now: dt.datetime) -> dict[str, int]:
    """Everything; how many of each."""
    AddressCache.objects.filter(until__lt=now).delete()
    return {"thresholds": thresholds(now), "places": delivered(now)}


def thresholds(now: dt.datetime) -> int:
    """Compute every city's threshold anew; returns how many."""
    rows = (
        AddressPick.objects.filter(
            undone_at=None,
            at__gt=now - PICKS_FOR,
            way__in=(Way.KEY, Way.MOUSE, Way.TOUCH),
            choice__in=TOLD,
            sure__gt=0,
        )
        .order_by("-id")
        .values_list("city", "sure", "rank", "agrees")[:MOST_PICKS]
    )
    picks = [(city, sure, agrees if agrees is not None else rank == 1) for city, sure, rank, agrees in rows]
    made = calibrate.calibrate(picks, AddressPolicy.current().precision)
    found = [
        AddressThreshold(
            city=city, value=t.value, error=t.error, coverage=t.coverage, picks=t.picks, computed_at=now
        )
        for city, t in made.items()
    ]
    with transaction.atomic():
        AddressThreshold.objects.all().delete()
        AddressThreshold.objects.bulk_create(found)
    return len(found)


def delivered(now: dt.datetime) -> int:
    """Places of own-shop orders that were signed: their reviewed points, sealed; returns how many are new."""
    rows = AddressPick.objects.filter(
        undone_at=None, precision__in=("door", "building", "poi", "pin"), at__gt=now - PICKS_FOR
    ).order_by("-id")[: MOST_DELIVERED * 4]
    picks = {pick.order_id: pick for pick in rows}
    signed = [i for i, head in orders.heads(list(picks)).items() if head.state in ("signed", "closed")]
    codes = set(KnownPlace.objects.filter(source=KnownPlace.Source.DELIVERED).values_list("code", flat=True))
    refs = orders.receivers(signed[:MOST_DELIVERED])
    made: dict[str, KnownPlace] = {}
    for order_id, ref in refs.items():
        if ref.visibility != "plain" or ref.lng is None or ref.lat is None or not ref.plain:
            continue
        kept = json.loads(crypto.decrypt(bytes(picks[order_id].sealed or b""), CONTEXT))
        name, address = kept["name"], ref.plain["address"]
        code = crypto.keyed_hash(f"place:{ref.adcode}:{name or address}")
        if code not in codes:
            body = json.dumps(
                {"name": name.rpartition(" ")[2], "address": name.partition(" ")[0] or address},
                ensure_ascii=False,
            )
            made[code] = KnownPlace(
                source=KnownPlace.Source.DELIVERED, code=code, adcode=ref.adcode[:9], lng=ref.lng, lat=ref.lat,
                sealed=crypto.encrypt(body.encode(), local.CONTEXT),
            )  # fmt: skip
    KnownPlace.objects.bulk_create(made.values(), ignore_conflicts=True)
    return len(made)
