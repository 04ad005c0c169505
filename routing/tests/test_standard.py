"""The standard text of a choice: what the place knows, then what only the buyer knows, nothing twice."""

from __future__ import annotations

import pytest

from routing import standard
from routing.addresses import candidates
from routing.addresses.parse import parse
from routing.addresses.words import Poi


@pytest.mark.parametrize(
    ("wrote", "address", "name", "text"),
    [
        ("张江路288号X栋502室", "张江路288号启明科创园", "启明科创园X栋", "张江路288号启明科创园X栋502室"),
        ("张江路288号X栋502室", "张江路288号", "启明科创园", "张江路288号启明科创园X栋502室"),
        ("张江路288号X栋502室", "张江路288号", "张江路288号", "张江路288号X栋502室"),
        ("张江路288号B栋", "张江路288号启明科创园", "启明科创园A栋", "张江路288号启明科创园A栋"),
        ("张江路288弄3号楼1202", "张江路288弄", "玉兰佳苑", "张江路288弄玉兰佳苑3号楼1202"),
        ("玉兰佳苑3号楼", "上海市浦东新区张江路288弄", "玉兰佳苑", "张江路288弄玉兰佳苑3号楼"),
    ],
)
def test_that_a_choice_completes_the_text_and_drops_nothing_of_the_buyers(wrote, address, name, text):
    parsed = parse(f"上海市浦东新区{wrote}")
    ranked = candidates.rank(parsed, [Poi("1", name, address, "310115", 121.6, 31.2)])
    assert standard.text_of(parsed, ranked[0]) == text


def test_that_what_is_sealed_comes_back_equal():
    parsed = parse("上海市浦东新区张江路288号X栋")
    ranked = candidates.rank(parsed, [Poi("1", "启明科创园X栋", "张江路288号", "310115", 121.6, 31.2)])
    assert standard.load(standard.dump(parsed, ranked)) == (parsed, ranked)
