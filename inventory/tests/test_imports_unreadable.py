"""A file that is no table of ours is refused whole, in words."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.utils import translation

from inventory.tests.test_imports import boss, brought  # noqa: F401  a fixture
from orderhub.imports.reading import NotASheet

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "请选择不超过"),
        (b"PK\x03\x04nothing", "无法作为表格打开"),
        ("仓库,库位\nA,B\n".encode(), "缺少列"),
        ("仓库,库位,SKU,实盘数量,原因,sku\n".encode(), "列重复"),
        ("仓库,库位,SKU,实盘数量,原因\n,,,,\n".encode(), "没有数据行"),
    ],
)
def test_that_a_file_which_is_none_is_refused_whole(data: bytes, words: str, boss: User) -> None:  # noqa: F811
    with translation.override("zh-hans"):
        try:
            assert words in brought("counts", data, boss).problem
        except NotASheet as error:
            assert words in str(error)
