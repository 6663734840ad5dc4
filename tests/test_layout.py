from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pdf_files import Run, write_lines

from assistant.layout import Fragment, compose_text

LEFT = """
   The ferry stayed in the harbour for
a third day while the wind blew from
the north, and nobody on the island
could say when it would leave again.
   The mayor asked for patience. He had
"""
RIGHT = """
spoken to the captain on Monday.
   Shops ran out of bread by Tuesday,
and the bakery that had opened a
week before closed its doors for good.
"""
STORY = [
    "The ferry stayed in the harbour for a third day while the wind blew from the north, and nobody on the island could"
    " say when it would leave again.",
    "The mayor asked for patience. He had spoken to the captain on Monday.",
    "Shops ran out of bread by Tuesday, and the bakery that had opened a week before closed its doors for good.",
]


def compose(*pages: list[Run]) -> list[str]:
    text = compose_text([[Fragment(run.text, run.x, run.y, run.size) for run in page] for page in pages]).text
    return text.split("\n\n") if text else []


def interleave(left: list[Run], right: list[Run]) -> list[Run]:
    return sorted(left + right, key=lambda run: (-run.y, run.x))


def test_lines_are_joined_into_paragraphs() -> None:
    assert compose(write_lines(LEFT)) == [STORY[0], "The mayor asked for patience. He had"]
    assert compose(write_lines("The wind blew, and the ferry\nstayed.\n\nNobody left the island for\na week.")) == [
        "The wind blew, and the ferry stayed.",
        "Nobody left the island for a week.",
    ]


def test_a_line_that_had_room_for_the_next_word_ends_its_paragraph() -> None:
    lines = "The wind blew from the north for a third day.\nIt rained.\nNobody left the island, the mayor said."

    assert compose(write_lines(lines)) == [
        "The wind blew from the north for a third day. It rained.",
        "Nobody left the island, the mayor said.",
    ]


def test_double_spaced_lines_are_no_paragraphs() -> None:
    lines = "The wind blew from the north for a third\nday while the ferry stayed in the harbour\nof the island."

    assert compose(write_lines(lines, leading=30)) == [lines.replace("\n", " ")]


def test_columns_one_after_the_other_are_read_so() -> None:
    assert compose(write_lines(LEFT, x=50) + write_lines(RIGHT, x=310)) == STORY


def test_columns_that_are_drawn_side_by_side_are_read_one_after_the_other() -> None:
    headline = [Run(50, 760, "No bread on the island as the ferry stays where it is", 20)]
    below = [Run(50, 560, "The Courier is printed on the mainland, and this reaches from side to side.")]

    pages = headline + interleave(write_lines(LEFT, x=50), write_lines(RIGHT, x=310)) + below

    assert compose(pages) == [headline[0].text, *STORY, below[0].text]


def test_three_columns_that_are_drawn_side_by_side() -> None:
    columns = [
        [Run(x, 700 - 14 * row, f"{name} line {row} of its column") for row in range(6)]
        for x, name in ((40, "left"), (230, "middle"), (420, "right"))
    ]

    text = " ".join(compose(sorted(chain(*columns), key=lambda run: (-run.y, run.x))))

    assert text == " ".join(run.text for column in columns for run in column)


def test_a_table_is_read_row_by_row() -> None:
    rows = [("Oslo", "709,000"), ("Bergen", "291,000"), ("Trondheim", "212,000"), ("Stavanger", "149,000")]
    runs = [
        Run(x, 700 - 14 * row, cell) for row, cells in enumerate(rows) for x, cell in zip((72, 300), cells, strict=True)
    ]

    assert compose(runs) == [" ".join(cells) for cells in rows]


def test_running_headers_and_footers_and_page_numbers_are_left_out() -> None:
    pages = []
    for number in range(1, 5):
        body = f"Paragraph {number} says something of its own,\nand it goes on for a second line.\n\nThen it ends."
        header = [Run(72, 800, "Forest Courier"), Run(400, 800, f"15 March 2025, page {number}")]
        pages.append([*header, *write_lines(body), Run(290, 40, str(number))])

    assert compose(*pages) == [
        part
        for number in range(1, 5)
        for part in (
            f"Paragraph {number} says something of its own, and it goes on for a second line.",
            "Then it ends.",
        )
    ]


def test_numbers_that_move_about_are_those_of_pages_where_they_grow_with_them() -> None:
    pages = [
        [*write_lines("It rained on this day."), Run(50 if n % 2 else 500, 30 + n, f"– {n + 6} –")] for n in range(4)
    ]
    pages[3].append(Run(72, 20, "2025"))

    assert compose(*pages)[-1] == "2025"
    assert not any("–" in paragraph for paragraph in compose(*pages)[:-2])


def test_lines_of_the_text_that_pages_share_are_kept() -> None:
    pages = [write_lines(f"It rained on this day, the {n}th.\nNobody left the island.") for n in range(4, 8)]

    assert compose(*pages) == [f"It rained on this day, the {n}th. Nobody left the island." for n in range(4, 8)]


def test_a_document_of_one_page_keeps_its_first_and_last_lines() -> None:
    assert compose([Run(72, 800, "Forest Courier"), Run(72, 700, "It rained."), Run(72, 40, "1")]) == [
        "Forest Courier",
        "It rained.",
        "1",
    ]


def test_pages_that_all_say_the_same_are_kept() -> None:
    assert compose([Run(72, 700, "It rained.")], [Run(72, 700, "It rained.")]) == ["It rained.", "It rained."]


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ("The govern-\nment fell.", "The government fell."),
        ("The govern\xad\nment fell.", "The government fell."),
        ("A well-known man and a well-\nknown woman.", "A well-known man and a well-known woman."),
        ("The EU-\nled talks.", "The EU-led talks."),
        ("The Anglo-\nFrench talks.", "The Anglo-French talks."),
        ("In 2024-\n25 it rained.", "In 2024-25 it rained."),
        ("It rained –\nand poured.", "It rained – and poured."),
        ("The oﬃce of the\nﬁrst ﬂoor.", "The office of the first floor."),
    ],
)
def test_words_that_were_cut_are_whole_again(lines: str, text: str) -> None:
    assert compose(write_lines(lines)) == [text]


def test_a_word_that_was_cut_at_the_end_of_a_page_is_whole_again() -> None:
    assert compose(write_lines("In the end the govern-"), write_lines("ment of the island fell.")) == [
        "In the end the government of the island fell."
    ]


def test_items_of_a_list_stay_apart_with_the_lines_that_hang_below_them() -> None:
    runs = [
        Run(72, 700, "• The ferry stayed in the harbour for a third day"),
        Run(82, 686, "while the wind blew."),
        Run(72, 672, "• Nobody left."),
    ]

    assert compose(runs) == ["• The ferry stayed in the harbour for a third day while the wind blew.", "• Nobody left."]


def test_runs_on_one_line_are_one_line() -> None:
    assert compose([Run(72, 700, "The "), Run(95, 700, "harbour"), Run(140, 702, " "), Run(143, 700, "is open.")]) == [
        "The harbour is open."
    ]


def test_the_headline_is_what_is_set_largest_on_the_first_page() -> None:
    headline = write_lines("No bread on the\nisland", y=760, size=22, leading=26)
    pages = [[Fragment(run.text, run.x, run.y, run.size) for run in [*headline, *write_lines(LEFT)]]]

    assert compose_text(pages).headline == "No bread on the island"
    assert compose_text([pages[0][2:]]).headline is None
    assert compose_text([]).headline is None


WORDS = st.text("abcdefghijklmnop", min_size=1, max_size=9)
RUNS = st.builds(
    Fragment,
    st.lists(WORDS, min_size=1, max_size=8).map(" ".join),
    st.floats(0, 600),
    st.floats(0, 840),
    st.sampled_from([0.0, 8.0, 11.0, 24.0]),
)


@given(st.lists(RUNS, max_size=30))
def test_nothing_is_lost_or_said_twice_on_a_page(page: list[Fragment]) -> None:
    drawn = sorted("".join(fragment.text for fragment in page).replace(" ", ""))

    assert sorted("".join(compose_text([page]).text.split())) == drawn


def test_a_line_of_letters_without_end_is_one_word() -> None:
    text = "a" * 300_000

    assert compose_text([[Fragment(text, 50, 700, 10)]]).text == text
