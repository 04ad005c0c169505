"""The life of a rule version: draft, checked, shadow, live, retired or rolled back; who did it and why.

Everything locks the rule set first, so two people at once do one thing after the other. A draft carries its
revision: who saves over somebody else's is told and given theirs.
"""

from __future__ import annotations

import json
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.rules import checking, engine, failing, registry
from orderhub.rules.documents import digest
from orderhub.rules.models import Publication, RuleSet, Version

FORMAT = "orderhub-rules/1"
#: A file larger than this is no rule set of ours.
LARGEST_FILE = 5_000_000
S, Action = Version.State, Publication.Action


class RuleError(ValueError):
    """Something that can't be done with a rule version; the text is for a clerk."""


class Stale(RuleError):
    """Somebody else saved the draft meanwhile: `theirs` is what stands now."""

    def __init__(self, theirs: Version) -> None:
        who = theirs.edited_by.get_username() if theirs.edited_by else "?"
        super().__init__(_("%(who)s saved this draft meanwhile; look at both before saving.") % {"who": who})
        self.theirs = theirs


class NotReady(RuleError):
    """The version has faults; `faults` says which cells."""

    def __init__(self, faults: list[checking.Fault]) -> None:
        super().__init__("; ".join(fault.text for fault in faults[:5]))
        self.faults = faults


class BadFile(RuleError):
    """An imported file that is damaged or is something else."""


def rule_set(point: str, code: str) -> RuleSet:
    """The policy's row. Raises RuleError where there is none."""
    found = RuleSet.objects.filter(point=point, code=code).first()
    if found is None:
        raise RuleError(_("There is no such policy: %(code)s") % {"code": f"{point}/{code}"})
    return found


def new_draft(
    point: str,
    code: str,
    user: Any,
    *,
    based_on: int | None = None,
    reason: str = "",
    document: dict[str, Any] | None = None,
) -> Version:
    """A draft with a copy of the live document (or of `based_on`, or a document of its own)."""
    with transaction.atomic():
        owner = _locked(rule_set(point, code).id)
        source = owner.versions.filter(pk=based_on or owner.live_id or 0).first()
        if document is None and source is None:
            raise RuleError(_("There is nothing to begin from: no version is live."))
        return _add(owner, document if document is not None else source.document, user, reason, source)  # type: ignore[union-attr]


def _add(owner: RuleSet, document: Any, user: Any, reason: str, source: Version | None) -> Version:
    last = owner.versions.order_by("-number").values_list("number", flat=True).first() or 0
    return Version.objects.create(
        rule_set=owner,
        number=last + 1,
        document=document,
        digest=digest(document),
        author=user,
        edited_by=user,
        reason=reason[:300],
        based_on=source,
    )


def save_draft(version_id: int, document: dict[str, Any], revision: int, user: Any) -> int:
    """Write a draft's document; returns its new revision. A checked one is a draft again.

    Raises Stale where `revision` is not the newest, RuleError where the version is no draft any more.
    """
    with transaction.atomic():
        version = _version(version_id)
        if version.state not in (S.DRAFT, S.CHECKED) or version.used_at is not None:
            raise RuleError(
                _("Version %(number)s is no draft any more; begin a new one from it.")
                % {"number": version.number}
            )
        if version.revision != revision:
            raise Stale(version)
        if version.state == S.CHECKED:
            Version.objects.filter(id=version_id).update(state=S.DRAFT)
        Version.objects.filter(id=version_id).update(
            document=document,
            digest=digest(document),
            revision=revision + 1,
            edited_by=user,
            edited_at=timezone.now(),
        )
    return revision + 1


def discard(version_id: int) -> None:
    """Throw a draft away. Raises RuleError for one that was ever used."""
    with transaction.atomic():
        version = _version(version_id)
        if version.state not in (S.DRAFT, S.CHECKED) or version.used_at is not None:
            raise RuleError(
                _("Version %(number)s was used and is kept for the record.") % {"number": version.number}
            )
        version.delete()


def check_draft(version_id: int, user: Any = None) -> list[checking.Fault]:
    """Check a draft with its assertions; without a fault it is `checked` and may go into shadow or live."""
    with transaction.atomic():
        version = _version(version_id)
        faults = _faults(version, user)
        if version.state in (S.DRAFT, S.CHECKED):
            Version.objects.filter(id=version_id).update(state=S.DRAFT if faults else S.CHECKED)
    return faults


def _faults(version: Version, user: Any) -> list[checking.Fault]:
    owner = version.rule_set
    functions = bool(user is not None and user.has_perm("orderhub.write_functions"))
    faults = checking.check(owner.point, version.document, functions=functions)
    return faults or checking.broken_assertions(owner.point, version.document, owner.assertions.all())


def publish(version_id: int, user: Any, reason: str = "") -> Version:
    """Make a version live: checked once more, felt by every process within five seconds. Raises NotReady, RuleError."""
    with transaction.atomic():
        version = _version(version_id)
        if version.state not in (S.DRAFT, S.CHECKED, S.SHADOW):
            raise RuleError(
                _("Version %(number)s was live before; begin a draft from it or roll back.")
                % {"number": version.number}
            )
        faults = _faults(version, user)
        if faults:
            raise NotReady(faults)
        owner = version.rule_set
        good = owner.good_id if owner.failing_since else owner.live_id
        _go_live(owner, version, user, reason, good, S.RETIRED, Action.PUBLISH)
    return version


def roll_back(rule_set_id: int, user: Any, reason: str = "", to: int | None = None) -> Version:
    """The version that was live before (or a named earlier one) decides again. Raises RuleError where there is none."""
    with transaction.atomic():
        owner = _locked(rule_set_id)
        earlier = (
            owner.versions.filter(state=S.RETIRED).exclude(id=owner.live_id or 0).order_by("-published_at")
        )
        target = (earlier.filter(id=to) if to else earlier).first()
        if target is None:
            raise RuleError(_("There is no earlier version to go back to."))
        good = earlier.exclude(id=target.id).filter(published_at__lt=target.published_at).first()
        _go_live(
            owner, target, user, reason, good.id if good else None, S.ROLLED_BACK, Action.ROLL_BACK, old=True
        )
    return target


def _go_live(
    owner: RuleSet,
    version: Version,
    user: Any,
    reason: str,
    good: int | None,
    before: Version.State,
    action: Publication.Action,
    old: bool = False,
) -> None:
    now = timezone.now()
    if owner.live_id:
        Version.objects.filter(id=owner.live_id).update(state=before)
    columns: dict[str, Any] = {"state": S.LIVE}
    if not old:
        columns |= {"published_at": now, "published_by": user, "used_at": now}
        if reason:
            columns["reason"] = reason[:300]
    Version.objects.filter(id=version.id).update(**columns)
    shadow = None if owner.shadow_id == version.id else owner.shadow_id
    RuleSet.objects.filter(id=owner.id).update(live=version, good=good, shadow=shadow, failing_since=None)
    _written(owner, version, action, user, reason)
    version.refresh_from_db()


def choose(point: str, code: str, user: Any, reason: str = "") -> RuleSet:
    """Put another policy of the point in use. Raises RuleError where it has no live version."""
    with transaction.atomic():
        every = {
            row.code: row for row in RuleSet.objects.select_for_update().filter(point=point).order_by("id")
        }
        chosen = every.get(code)
        if chosen is None or chosen.live_id is None:
            raise RuleError(_("This policy has no published version yet."))
        if not chosen.in_use:
            RuleSet.objects.filter(point=point, in_use=True).update(in_use=False)
            RuleSet.objects.filter(id=chosen.id).update(in_use=True)
            _written(chosen, chosen.live, Action.CHOOSE, user, reason)
    chosen.refresh_from_db()
    return chosen


def start_shadow(version_id: int, user: Any, reason: str = "") -> Version:
    """Let a checked version run beside the live one without deciding. Raises NotReady, RuleError."""
    with transaction.atomic():
        version = _version(version_id)
        if version.state not in (S.DRAFT, S.CHECKED):
            raise RuleError(_("Only a draft can run in shadow."))
        faults = _faults(version, user)
        if faults:
            raise NotReady(faults)
        owner = version.rule_set
        if owner.shadow_id:
            Version.objects.filter(id=owner.shadow_id).update(state=S.CHECKED)
        Version.objects.filter(id=version.id).update(state=S.SHADOW, used_at=timezone.now())
        RuleSet.objects.filter(id=owner.id).update(shadow=version)
        _written(owner, version, Action.SHADOW, user, reason)
    version.refresh_from_db()
    return version


def stop_shadow(rule_set_id: int, user: Any, reason: str = "") -> None:
    """The shadow version decides nothing and is asked nothing any more; it may still be published."""
    with transaction.atomic():
        owner = _locked(rule_set_id)
        if owner.shadow_id is None:
            return
        Version.objects.filter(id=owner.shadow_id).update(state=S.CHECKED)
        RuleSet.objects.filter(id=owner.id).update(shadow=None)
        _written(owner, owner.shadow, Action.UNSHADOW, user, reason)


def _written(
    owner: RuleSet, version: Version | None, action: Publication.Action, user: Any, reason: str
) -> None:
    Publication.objects.create(rule_set=owner, version=version, action=action, by=user, reason=reason[:300])
    transaction.on_commit(_felt_here)


def _felt_here() -> None:
    engine.forget_heads()
    failing.forget()


def _locked(rule_set_id: int) -> RuleSet:
    try:
        return RuleSet.objects.select_for_update().get(id=rule_set_id)
    except RuleSet.DoesNotExist:
        raise RuleError(_("There is no such policy.")) from None


def _version(version_id: int) -> Version:
    """The version as it stands, its rule set locked."""
    owner = Version.objects.filter(id=version_id).values_list("rule_set_id", flat=True).first()
    if owner is None:
        raise RuleError(_("There is no such version."))
    locked = _locked(owner)
    version = Version.objects.select_related("edited_by").get(id=version_id)
    version.rule_set = locked
    return version


def export_file(version_id: int) -> bytes:
    """A version as a JSON file with the digest of its document."""
    version = Version.objects.select_related("rule_set").get(id=version_id)
    body = {
        "format": FORMAT,
        "point": version.rule_set.point,
        "policy": version.rule_set.code,
        "version": version.number,
        "digest": version.digest,
        "document": version.document,
    }
    return json.dumps(body, ensure_ascii=False, indent=1).encode()


def import_file(raw: bytes, point: str, code: str, user: Any) -> Version:
    """A draft out of an exported file. Raises BadFile, in words, for one that is damaged or of another point."""
    if len(raw) > LARGEST_FILE:
        raise BadFile(_("The file is too large to be a rule set."))
    try:
        body = json.loads(raw.decode("utf-8-sig"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadFile(_("The file is damaged or is no rule file: it is not JSON.")) from None
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise BadFile(_("This is no rule file of OrderHub."))
    if body.get("point") != point:
        try:
            theirs = str(registry.point(str(body.get("point"))).label)
        except registry.NoSuchPoint:
            theirs = str(body.get("point"))[:40]
        raise BadFile(_("The file belongs to another decision point: %(point)s.") % {"point": theirs})
    document = body.get("document")
    if not isinstance(document, dict) or digest(document) != body.get("digest"):
        raise BadFile(_("The file is damaged: its content does not fit its digest. Export it again."))
    if "\\u0000" in json.dumps(document):
        raise BadFile(_("The file contains characters that can't be stored."))
    words = _("from a file: %(policy)s version %(version)s")
    reason = words % {"policy": str(body.get("policy"))[:30], "version": str(body.get("version"))[:10]}
    return new_draft(point, code, user, document=document, reason=reason)


def _no_constant(word: str) -> float:
    raise ValueError(word)
