"""The policies that ship become version 1, published, where staff have not got them yet; nothing there is touched."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from orderhub.rules import registry
from orderhub.rules.documents import digest, shipped
from orderhub.rules.models import Publication, RuleSet, Version


def seed() -> int:
    """Make the rule sets that are missing; returns how many. Repeatable, one transaction."""
    made = 0
    with transaction.atomic():
        for point in registry.points():
            for policy in point.policies:
                owner, new = RuleSet.objects.get_or_create(point=point.code, code=policy.code)
                if not new:
                    continue
                made += 1
                document, now = shipped(policy.document), timezone.now()
                version = Version.objects.create(
                    rule_set=owner, number=1, document=document, digest=digest(document), state=Version.State.LIVE,
                    published_at=now, used_at=now,
                )  # fmt: skip
                Publication.objects.create(rule_set=owner, version=version, action=Publication.Action.PUBLISH)
                in_use = RuleSet.objects.filter(point=point.code, in_use=True).exists()
                RuleSet.objects.filter(id=owner.id).update(live=version, in_use=not in_use)
    return made
