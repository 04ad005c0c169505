"""Saved views and columns of the order list: own, shared, per role, in the address; changed by their owner only."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from orderhub import modules
from orderhub.lists import keeping
from orderhub.models import SavedView
from orderhub.roles import sync_roles
from orders.models import Order
from orders.tests import aftersale_cast as cast
from orders.tests.api_cast import NUMBER, make_world, person  # noqa: F401  a fixture

pytestmark = pytest.mark.django_db
LIST = "/admin/orders/order/"
OF = "orders.order"


@pytest.fixture(autouse=True)
def roles(db: None) -> None:
    sync_roles()
    modules.forget()


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def save(
    client: Client, name: str, audience: str = "own", query: str = "state__exact=paid", **more: Any
) -> SavedView | None:
    client.post(f"{LIST}view/save/", {"name": name, "audience": audience, "query": query, **more})
    return SavedView.objects.filter(name=name).first()


def offered(client: Client) -> list[str]:
    return [view.name for view, *_rest in client.get(LIST, {"view": "0"}).context["views"]]


def rows(answer: Any) -> set[int]:
    return {row.pk for row in answer.context["cl"].result_list}


def test_that_a_view_is_in_the_address_and_lists_what_it_says() -> None:
    paid, _shipped = cast.order("paid"), cast.order("shipped")
    client = signed_in(person("customer_service"))
    view = save(client, "待处理", query="state__exact=paid&p=3&pasted=7&view=9&queue=all")
    assert view is not None and view.query == "state__exact=paid&queue=all"
    to = client.get(LIST, {"view": view.pk})
    assert to.status_code == 302 and to["Location"] == f"{LIST}?view={view.pk}&state__exact=paid&queue=all"
    answer = client.get(to["Location"])
    assert rows(answer) == {paid.pk} and answer.context["view"] == view and not answer.context["view_changed"]
    assert 'aria-current="true">待处理' in answer.content.decode()
    changed = client.get(f"{LIST}?view={view.pk}&state__exact=shipped&queue=all")
    assert changed.context["view_changed"] and "已更改" in changed.content.decode()
    assert client.get(f"{LIST}?queue=all&view={view.pk}&state__exact=paid").context["view_changed"] is False


def test_that_own_views_are_ones_own_and_shared_ones_reach_whom_they_are_for() -> None:
    clerk, another, picker = (
        person("customer_service"),
        person("customer_service"),
        person("warehouse_picker"),
    )
    client = signed_in(clerk)
    save(client, "自己的")
    save(client, "大家的", "all")
    save(client, "仓库的", "role:warehouse_picker")
    assert sorted(offered(client)) == sorted(["自己的", "大家的", "仓库的"])
    assert offered(signed_in(another)) == ["大家的"]
    assert sorted(offered(signed_in(picker))) == sorted(["大家的", "仓库的"])
    assert offered(signed_in(User.objects.create_superuser("boss"))) == ["大家的"]
    own = SavedView.objects.get(name="自己的")
    gone = signed_in(another).get(LIST, {"view": own.pk, "state__exact": "paid"}, follow=True)
    assert "没有共享给你" in gone.content.decode() and ">自己的<" not in gone.content.decode()
    picker.groups.clear()
    picker.groups.add(Group.objects.get(name="finance"))
    assert offered(signed_in(picker)) == ["大家的"]


def test_that_a_shared_view_is_changed_by_its_owner_only() -> None:
    owner, another = signed_in(person("customer_service")), signed_in(User.objects.create_superuser("boss"))
    view = save(owner, "大家的", "all")
    assert view is not None
    page = reverse("admin:orderhub_savedview_change", args=[view.pk])
    for client, may in ((another, False), (owner, True)):
        assert client.get(page).status_code == 200
        seen = client.get(page).context.get("seen", "")
        answer = client.post(page, {"name": f"改名 {may}", "audience": "all", "_seen": seen})
        assert answer.status_code == (302 if may else 403)
        client.post(f"{LIST}columns/", {"view": view.pk, "in_view": "1", "column": ["order", "amount"]})
        view.refresh_from_db()
        assert view.name == ("改名 True" if may else "大家的") and view.columns == (
            ["order", "amount"] if may else []
        )
    save(another, "改名 True", "own", "state__exact=shipped")
    view.refresh_from_db()
    assert view.query == "state__exact=paid" and SavedView.objects.filter(name="改名 True").count() == 2
    delete = reverse("admin:orderhub_savedview_delete", args=[view.pk])
    assert another.post(delete, {"post": "yes"}).status_code == 403
    assert (
        owner.post(delete, {"post": "yes"}).status_code == 302
        and not SavedView.objects.filter(pk=view.pk).exists()
    )


def test_that_the_list_of_views_shows_what_a_person_sees_and_no_choice_of_columns() -> None:
    owner, another = signed_in(person("customer_service")), signed_in(person("customer_service"))
    save(owner, "私下的")
    save(owner, "大家的", "all")
    owner.post(f"{LIST}columns/", {"column": ["order"]})
    views = reverse("admin:orderhub_savedview_changelist")
    said = another.get(views).content.decode()
    assert "大家的" in said and "私下的" not in said
    private = SavedView.objects.get(name="私下的")
    assert another.get(reverse("admin:orderhub_savedview_change", args=[private.pk])).status_code == 302
    assert len(owner.get(views).context["cl"].result_list) == 2


def test_that_a_list_opens_with_the_view_that_one_chose_and_only_for_that_person() -> None:
    clerk, another = signed_in(person("customer_service")), signed_in(person("customer_service"))
    view = save(clerk, "待处理", "all")
    assert view is not None
    clerk.post(f"{LIST}view/open/", {"view": view.pk})
    assert clerk.get(LIST)["Location"] == f"{LIST}?view={view.pk}&state__exact=paid"
    assert clerk.get(LIST, {"view": "0"}).status_code == 200 and another.get(LIST).status_code == 200
    clerk.post(f"{LIST}view/open/", {"view": "0"})
    assert clerk.get(LIST).status_code == 200
    another.post(f"{LIST}view/open/", {"view": view.pk})
    assert another.get(LIST).status_code == 302
    SavedView.objects.filter(pk=view.pk).update(audience="own")
    assert another.get(LIST).status_code == 200, "what is no longer shared opens nothing"
    view.delete()
    assert clerk.get(LIST).status_code == 200


def test_that_a_shared_view_that_its_owner_deletes_leaves_everybody_with_the_plain_list() -> None:
    owner, another = signed_in(person("customer_service")), signed_in(person("customer_service"))
    paid = cast.order("paid")
    view = save(owner, "大家的", "all", "state__exact=shipped")
    assert view is not None
    another.post(f"{LIST}view/open/", {"view": view.pk})
    assert another.get(LIST)["Location"].endswith(f"view={view.pk}&state__exact=shipped")
    delete = reverse("admin:orderhub_savedview_delete", args=[view.pk])
    assert another.post(delete, {"post": "yes"}).status_code == 403
    owner.post(delete, {"post": "yes"})
    assert not SavedView.objects.filter(pk=view.pk).exists()
    assert rows(another.get(LIST)) == {paid.pk}
    kept = another.get(f"{LIST}?view={view.pk}&state__exact=shipped", follow=True)
    assert kept.redirect_chain[-1][0] == f"{LIST}?view=0" and rows(kept) == {paid.pk}
    assert "没有共享给你" in kept.content.decode()


def test_that_an_owner_renames_and_shares_and_can_break_nothing_by_it() -> None:
    clerk, picker = signed_in(person("customer_service")), signed_in(person("warehouse_picker"))
    save(clerk, "另一个")
    view = save(clerk, "自己的", query="q=13800008421")
    assert view is not None
    page = reverse("admin:orderhub_savedview_change", args=[view.pk])

    def post(**given: Any) -> str:
        answer = clerk.post(page, {"_seen": clerk.get(page).context["seen"], **given}, follow=True)
        return str(answer.content.decode())

    for given, words in (
        ({"name": "另一个", "audience": "own"}, "已有同名"), ({"name": " ", "audience": "own"}, "名称"),
        ({"name": "自己的", "audience": "all"}, "不能共享"), ({"name": "自己的", "audience": "roles"}, "谁能看到"),
    ):  # fmt: skip
        assert words in post(**given), given
    SavedView.objects.filter(pk=view.pk).update(query="state__exact=paid")
    role = Group.objects.get(name="warehouse_picker").pk
    post(name="给仓库", audience="roles", roles=[role])
    assert offered(picker) == ["给仓库"]


def test_that_what_is_no_view_is_refused_in_words() -> None:
    client = signed_in(person("customer_service"))
    for given, words in (
        ({"name": " "}, "名称"), ({"name": "x", "audience": "nobody"}, "谁能看到"),
        ({"name": "x", "audience": "role:nobody"}, "谁能看到"),
        ({"name": "x", "query": "q=" + "x" * 2100}, "太长"),
        ({"name": "x", "audience": "all", "query": "q=138+0000+8421"}, "这样的视图不能共享"),
    ):  # fmt: skip
        answer = client.post(f"{LIST}view/save/", {"audience": "own", "query": "", **given}, follow=True)
        assert words in answer.content.decode(), given
    assert not SavedView.objects.exists()
    assert save(client, "自己的", "own", "q=13800008421") is not None
    for wrong in ("x", "-1", "99999999999999999999", "1' OR 1"):
        assert client.get(LIST, {"view": wrong}).status_code == 302


def test_that_a_view_shows_nobody_what_is_not_theirs(world: dict[str, Any]) -> None:
    own, foreign = world["own"], world["foreign"]
    boss = signed_in(User.objects.create_superuser("boss"))
    clerk = signed_in(person("customer_service", shops=(own.shop.code,)))
    for query in (
        "",
        f"shop__id__exact={foreign.shop_id}",
        f"q={foreign.number[:7]}",
        "q=cup-1",
        "queue=held",
    ):
        view = save(boss, f"v{query}", "all", query, columns="order,receiver_masked,their_number,goods")
        assert view is not None
        answer = clerk.get(LIST, {"view": view.pk}, follow=True)
        assert rows(answer) <= {own.pk}, query
        body = answer.content.decode()
        assert foreign.number not in body and NUMBER not in body, query
    for number in (foreign.number, NUMBER, "139 8765 4321"):
        assert save(boss, "n", "all", f"q={number}") is None, (
            "whose number it is, others do not learn from a view"
        )


def test_that_columns_are_remembered_for_the_person_and_within_a_view() -> None:
    cast.order("paid")
    me, another = signed_in(person("customer_service")), signed_in(person("customer_service"))
    usual = [*me.get(LIST).context["cl"].list_display]
    me.post(f"{LIST}columns/", {"column": ["goods", "order", "amount", "no_such", "goods"]})
    answer = me.get(LIST)
    assert [*answer.context["cl"].list_display] == ["pick", "goods", "order", "amount"]
    assert "CUP-1 × 2; BED-2 × 1" in answer.content.decode()
    assert [*another.get(LIST).context["cl"].list_display] == usual
    view = save(me, "款", "all", columns="order,receiver_masked")
    assert view is not None and view.columns == ["order", "receiver_masked"]
    for client in (me, another):
        shown = client.get(LIST, {"view": view.pk}, follow=True)
        assert [*shown.context["cl"].list_display] == ["pick", "order", "receiver_masked"]
        assert "138****0000" in shown.content.decode()
    me.post(f"{LIST}columns/", {"column": ["amount"]})
    assert [*me.get(LIST).context["cl"].list_display] == ["pick", "order", "amount"], (
        "without its order no row is known"
    )
    me.post(f"{LIST}columns/", {"reset": "1"})
    assert [*me.get(LIST).context["cl"].list_display] == usual


def test_that_a_column_that_one_may_not_see_is_not_there() -> None:
    cast.order("paid")
    view = save(signed_in(person("customer_service")), "收件人", "all", columns="order,receiver_masked")
    assert view is not None
    picker = signed_in(person("warehouse_picker"))
    shown = picker.get(LIST, {"view": view.pk}, follow=True)
    assert (
        "receiver_masked" not in shown.context["cl"].list_display
        and "138****0000" not in shown.content.decode()
    )
    picker.post(f"{LIST}columns/", {"column": ["order", "receiver_masked"]})
    assert [*picker.get(LIST).context["cl"].list_display][-1] == "order"


def test_that_the_list_with_views_takes_twelve_statements_at_most() -> None:
    boss = User.objects.create_superuser("boss")
    client = signed_in(boss)
    for n in range(3):
        cast.order(("paid", "shipped", "signed")[n])
        keeping.save(boss, OF, f"v{n}", "", [], "all")
    view = SavedView.objects.filter(name="v1").get()
    for address in (LIST, f"{LIST}?view={view.pk}"):
        client.get(address)
        with CaptureQueriesContext(connection) as caught:
            assert client.get(address).status_code == 200
        said = [q["sql"] for q in caught.captured_queries if "moduleswitch" not in q["sql"]]
        assert len(said) <= 12, "\n".join(said)


def test_that_jobs_and_files_of_a_list_know_no_view() -> None:
    order, boss = cast.order("paid"), User.objects.create_superuser("boss")
    cast.order("shipped")
    view = keeping.save(boss, OF, "v", "state__exact=paid", [], "own")
    from orderhub.admin_site import bulk
    from orders.operations import exporting

    query = f"view={view.pk}&state__exact=paid"
    assert list(bulk.listed(Order, query, boss)) == [order] == list(exporting.listed(query, boss.pk))
    assert bulk.filters_of(query) == "state__exact=paid"


def test_that_who_may_not_see_the_list_saves_nothing() -> None:
    client = signed_in(User.objects.create_user("nobody", is_staff=True))
    for address in ("view/save/", "view/open/", "columns/"):
        assert client.post(f"{LIST}{address}", {"name": "x", "audience": "own"}).status_code == 403
        assert client.get(f"{LIST}{address}").status_code == 405
    assert not SavedView.objects.exists()
