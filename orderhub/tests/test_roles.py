"""Roles: the table resolves, is written once however often, and gives nobody more than it says."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command

from orderhub import roles
from orders.lifecycle import TOUCHES

pytestmark = pytest.mark.django_db


def user(role: str) -> User:
    made = User.objects.create_user(role)
    made.groups.add(Group.objects.get(name=role))
    return made


def test_that_syncing_twice_changes_nothing_and_takes_away_what_the_table_does_not_give(capsys):
    first = roles.sync_roles()
    picker = Group.objects.get(name="warehouse_picker")
    picker.permissions.set(Group.objects.get(name="finance").permissions.all())
    other = Group.objects.create(name="our own")
    call_command("sync_roles")
    assert roles.sync_roles() == first and picker.permissions.count() == first["warehouse_picker"]
    assert Group.objects.filter(id=other.id).exists() and "finance" in capsys.readouterr().out


def test_that_a_misspelt_permission_is_an_error_and_writes_nothing(monkeypatch):
    monkeypatch.setattr(roles, "ROLES", (roles.Role("finance", "x", ("finance.veiw_invoice",)),))
    monkeypatch.setattr(roles, "BY_CODE", {"finance": roles.ROLES[0]})
    with pytest.raises(roles.UnknownPermission):
        roles.sync_roles()
    assert not Group.objects.exists()


def test_that_every_button_of_an_order_has_somebody_to_press_it():
    roles.sync_roles()
    held = {
        f"{p.content_type.app_label}.{p.codename}" for g in Group.objects.all() for p in g.permissions.all()
    }
    assert {touch.permission for touch in TOUCHES if touch.permission} <= held


@pytest.mark.parametrize(
    ("role", "right", "may"),
    [
        ("customer_service", "orders.change_hold", True),
        ("customer_service", "finance.view_receivable", False),
        ("customer_service", "orderhub.change_connection", False),
        ("warehouse_picker", "orders.reveal_receiver", False),
        ("warehouse_picker", "orders.change_order", False),
        ("warehouse_manager", "logistics.work_parcel", True),
        ("finance", "orders.change_order", False),
        ("finance", "finance.view_receivable", True),
        ("finance", "finance.change_receivable", False),
        ("director", "orders.change_order", False),
        ("operations", "orders.view_payload_raw", True),
        ("operations", "auth.change_user", False),
    ],
)
def test_that_a_role_has_its_rights_and_no_others(role, right, may):
    roles.sync_roles()
    assert user(role).has_perm(right) is may
