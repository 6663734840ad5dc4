import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.facts import are_opposites, find_quotations, is_negative, read_tokens
from assistant.terms import stem


def forms(text: str, kind: str) -> list[str]:
    return [token.form for token in read_tokens(text) if token.kind == kind]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,500,000,000", ["1500000000"]),
        ("£1.5bn", ["1500000000"]),
        ("1.5 billion", ["1500000000"]),
        ("two hundred and fifty-one", ["251"]),
        ("twenty-one", ["21"]),
        ("three million", ["3000000"]),
        ("4.50 and 4.5", ["4.5", "4.5"]),
        ("26, 000 people", ["26000"]),
        ("in 2012, 300 people", ["2012", "300"]),
        ("the first and the 21st", ["1th", "21th"]),
        ("4th July", ["4"]),
        ("the 1990s", ["1990s"]),
        ("at 10:30", ["10:30"]),
    ],
)
def test_numbers_are_the_same_however_they_are_written(text: str, expected: list[str]) -> None:
    assert forms(text, "number") == expected


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("12 km", "kilometre"),
        ("12 kilometers", "kilometre"),
        ("12km", "kilometre"),
        ("12%", "percent"),
        ("12 per cent", "percent"),
        ("$12", "dollar"),
        ("12 dollars", "dollar"),
        ("12 apples", ""),
    ],
)
def test_a_number_has_its_unit(text: str, unit: str) -> None:
    assert [token.unit for token in read_tokens(text) if token.kind == "number"] == [unit]


def test_days_and_months_are_told_from_words() -> None:
    assert forms("They met on Tuesday, Sept. 4, and may march on 7 May.", "weekday") == ["tuesday"]
    assert forms("They met on Tuesday, Sept. 4, and may march on 7 May.", "month") == ["september", "may"]


def test_an_iso_date_is_read_as_a_date_in_words() -> None:
    written = {token.form for token in read_tokens("7 October 2023")}

    assert {token.form for token in read_tokens("2023-10-07")} == written


def test_a_name_is_a_capital_inside_a_sentence() -> None:
    assert forms("Yesterday the mayor of Vela met Ana Ruiz.", "name") == ["vela", "ana", "ruiz"]
    assert forms("THE MAYOR OF VELA MET ANA RUIZ", "name") == []


def test_a_people_has_the_name_of_its_country() -> None:
    assert forms("in France, the French", "name") == ["france", "france"]
    assert forms("in the U.S., the US", "name") == ["america", "america"]


@pytest.mark.parametrize("text", ["She is not here.", "She isn't here.", "She isn’t here.", "She was never here."])
def test_negations_have_one_form(text: str) -> None:
    assert forms(text, "negation") == ["not"]


def test_a_numbered_thing_is_not_negated() -> None:
    assert forms("He wore the no 10 shirt.", "negation") == []


def test_what_denies_is_negative() -> None:
    assert [is_negative(token) for token in read_tokens("They refused to pay")] == [True, False]


def test_opposites_are_known_both_ways() -> None:
    assert are_opposites(stem("increased"), stem("decreased"))
    assert are_opposites(stem("decreased"), stem("increased"))
    assert are_opposites("legal", "illegal")
    assert are_opposites(stem("kilometres"), stem("miles"))
    assert not are_opposites(stem("mayor"), stem("miles"))
    assert not are_opposites(stem("mayor"), stem("council"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('He said "no way".', ["no way"]),
        ("He said “we are … not [now] here”.", ["we are", "not", "here"]),
        ("‘It’s fine,’ she said.", ["It’s fine,"]),
        ("` it is fine,' she said", ["it is fine,"]),
        ("the boys' and the girls' schools", []),
        ("It isn't, and it wasn't.", []),
    ],
)
def test_quotations_are_found_between_any_marks(text: str, expected: list[str]) -> None:
    assert find_quotations(text) == expected


@given(st.text(max_size=200))
def test_tokens_are_where_they_say_in_any_text(text: str) -> None:
    tokens = read_tokens(text)

    assert all(text[token.start : token.end] == token.text or token.kind != "word" for token in tokens)
    assert all(0 <= token.start < token.end <= len(text) for token in tokens)
    assert [token.start for token in tokens] == sorted(token.start for token in tokens)
