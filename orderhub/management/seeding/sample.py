"""The sample as tables of this session: baskets, people with their addresses, and the shelf of each SKU in each warehouse."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection

from inventory.models import Sku, Stock
from orderhub import crypto, geo
from orderhub.copying import copy_rows
from orderhub.sandbox import catalogue
from orderhub.sandbox.population import GIVEN, SURNAMES

#: People who buy; each lives at one address of the sample. Their phones' tails are all of 0000 to 9999, half as often again.
PEOPLE = 15_000
PHONE_STARTS = ("130", "135", "138", "150", "158", "177", "186", "199")
SIZES = """
    CREATE TEMP TABLE seed_basket (basket int, line int, sku_id bigint, code text, name text, quantity int, price numeric,
        weight_g int);
    CREATE TEMP TABLE seed_head (basket int PRIMARY KEY, minute int, goods numeric, pieces int, lines int, weight_g int);
    CREATE TEMP TABLE seed_person (person int PRIMARY KEY, buyer text, name_mask text, phone_mask text, address_mask text,
        province text, city text, district text, town text, adcode text, plain_enc bytea, phone_hash text, tail_hash text,
        lng float8, lat float8);
    CREATE TEMP TABLE seed_shelf (warehouse_id bigint, sku_id bigint, bin_id bigint, PRIMARY KEY (warehouse_id, sku_id));
"""


def load(skus: Mapping[str, int], houses: Sequence[int], seed: int) -> int:
    """Fill the temporary tables; returns how many baskets there are."""
    goods = {sku.pk: sku for sku in Sku.objects.filter(pk__in=skus.values())}
    with connection.cursor() as cursor:
        cursor.execute(SIZES)
    baskets = [
        [(skus[code], quantity, price) for code, quantity, price in basket.lines if code in skus]
        for basket in catalogue.baskets()
    ]
    minutes = [basket.minute for basket in catalogue.baskets()]
    full = [number for number, lines in enumerate(baskets) if lines]
    _copy(
        "seed_basket", "basket line sku_id code name quantity price weight_g",
        (
            (place, line, sku, goods[sku].code, goods[sku].name, quantity, price, goods[sku].weight_g)
            for place, number in enumerate(full)
            for line, (sku, quantity, price) in enumerate(baskets[number], 1)
        ),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO seed_head SELECT b.basket, m.minute, sum(b.quantity * b.price), sum(b.quantity), count(*),
                   sum(b.quantity * b.weight_g)
               FROM seed_basket b JOIN unnest(%s::int[]) WITH ORDINALITY AS m(minute, place) ON m.place = b.basket + 1
               GROUP BY b.basket, m.minute""",
            [[minutes[number] for number in full]],
        )
    _copy(
        "seed_person",
        "person buyer name_mask phone_mask address_mask province city district town adcode plain_enc phone_hash tail_hash"
        " lng lat",
        _people(random.Random(seed)),
    )
    shelves = (
        Stock.objects.filter(bin__warehouse_id__in=houses, bin__sellable=True)
        .order_by("bin__warehouse_id", "sku_id", "bin_id")
        .distinct("bin__warehouse_id", "sku_id")
        .values_list("bin__warehouse_id", "sku_id", "bin_id")
    )
    _copy("seed_shelf", "warehouse_id sku_id bin_id", shelves)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE INDEX ON seed_basket (basket); ANALYZE seed_basket, seed_head, seed_person, seed_shelf"
        )
    return len(full)


def _copy(table: str, columns: str, rows: Iterable[Sequence[Any]]) -> None:
    copy_rows(table, columns.split(), rows)


def _people(lot: random.Random) -> Iterable[tuple[Any, ...]]:
    addresses = catalogue.addresses()
    for person in range(PEOPLE):
        at = addresses[person % len(addresses)]
        name = lot.choice(SURNAMES) + "".join(lot.sample(GIVEN, lot.choice((1, 2))))
        phone = f"{lot.choice(PHONE_STARTS)}{lot.randrange(10_000):04}{person % 10_000:04}"
        whole = f"{at.province}{at.city if at.city != at.province else ''}{at.district}{at.town}{at.detail}"
        plain = json.dumps({"name": name, "phone": phone, "address": whole}, ensure_ascii=False)
        lng, lat = (None, None)
        if at.lng is not None and at.lat is not None:
            lng, lat = map(float, geo.convert(at.lng, at.lat, "gcj02", "wgs84"))
        yield (
            person, f"seed{person:05}", crypto.mask_name(name), crypto.mask_phone(phone), crypto.mask_address(whole),
            at.province, at.city, at.district, at.town, at.adcode, crypto.encrypt(plain.encode()),
            crypto.phone_hash(phone), crypto.tail_hash(phone), lng, lat,
        )  # fmt: skip
