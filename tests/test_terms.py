import re
import sqlite3
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from assistant.terms import (
    find_names,
    find_numbers,
    find_sources,
    find_stems,
    find_terms,
    find_words,
    split_clauses,
    stem,
)

_WORDS = "Who did what , and ; the Courier said that Reuters reported while 2023 x’y 新しい Ωμέγα é ? - | or \ud800"
QUESTIONS = st.lists(st.sampled_from([*re.split(" ", _WORDS), "\n"]), max_size=60).map(" ".join)


def read_index(words: list[str]) -> list[list[str]]:
    """Read each text as the full-text index does."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE found USING fts5 (text, tokenize='porter unicode61 remove_diacritics 2')")
    connection.executemany("INSERT INTO found (rowid, text) VALUES (?, ?)", enumerate(words))
    connection.execute("CREATE VIRTUAL TABLE vocabulary USING fts5vocab (found, instance)")
    rows = connection.execute("SELECT doc, term FROM vocabulary ORDER BY doc, offset").fetchall()
    connection.close()
    return [[term for row, term in rows if row == number] for number in range(len(words))]


def test_words_and_stems_are_those_of_the_full_text_index() -> None:
    texts = [
        "The ponies' caresses: hopping, falling; agreed! conditional rational digitizer operators",
        "Zoë's café in São Tomé — naïve façade, Łódź, Dvořák",
        "ΑΣ οδός, Москва ёлка, 東京 2023年, 1,200.5 U.S. x_y isn't 1050s",
        "adjustable formalities hopefulness oscillate generalizations sky dying",
        "“It’s not‑so…” – she said‚ to the ‘harbour’s’ mayor—twice",
    ]

    assert [[stem(word) for word in find_words(text)] for text in texts] == read_index(texts)


def test_terms_leave_out_stop_words_and_repetitions() -> None:
    assert find_terms("What are the conditions, and whose conditions are they?") == ("conditions",)
    assert find_stems("condition, conditions, conditional") == ("condit",)


def test_text_without_words_has_no_terms() -> None:
    assert find_terms("?! ... — 🙂") == ()
    assert find_terms("Who are you?") == ()


def test_numbers_lose_the_commas_that_group_them() -> None:
    assert find_numbers("1,200 of 3.5 million in 2023, 1,200 again") == ("1200", "3.5", "2023")


def test_names_are_runs_of_capitals_without_stop_words_at_their_ends() -> None:
    assert find_names("What did the Bank of England tell 'Sport Grill' about Jane Doe's plan?") == (
        "Bank of England",
        "Sport Grill",
        "Jane Doe",
    )


def test_question_is_cut_at_conjunctions_and_commas() -> None:
    question = "Which envoy flew to Riyadh in March, and who told Reuters that the talks had failed?"

    assert [question[start:end] for start, end in split_clauses(question)] == [
        "Which envoy flew to Riyadh in March",
        "told Reuters that the talks had failed?",
    ]


def test_dates_and_pairs_of_names_are_not_cut() -> None:
    question = "What did Will Smith and Jada Pinkett Smith announce on October 7, 2023?"

    assert split_clauses(question) == ((0, len(question)),)


def test_small_pieces_join_their_neighbours() -> None:
    question = "Who won, and why?"

    assert split_clauses(question) == ((0, len(question)),)


@given(QUESTIONS, st.integers(1, 5), st.integers(1, 4))
def test_clauses_are_few_in_order_and_large_enough(question: str, limit: int, minimum_terms: int) -> None:
    clauses = split_clauses(question, limit=limit, minimum_terms=minimum_terms)

    assert 1 <= len(clauses) <= limit
    assert all(one.end <= other.start for one, other in pairwise(clauses))
    assert all(0 <= start <= end <= len(question) for start, end in clauses)
    if len(clauses) > 1:
        assert all(len(find_terms(question[start:end])) >= minimum_terms for start, end in clauses)


def test_sources_are_outlets_that_are_named_as_such() -> None:
    assert find_sources("What did the Harbour Courier report say, and which ships, according to Reuters, sailed?") == (
        "Harbour Courier",
        "Reuters",
    )
    assert find_sources("What did Jack and Jill fetch?") == ()
