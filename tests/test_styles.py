import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import styles
from assistant.styles import MAX_LOOKUPS, MAX_RULES, Hiding, Place, read_hiding, read_ways


def hides(hiding: Hiding, name: str) -> bool:
    return hiding.hides([Place("p", frozenset({f".{name}"}))])


@given(st.text(alphabet="{};:.#@/*'\"\\ax -,!\n0", max_size=200))
def test_any_sheet_is_read_and_what_it_does_not_name_is_seen(sheet: str) -> None:
    hiding = read_hiding([sheet])

    assert not hides(hiding, "named-nowhere")


def test_a_way_is_decided_by_what_is_said_last_or_is_important() -> None:
    assert read_ways("height:auto; max-height:none; overflow:hidden") == {"size": False}
    assert read_ways("color:#ffff; background:url(x.png) #036") == {"color": False}
    assert read_ways("color:#fff", is_white=False) == {"color": False}
    assert read_ways("color:rgb(12, 12, 12); background:#0c0c0c") == {"color": True}
    assert read_ways("DISPLAY : NONE !important; display:block; opacity:5%") == {"display": True, "opacity": True}


@given(st.text(alphabet="colr:#fthsg()0129.,%-;! /\\abex", max_size=60))
def test_any_declarations_are_read(declarations: str) -> None:
    assert set(read_ways(declarations).values()) <= {True, False}
    for name in ("color", "font", "transform", "clip", "translate", "filter", "zoom", "height"):
        read_ways(f"{name}:{declarations};overflow:hidden")


@pytest.mark.parametrize("filling", ["{", "}", "/*", "'", ".a{", ".y{color:red}", "@media screen{", "a,"])
def test_a_huge_sheet_is_read_to_its_bound(filling: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(styles, "MAX_SHEET_CHARACTERS", 200_000)
    sheet = ".x{display:none}" + filling * (200_000 // len(filling))

    hiding = read_hiding([sheet, ".z{display:none}"])

    assert hides(hiding, "x")
    assert not hides(hiding, "z")


def test_more_rules_than_a_page_has_hide_nothing_and_neither_do_more_lookups() -> None:
    sheet = "".join(f".x.n{number}{{display:none}}" for number in range(MAX_RULES)) + ".late{display:none}"

    hiding = read_hiding([sheet.replace(".x", "", 1), ".late{display:none}"])

    assert not hides(hiding, "late")
    assert hides(hiding, "n0")
    hiding.lookups_left = 0
    assert not hides(hiding, "n0")
    assert hiding.lookups_left <= MAX_LOOKUPS
