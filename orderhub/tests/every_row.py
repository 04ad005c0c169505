"""A row of every record that the admin shows or that an address names, for tests that go everywhere."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule

from inventory.models import Warehouse
from orderhub import crypto
from orderhub.actors import CLOCK
from orderhub.admin_site.base import speaks_of_orders
from orders.models import Order
from orders.operations import holds
from orders.tests.api_cast import review_of
from routing.models import AddressMemory, AddressReview
from routing.tests.cast import square

#: Records that have no list of their own and stand in addresses.
BESIDE = (
    "orders.Blacklist",
    "orders.Merge",
    "orders.ComplaintFile",
    "orderhub.Assertion",
    "orders.SavedReport",
    "orders.PlainRequest",
)
#: Words that name a colleague.
WHO = ("by", "actor", "made_by", "learned_by")


def every_row(order: Order) -> list[str]:
    """Make what is missing, of this order where it is of one; the labels of what can't be made from its columns alone."""
    holds.open_holds([order.pk], "risk", "odd", CLOCK)
    if not AddressReview.objects.filter(order_id=order.pk).exists():
        review_of(order)
    IntervalSchedule.objects.get_or_create(every=5, period="seconds")
    undone = []
    for model in [*admin.site._registry, *map(apps.get_model, BESIDE)]:
        try:
            with transaction.atomic():
                _row(model, order)
        except IntegrityError as error:
            undone.append(f"{model._meta.label}: {error}")
    return undone


def rows_about(order: Order, mark: str) -> set[str]:
    """A row more of every record about one order, each word in it beginning with the mark; the labels of what was made."""
    holds.open_holds([order.pk], "manual", mark, CLOCK)
    if not AddressReview.objects.filter(order_id=order.pk).exists():
        review_of(order)
    of_one = [
        model
        for model in apps.get_models()
        if not model._meta.proxy
        and speaks_of_orders(model)
        and not model._default_manager.filter(order_id=order.pk).exists()
    ]
    made = {"orders.Hold", "routing.AddressReview"}
    for model in of_one:
        with transaction.atomic():
            columns = {each.name: each for each in _needed(model)}
            for name in ("order_id", "order"):
                if any(each.name == name for each in model._meta.concrete_fields):
                    columns[name] = model._meta.get_field(name)
            model._default_manager.create(
                **{name: _value(each, order, mark) for name, each in columns.items()}
            )
            made.add(model._meta.label)
    return made


def _row(model: type[models.Model], order: Order) -> Any:
    if model is Order:
        return order
    columns = {each.name: each for each in _needed(model)}
    return model._default_manager.order_by("pk").first() or model._default_manager.create(
        **{name: _value(column, order, "p" * model._meta.proxy) for name, column in columns.items()}
    )


def _needed(model: type[models.Model]) -> list[Any]:
    return [
        each for each in model._meta.concrete_fields
        if (not each.null and not each.has_default() and each.db_default is models.NOT_PROVIDED
        and (not isinstance(each, models.AutoField)) and (not each.blank or each.remote_field))
        or each.name == "interval"
    ]  # fmt: skip


def _value(column: Any, order: Order, mark: str = "") -> Any:
    if mark and column.remote_field and column.remote_field.model is Warehouse:
        return order.warehouse
    if column.remote_field:
        return _row(column.remote_field.model, order)
    if column.name in ("order_id", "warehouse_id"):
        return order.pk if column.name == "order_id" else order.warehouse_id
    if column.choices:
        return next(iter(column.flatchoices))[0]
    if isinstance(column, models.CharField | models.TextField):
        said = "" if column.name in WHO else mark
        return f"{said}{column.name}1"[: column.max_length]
    if column.model is AddressMemory and column.name == "sealed":
        known = {"poi": None, "lng": 120.0, "lat": 30.28, "wrote": "文一西路 969 号", "choice": "pin"}
        return crypto.encrypt(json.dumps(known).encode(), b"routing.memory")
    if column.name == "geometry":
        return square(120.0, 30.28)
    for kind, made in (
        (models.DateTimeField, timezone.now()), (models.DateField, timezone.localdate()), (models.UUIDField, uuid.uuid4()),
        (models.BinaryField, crypto.encrypt(b"{}")), (models.JSONField, {}), (models.DurationField, dt.timedelta(1)),
    ):  # fmt: skip
        if isinstance(column, kind):
            return made
    return 1
