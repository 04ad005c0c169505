"""Editing a draft: as plain tables, or on the canvas. Both save the same document under the same revision."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from orderhub.admin_site.base import need
from orderhub.admin_site.marks import moment
from orderhub.env import ROOT
from orderhub.rules import checking, engine, publishing, registry, tables
from orderhub.rules.compiled import Failed, Runnable
from orderhub.rules.differences import differences
from orderhub.rules.models import Version
from orderhub.rules.points import Field, Point

SEE, CHANGE, PUBLISH = "orderhub.view_ruleset", "orderhub.change_ruleset", "orderhub.publish_ruleset"
#: A longer list of choices is typed, not picked.
MOST_CHOICES = 400
LARGEST_BODY = 8_000_000


def _version(version_id: int) -> Version:
    return get_object_or_404(Version.objects.select_related("rule_set__live", "edited_by"), pk=version_id)


def editable(version: Version) -> bool:
    """Whether it is a draft that never decided anything."""
    return version.state in (Version.State.DRAFT, Version.State.CHECKED) and version.used_at is None


def _shown(request: HttpRequest, version: Version) -> dict[str, Any]:
    """What both pages show of a version."""
    live = version.rule_set.live
    may = request.user.has_perm(CHANGE) and editable(version)
    return {
        "version": version, "name": f"{version.rule_set.title} {version}", "point": registry.point(version.rule_set.point),
        "may": may, "may_publish": request.user.has_perm(PUBLISH), "open": version.state in ("draft", "checked", "shadow"),
        "used": not editable(version), "edited": moment(version.edited_at), "editor": _who(version),
        "changes": differences(live.document, version.document) if live is not None and live.pk != version.pk else [],
        "faults": faults_of(request, version), **admin.site.each_context(request),
    }  # fmt: skip


def _who(version: Version) -> str:
    return version.edited_by.get_username() if version.edited_by else ""


def faults_of(request: HttpRequest, version: Version) -> list[checking.Fault]:
    """What is wrong with the document, cell by cell."""
    may = request.user.has_perm("orderhub.write_functions")
    return checking.check(version.rule_set.point, version.document, functions=may)


def _field(field: Field) -> dict[str, Any]:
    choices = (
        [[value, str(label)] for value, label in registry.named(field.choices)()] if field.choices else []
    )
    return {
        "code": field.code, "label": str(field.label), "kind": field.kind, "about": str(field.about), "unit": str(field.unit),
        "choices": choices if len(choices) <= MOST_CHOICES else [],
    }  # fmt: skip


def told(version: Version) -> dict[str, Any]:
    """Tables and fields as the page's script reads them."""
    point = registry.point(version.rule_set.point)
    return {
        "revision": version.revision,
        "tables": [
            {
                "node": t.node, "name": t.name, "kind": t.kind, "hit": t.hit,
                "inputs": [{"id": c.id, "field": c.field, "title": c.title} for c in t.inputs],
                "outputs": [{"id": c.id, "field": c.field, "title": c.title} for c in t.outputs],
                "rows": [{"id": identity, "cells": cells} for identity, cells in t.rows],
            }
            for t in tables.tables(version.document)
        ],
        "inputs": [_field(field) for field in point.inputs],
        "outputs": [_field(field) for field in point.outputs],
    }  # fmt: skip


def table(request: HttpRequest, version_id: int) -> HttpResponse:
    """The page of plain tables."""
    need(request, SEE)
    version = _version(version_id)
    shown = _shown(request, version)
    context = {
        "title": _("Edit “%(version)s” as a table") % {"version": shown["name"]}, **shown,
        "told": {**told(version), "may": shown["may"], "save": reverse("admin:rules_save", args=[version.pk]),
                 "token": get_token(request), "faults": [_fault(f) for f in shown["faults"]], "words": spoken()},
    }  # fmt: skip
    return TemplateResponse(request, "orderhub/rules/table.html", context)


def canvas(request: HttpRequest, version_id: int) -> HttpResponse:
    """The canvas, full width, with the point's fields beside it."""
    need(request, SEE)
    version = _version(version_id)
    shown, point = _shown(request, version), registry.point(version.rule_set.point)
    language = get_language() or "zh-hans"
    context = {
        "title": _("“%(version)s” on the canvas") % {"version": shown["name"]}, **shown,
        "canvas_words": canvas_words() if language.startswith("zh") else {},
        "told": {
            "document": version.document, "revision": version.revision, "readonly": not shown["may"], "language": language,
            "schema": schema(point), "sample": dict(point.samples[0]) if point.samples else {}, "token": get_token(request),
            "choices": {f.code: [{"label": label, "value": f"'{value}'"} for value, label in _field(f)["choices"]]
                        for f in (*point.inputs, *point.outputs) if f.choices},
            "save": reverse("admin:rules_save", args=[version.pk]), "run": reverse("admin:rules_run", args=[version.pk]),
            "words": {"run": _("Try an example"), "failed": _("It can't be decided"), **spoken()},
            "functions": request.user.has_perm("orderhub.write_functions"),
        },
    }  # fmt: skip
    return TemplateResponse(request, "orderhub/rules/canvas.html", context)


def canvas_words() -> dict[str, str]:
    """The editor's labels in Chinese: the same file that the build reads."""
    found: dict[str, str] = json.loads(
        (ROOT / "orderhub" / "rules" / "canvas" / "zh.json").read_text("utf-8")
    )
    return found


def schema(point: Point) -> dict[str, Any]:
    """The point's inputs as JSON Schema: what the canvas offers while one types."""
    kinds: dict[str, dict[str, Any]] = {
        "text": {"type": "string"}, "choice": {"type": "string"}, "number": {"type": "number"}, "bool": {"type": "boolean"},
        "list": {"type": "array", "items": {"type": "string"}},
    }  # fmt: skip
    properties = {
        field.code: {**kinds[field.kind], "title": str(field.label), "description": str(field.about)}
        for field in point.inputs
    }
    return {"type": "object", "properties": properties}


def _fault(fault: checking.Fault) -> dict[str, str]:
    return {"node": fault.node, "cell": fault.cell, "text": str(fault.text)}


@require_POST
def save(request: HttpRequest, version_id: int) -> HttpResponse:
    """Write a draft: {"revision", "tables"} or {"revision", "document"}. 409 with theirs where somebody was quicker."""
    need(request, CHANGE)
    version = _version(version_id)
    if len(request.body) > LARGEST_BODY:
        return _refused(_("The document is too large."), 413)
    try:
        body = json.loads(request.body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return _refused(_("What was sent can't be read."))
    if not isinstance(body, Mapping) or not isinstance(body.get("revision"), int):
        return _refused(_("What was sent can't be read."))
    try:
        if "document" in body:
            document = body["document"]
            if not isinstance(document, dict) or not isinstance(document.get("nodes"), list):
                return _refused(_("What was sent can't be read."))
        else:
            document = tables.with_tables(
                registry.point(version.rule_set.point), version.document, body.get("tables")
            )
        publishing.save_draft(version.pk, document, body["revision"], request.user)
    except tables.BadTable as error:
        return _refused(str(error))
    except publishing.Stale as error:
        theirs, live = error.theirs, version.rule_set.live
        return JsonResponse(
            {
                "error": str(error), "who": _who(theirs), "revision": theirs.revision, "theirs": told(_version(theirs.pk)),
                "document": theirs.document,
                "changes": differences(live.document, theirs.document) if live is not None else [],
            },
            status=409,
        )  # fmt: skip
    except publishing.RuleError as error:
        return _refused(str(error))
    saved = _version(version.pk)
    live = saved.rule_set.live
    return JsonResponse({
        "revision": saved.revision, "faults": [_fault(f) for f in faults_of(request, saved)],
        "changes": differences(live.document, saved.document) if live is not None else [],
        "ids": [[identity for identity, _cells in t.rows] for t in tables.tables(saved.document)],
    })  # fmt: skip


@require_POST
def run(request: HttpRequest, version_id: int) -> HttpResponse:
    """Decide one example by a document that is not kept: the canvas's own simulator."""
    need(request, SEE)
    version = _version(version_id)
    try:
        body = json.loads(request.body, parse_constant=_no_constant)
        document, given = body["document"], body["input"]
        if (
            not isinstance(document, dict)
            or not isinstance(given, dict)
            or not isinstance(document.get("nodes"), list)
        ):
            raise TypeError
    except (ValueError, RecursionError, KeyError, TypeError):
        return _refused(_("What was sent can't be read."))
    point = registry.point(version.rule_set.point)
    if any(node.get("type") == "functionNode" for node in document["nodes"] if isinstance(node, Mapping)):
        need(request, "orderhub.write_functions")
    try:
        runnable = Runnable(point, document)
        answer, trace = runnable.run(given), runnable.traced(given)
    except Failed as error:
        return JsonResponse({"error": str(error)}, status=400)
    result = engine.evaluate(point.code, document, [given])[0]
    return JsonResponse({"performance": "", "result": answer, "trace": trace, "error": result.error or ""})


def _refused(text: str, status: int = 400) -> JsonResponse:
    return JsonResponse({"error": text}, status=status)


def _no_constant(word: str) -> float:
    raise ValueError(word)


def spoken() -> dict[str, str]:
    """The script's words in the reader's language."""
    return {
        "any": _("any"), "yes": _("yes"), "no": _("no"), "none": _("says nothing"), "formula": _("formula"),
        "over": _("over"), "least": _("at least"), "under": _("under"), "most": _("at most"), "is": _("is"),
        "isnt": _("is not"), "between": _("from … to"), "add_row": _("Add a row"), "row": _("Row"), "actions": _("actions"),
        "up": _("Move up"), "down": _("Move down"), "copy": _("Copy the row"), "remove": _("Delete the row"),
        "add_if": _("Add a condition"), "add_then": _("Add an answer"), "drop": _("Remove the column"), "when": _("If"),
        "then": _("Then"), "saving": _("Saving…"), "saved": _("Saved"), "unsaved": _("Not saved"),
        "failed": _("Could not be saved"),
        "sound": _("Nothing is wrong with it."), "undo": _("Undo"), "value": _("value"), "to": _("up to"),
        "several": _("several: commas between them"),
        "stale": _("%(who)s has saved this draft meanwhile."), "mine": _("Keep mine"), "theirs": _("Take theirs"),
        "condition": _("condition"), "nothing_changed": _("Nothing differs from the version in use yet."),
    }  # fmt: skip
