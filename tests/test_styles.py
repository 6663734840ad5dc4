import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import styles
from assistant.styles import MAX_LOOKUPS, MAX_RULES, read_hiding


@given(st.text(alphabet="{};:.#@/*'\"\\ax -,!\n0", max_size=200))
def test_any_sheet_is_read_and_what_it_does_not_name_is_seen(sheet: str) -> None:
    hiding = read_hiding([sheet])

    assert not hiding.hides("p", "named-nowhere", "")


@pytest.mark.parametrize("filling", ["{", "}", "/*", "'", ".a{", ".y{color:red}", "@media screen{", "a,"])
def test_a_huge_sheet_is_read_to_its_bound(filling: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(styles, "MAX_SHEET_CHARACTERS", 200_000)
    sheet = ".x{display:none}" + filling * (200_000 // len(filling))

    hiding = read_hiding([sheet, ".z{display:none}"])

    assert hiding.hides("p", "x", "")
    assert not hiding.hides("p", "z", "")


def test_more_rules_than_a_page_has_hide_nothing_and_neither_do_more_lookups() -> None:
    sheet = "".join(f".x.n{number}{{display:none}}" for number in range(MAX_RULES)) + ".late{display:none}"

    hiding = read_hiding([sheet.replace(".x", "", 1), ".late{display:none}"])

    assert not hiding.hides("p", "late", "")
    assert hiding.hides("p", "n0", "")
    hiding.lookups_left = 0
    assert not hiding.hides("p", "n0", "")
    assert hiding.lookups_left <= MAX_LOOKUPS
