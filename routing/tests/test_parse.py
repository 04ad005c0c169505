"""Addresses as people type them, to parts; and what is no address, to a doubt and never an exception."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from routing.addresses import memory
from routing.addresses.parse import parse
from routing.addresses.phrases import phrases
from routing.addresses.words import UNSURE, Hint


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "上海市浦东新区张江路288号X栋",
            {"district": "浦东新区", "road": "张江路", "number": "288", "building": "X", "number_kind": "号"},
        ),
        ("上海浦东张江路288弄5号楼302室", {"lane": "288", "building": "5", "room": "302", "number": ""}),
        ("上海市浦东新区张江路288弄5号302室", {"lane": "288", "building": "5", "room": "302"}),
        ("上海浦东张江路288", {"number": "288", "number_kind": ""}),
        (
            "上海市徐汇区漕宝路二十八号三幢二单元五〇二室",
            {"number": "28", "building": "3", "unit": "2", "room": "502"},
        ),
        ("上海市徐汇区漕宝路２８号３幢２单元５０２室", {"number": "28", "building": "3", "unit": "2"}),
        ("杭州市江干区下沙街道6号大街452号2幢", {"district": "钱塘区", "road": "6号大街", "number": "452"}),
        ("四川省成都市武侯区天府大道北段1700号", {"road": "天府大道北段", "number": "1700"}),
        (
            "杭州市西湖区文三路478号华星时代广场A座502",
            {"poi": "华星时代广场", "building": "A", "room": "502"},
        ),
        ("江干区富春路290号钱江国际时代广场3号楼24层2404", {"building": "3", "room": "2404"}),
        (
            "浙江省慈溪市龙山镇龙山工业区龙镇大道238号",
            {"city": "宁波市", "town": "龙山镇", "road": "龙镇大道"},
        ),
        ("昆明市西山区滇池路中央金座1栋A座5楼", {"building": "1-A", "poi": "中央金座"}),
        ("文一西路998号1幢9楼", {"road": "文一西路", "number": "998", "building": "1"}),
        (
            "乐清柳市镇人民路1号",
            {"province": "浙江省", "city": "温州市", "district": "乐清市", "town": "柳市镇"},
        ),
        ("吴星区飞英街道红旗路1号", {"city": "湖州市", "district": "吴兴区", "town": "飞英街道"}),
        ("黑龙江齐齐哈尔市梅里斯区", {"district": "梅里斯达斡尔族区"}),
        ("深圳光明新区高新园西区七号路", {"district": "光明区"}),
        ("静安区南京西路1719", {"district": "静安区", "town": "", "road": "南京西路", "number": "1719"}),
        ("柳市镇", {"district": "乐清市", "town": "柳市镇"}),
    ],
)
def test_that_an_address_falls_into_its_parts(text, parts):
    found = parse(text)
    assert {name: getattr(found, name) for name in parts} == parts


def test_that_phone_and_name_are_cut_out_and_every_part_points_into_the_raw_text():
    raw = "【收货地址】张三 ，13800000000，浙江省 杭州市 西湖区 文三路４７８号 华星时代广场"
    found = parse(raw)
    assert (found.district, found.road, found.number, found.poi) == (
        "西湖区",
        "文三路",
        "478",
        "华星时代广场",
    )
    spans = {part.name: raw[part.start : part.end] for part in found.parts}
    assert spans["phone"] == "13800000000"
    assert spans["person"] == "张三"
    assert spans["number"] == "４７８号"
    assert "13800000000" not in found.text and "张三" not in found.text


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("", "empty"), ("   ", "empty"), ("🏠🚚", "empty"), ("啊", "too_short"), ("350 Fifth Avenue, New York", "foreign"),
        ("120.123456,30.25", "coordinates"), ("杭州市西湖区文三路**号", "masked"), ("华星时代广场", "only_poi"),
        ("浙江省杭州市滨江区六和路307号；上海市浦东新区张江路288号", "two_addresses"), ("杭州市文三路478号", "no_district"),
        ("杭州市江干区凤起东路137号", "old_name"), ("杭州市西糊区文三路90号", "district_typo"),
        ("杭州市浦东新区世纪大道8号", "levels_disagree"), ("杭州市西湖区文三路", "no_number"), ("文三路478号", "no_division"),
        ("上海浦东张江路288", "number_or_lane"), ("文" * 4000, "too_long"), ("鼓楼区中山路1号", "district_ambiguous"),
    ],
)  # fmt: skip
def test_that_the_parser_says_what_it_is_unsure_of(text, doubt):
    assert doubt in parse(text).unsure


@pytest.mark.parametrize(
    "text",
    [
        "西安市高新区高新三路9号",
        "成都市高新区天府大道1号",
        "苏州市工业园区金鸡湖大道1655号",
        "郑州市经济开发区1号",
    ],
)
def test_that_a_zone_is_no_misspelt_district(text):
    found = parse(text)
    assert found.district == ""
    assert "no_district" in found.unsure


def test_that_a_town_decides_between_districts_of_one_name():
    assert parse("鼓楼区湖南路街道中央路19号").city == "南京市"
    assert parse("鼓楼区东街街道八一七北路268号").city == "福州市"


def test_that_a_hint_fills_what_the_text_leaves_out_and_yields_where_they_disagree():
    hint = Hint("浙江省", "杭州市", "西湖区", "")
    assert parse("文三路478号", hint).adcode == "330106"
    other = parse("上海市浦东新区张江路288号", hint)
    assert other.adcode == "310115"
    assert "levels_disagree" in other.unsure


def test_that_coordinates_are_read_in_either_order():
    assert (parse("30.25, 120.15").lng, parse("经度:120.15 纬度:30.25").lat) == (120.15, 30.25)


def test_that_a_number_is_asked_as_number_and_as_lane_within_its_district():
    asked = [(phrase.text, phrase.adcode) for phrase in phrases(parse("上海市浦东新区张江路288号X栋"))]
    assert asked[0] == ("张江路288号X座", "310115")
    assert ("张江路288弄", "310115") in asked
    assert asked[-1][1] == "310000"
    assert len(asked) == len(set(asked)) <= 6


SAME = [
    ("浙江省杭州市西湖区文三路478号3幢2单元502室", "杭州西湖区文三路４７８号3号楼2单元502室"),
    ("浙江省杭州市西湖区文三路478号3幢502室", "西湖区文三路四百七十八号三栋502室 李飞 13800000000"),
    ("杭州市江干区凤起东路137号", "杭州市上城区凤起东路137号"),
    ("浙江省杭州市滨江区浙江省杭州市滨江区江南大道228号", "杭州滨江江南大道228号"),
]
APART = [
    ("杭州市西湖区文三路478号3幢502室", "杭州市西湖区文三路478号5幢502室"),
    ("杭州市西湖区文三路478号3幢2单元502室", "杭州市西湖区文三路478号3幢1单元502室"),
    ("杭州市西湖区文三路478号3幢502室", "杭州市西湖区文三路478号3幢602室"),
    ("上海市浦东新区张江路288号", "上海市浦东新区张江路288弄"),
    ("上海市浦东新区张江路288号", "上海市浦东新区张江路288号X栋"),
    ("昆明市西山区滇池路9号中央金座1栋A座", "昆明市西山区滇池路9号中央金座1栋B座"),
    ("杭州市西湖区西溪花园东区5幢", "杭州市西湖区西溪花园西区5幢"),
    ("杭州市西湖区文三路甲3号", "杭州市西湖区文三路3号"),
    ("杭州市西湖区文三路12号", "杭州市西湖区文三路12-1号"),
    ("杭州市西湖区翠苑新村对面", "杭州市西湖区翠苑新村"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_that_spellings_of_one_door_share_a_key(one, other):
    assert memory.key(parse(one)) == memory.key(parse(other)) != ""


@pytest.mark.parametrize(("one", "other"), APART)
def test_that_two_doors_never_share_a_key(one, other):
    assert memory.key(parse(one)) != memory.key(parse(other))


@given(
    st.sampled_from(["号", "弄"]), st.integers(1, 999), st.integers(1, 60), st.integers(1, 9), st.integers(101, 3900),
    st.integers(0, 4), st.integers(1, 50),
)  # fmt: skip
def test_that_changing_one_figure_changes_the_key(kind, number, building, unit, room, which, by):
    figures = [number, building, unit, room]
    one = "上海市徐汇区漕宝路{}" + kind + "{}幢{}单元{}室"
    key = memory.key(parse(one.format(*figures)))
    if which < 4:
        figures[which] += by
        assert memory.key(parse(one.format(*figures))) != key
    assert key


@pytest.mark.parametrize(
    "text", ["华星时代广场", "杭州市西湖区", "杭州市西湖区文三路**号", "文三路478号", ""]
)
def test_that_what_is_vague_is_not_remembered(text):
    assert memory.key(parse(text)) == ""


PIECES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["浙江省", "杭州市", "西湖区", "文三路", "288号", "288弄", "*", "13800000000", "1.1,30.2", "🏠", "\x00", "\ud800"]
    ),
    st.text(alphabet="省市区县镇路号弄栋室一二三十百0123456789-#（）()，,* ", max_size=30),
)  # fmt: skip


@given(st.lists(PIECES, max_size=12).map("".join))
@example("省市区县" * 1000)
@example("1" * 4000)
@example("一" * 4000)
@example("浙江省" * 1300)
@settings(max_examples=150, deadline=None)
def test_that_no_text_breaks_the_parser(text):
    found = parse(text)
    assert set(found.unsure) <= set(UNSURE)
    for part in found.parts:
        assert 0 <= part.start < part.end <= len(text)
    memory.key(found)
    assert len(phrases(found)) <= 6
