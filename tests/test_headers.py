from datetime import date

import pytest

from assistant.headers import Header, find_dated, is_report, read_header

HEADER = Header("Harbour Times", date(2025, 6, 3))  # a Tuesday


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("Harbour Times, 3 June 2025", HEADER),
        ("Harbour Times, 3 June 2025: Viaduct reopens", HEADER),
        ("3 June 2025", Header("", date(2025, 6, 3))),
        ("Harbour Times, 31 June 2025", None),
        ("It closed on 3 June 2025.", None),
        ("Harbour Times", None),
    ],
)
def test_an_outlet_and_a_day_are_a_header(text: str, header: Header | None) -> None:
    assert read_header(text) == header


@pytest.mark.parametrize(
    ("statement", "is_so"),
    [
        ("The viaduct reopened, it was reported on 3 June.", True),
        ("The Harbour Times said that the viaduct had reopened.", True),
        ("The Harbour Times reopened the viaduct.", False),
        ("The viaduct reopened on 3 June.", False),
    ],
)
def test_a_statement_may_be_about_the_article(statement: str, is_so: bool) -> None:
    assert is_report(statement, HEADER) is is_so


@pytest.mark.parametrize(
    ("text", "dated", "other"),
    [
        ("It reopened yesterday.", {"2", "june", "2025", "monday"}, "3"),
        ("It reopened on Monday.", {"2", "june", "2025"}, "9"),
        ("It will reopen on Monday.", {"9", "june", "2025"}, "10"),
        ("It reopened in May.", {"2025"}, "june"),
        ("It closed last year.", {"2024"}, "june"),
    ],
)
def test_days_are_meant_as_of_the_header(text: str, dated: set[str], other: str) -> None:
    found = find_dated([text], HEADER)

    assert dated <= found
    assert other not in found


def test_no_day_is_meant_by_a_text_without_one() -> None:
    assert find_dated(["It reopened after repairs."], HEADER) == frozenset()
