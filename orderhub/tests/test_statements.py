"""Which tests go once more on another version of the server: what is recorded, and what is chosen from it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from orderhub.copying import copy_rows
from orderhub.testing.statements import SPECIAL, Record, Recorder, covering, shape


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = 2.5"),
        ("SELECT a FROM t WHERE b = 'x''y'", "SELECT a  FROM t\n WHERE b = ''"),
        ("SELECT a FROM t WHERE b IN (%s)", "SELECT a FROM t WHERE b IN (%s, %s, %s)"),
        ("INSERT INTO t (a, b) VALUES (%s, %s)", "INSERT INTO t (a, b) VALUES (%s, %s), (%s, NULL)"),
    ],
)
def test_that_a_statement_is_the_same_for_all_values(one: str, other: str) -> None:
    assert shape(one, raw=False) == shape(other, raw=False)
    assert shape(one, raw=False) != shape(one.replace("a", "c"), raw=False)


def test_that_more_than_djangos_plain_sql_is_told_apart() -> None:
    plain = (
        'SELECT "t"."a" FROM "t" INNER JOIN "u" ON ("t"."id" = "u"."t_id") WHERE ("u"."b" IN (%s) AND NOT "t"."c" = %s)',
        'SELECT COUNT(*) AS "__count" FROM "t"', 'UPDATE "t" SET "a" = %s WHERE "t"."id" = %s',
        'INSERT INTO "t" ("a", "b") VALUES (%s, %s) RETURNING "t"."id"',
    )  # fmt: skip
    for text in plain:
        assert not shape(text, raw=False).startswith(SPECIAL), text
        assert shape(text, raw=True).startswith(SPECIAL)
    for text in (
        'SELECT "a" FROM "t" FOR UPDATE SKIP LOCKED', 'INSERT INTO "t" ("a") VALUES (%s) ON CONFLICT DO NOTHING',
        'SELECT "a" FROM "t" WHERE ("d" -> %s) = %s', 'SELECT "a" FROM "t" WHERE "b" @> %s',
        "SELECT DATE_TRUNC(%s, a) FROM t", "SELECT ROW_NUMBER() OVER (ORDER BY a) FROM t", "EXPLAIN SELECT a FROM t",
        "WITH x AS (SELECT a FROM t) SELECT a FROM x", "COPY t (a) FROM STDIN", "SELECT a::jsonb FROM t",
    ):  # fmt: skip
        assert shape(text, raw=False).startswith(SPECIAL), text


@pytest.mark.django_db
def test_that_what_a_test_sends_is_recorded_by_whatever_way(monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg

    for method in ("execute", "executemany", "copy"):  # taken back at the end, whoever records beside
        monkeypatch.setattr(psycopg.Cursor, method, getattr(psycopg.Cursor, method))
    monkeypatch.setattr("sys.addaudithook", lambda _hook: None)
    recorder = Recorder()
    recorder.install()

    def sent(test: str) -> list[str]:
        recorder.end(test)
        recorder.begin()
        return recorder.tests[test][1]

    recorder.begin()
    with transaction.atomic():
        assert Group.objects.filter(name="nobody").count() == 0
    (plain,) = sent("django")
    with recorder.aside():
        Group.objects.count()
    Group.objects.filter(name="somebody").count()
    assert sent("again") == [plain] and not plain.startswith(SPECIAL)
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM auth_group")
    (raw,) = sent("raw")
    copy_rows("auth_group", ("name",), [("copied",)])
    (copied,) = sent("copy")
    assert raw.startswith(SPECIAL) and copied.startswith(SPECIAL) and raw != copied


def test_that_the_cheapest_tests_send_what_is_worth_its_time_and_special_statements_are_worth_more() -> None:
    tests: Record = {
        "race": [9.0, ["!lock", "a"]],
        "worth": [0.9, ["!only", "b"]],
        "dear": [60.0, ["!rare", "b"]],
        "cheap": [0.1, ["b", "c", "d"]],
        "same": [0.2, ["c", "d"]],
        "slow": [5.0, ["e", "f"]],
        "nothing": [0.1, ["a"]],
    }
    assert covering(tests, ["race"]) == {"worth", "cheap"}
    assert covering(tests, []) == {"worth", "cheap", "nothing"}
