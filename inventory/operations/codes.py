"""Spellings are kept so that each means one SKU: what would mean two is refused, what means none waits for a person."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from inventory.models import Sku, SkuCode, UnknownCode
from inventory.spelling import normal

EVERYONE = "*"
#: What is longer is no code of anything.
LONGEST = 80


class Collision(ValueError):
    """A spelling that means another SKU already; the text is for a clerk, `sku` is the other one."""

    def __init__(self, code: str, sku: Sku) -> None:
        self.sku = sku
        super().__init__(
            _(
                "“%(code)s” is a spelling of %(other)s already. One spelling means one SKU: change it there first."
            )
            % {"code": code, "other": f"{sku.code} {sku.name}"}
        )


def meant(system: str, code: str, *, but: int | None = None) -> Sku | None:
    """Another SKU than `but` that this spelling would collide with: its own code, everyone's, or this system's.

    A spelling for everyone (and a SKU's own code, `system` "*") must be free in every system.
    """
    spelling = normal(code)
    systems = Q() if system == EVERYONE else Q(codes__system__in=(system, EVERYONE))
    clash = Q(normal=spelling) | Q(code=code) | (Q(codes__normal=spelling) & systems)
    return Sku.objects.filter(clash).exclude(pk=but or 0).order_by("id").first()


def _lock(code: str) -> None:
    """Two clerks who write the same spelling: the second sees what the first wrote, or what a file brought."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT pg_advisory_xact_lock_shared(hashtextextended('spellings', 0)),
                      pg_advisory_xact_lock(hashtextextended('spelling:' || %s, 0))""",
            [normal(code)],
        )


def lock_all() -> None:
    """Nobody else writes a spelling until the caller's transaction ends: a file brings very many."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('spellings', 0))")


def check_code(code: str, but: int | None = None) -> None:
    """Collision where a SKU's own code is spelt like another SKU's. In the caller's transaction."""
    check_spelling(EVERYONE, code, but)


def check_spelling(system: str, code: str, sku_id: int | None) -> None:
    """Collision where a system's spelling of a SKU means another one, ValueError where nothing is left of it."""
    if not normal(code):
        raise ValueError(_("A code needs letters or digits."))
    if connection.in_atomic_block:
        _lock(code)
    other = meant(system, code, but=sku_id)
    if other is not None:
        raise Collision(code, other)


def spell(system: str, code: str, sku_id: int) -> SkuCode:
    """Let a system's spelling mean this SKU from now on; Collision where it means another one."""
    with transaction.atomic():
        check_spelling(system, code, sku_id)
        row, _made = SkuCode.objects.get_or_create(
            system=system, normal=normal(code), defaults={"code": code, "sku_id": sku_id}
        )
        return row


def rename(sku: Sku, code: str, name: str) -> None:
    """Give a SKU another code: the old one stays as a spelling for everyone, so that what is under way finds it."""
    with transaction.atomic():
        check_code(code, sku.pk)
        old = sku.code
        sku.code, sku.name = code, name
        sku.save(update_fields=["code", "name"])
        keep_old_code(sku.pk, old, code)


def keep_old_code(sku_id: int, old: str, new: str) -> None:
    """The code that a SKU had is a spelling of it for ever, and what outside systems go on being told."""
    if old == new:
        return
    first = not SkuCode.objects.filter(system=EVERYONE, sku_id=sku_id, sent=True).exists()
    SkuCode.objects.get_or_create(
        system=EVERYONE, normal=normal(old), defaults={"code": old, "sku_id": sku_id, "sent": first}
    )


def note_unknown(seen: Mapping[tuple[str, str], tuple[str, int]]) -> None:
    """Count unknown codes {(system, code): (title, times)} into the mapping queue. One statement."""
    keys = sorted(key for key in seen if len(key[1]) <= LONGEST)
    if not keys:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO inventory_unknowncode (system, code, title, seen, first_seen)
               SELECT v.*, now() FROM unnest(%s::text[], %s::text[], %s::text[], %s::int[]) AS v
               ON CONFLICT (system, code) DO UPDATE SET seen = inventory_unknowncode.seen + EXCLUDED.seen""",
            [
                [k[0] for k in keys],
                [k[1] for k in keys],
                [seen[k][0] for k in keys],
                [seen[k][1] for k in keys],
            ],
        )


def answer_unknown(found: Mapping[tuple[str, str], int]) -> None:
    """Take codes that are known by now, {(system, code): sku}, off the queue. One statement."""
    if not found:
        return
    keys = sorted(found)
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE inventory_unknowncode u SET sku_id = v.sku
               FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS v(system, code, sku)
               WHERE u.system = v.system AND u.code = v.code AND u.sku_id IS NULL""",
            [[k[0] for k in keys], [k[1] for k in keys], [found[k] for k in keys]],
        )


def waiting() -> list[tuple[str, str]]:
    """(system, code) of everything in the queue that nobody has answered."""
    return list(UnknownCode.objects.filter(sku=None).values_list("system", "code"))
