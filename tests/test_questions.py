import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.questions import MAX_LINE_BYTES, AskedQuestion, read_questions


def read(data: bytes) -> list[AskedQuestion]:
    return list(read_questions(io.BytesIO(data)))


def test_a_line_is_text_a_json_string_or_an_object() -> None:
    written = {"question": "When?", "outlet": "Courier", "since": "2025-03-01", "until": None, "id": "q-3"}
    lines = [
        "\ufeffWho won?",
        '"Who \\u201clost\\u201d?"',
        "",
        "  ",
        json.dumps(written),
        '{"question": "Why?", "id": 4}',
    ]

    assert read("\r\n".join(lines).encode()) == [
        AskedQuestion("Who won?"),
        AskedQuestion("Who “lost”?"),
        AskedQuestion("When?", outlet="Courier", since="2025-03-01", id="q-3"),
        AskedQuestion("Why?", id=4),
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"question": "x', "line 2 is no JSON"),
        (b'{"question": NaN}', "line 2 is no JSON"),
        (b"[" * 50_000, "line 2 is no JSON"),
        (b'["x"]', "line 2 is neither a question nor an object with one"),
        (b"{}", "line 2: its question is no text"),
        (b'{"question": 7}', "line 2: its question is no text"),
        (b'{"question": "x", "since": 2025}', "line 2: its since is no text"),
        (b'{"question": "x", "id": true}', "line 2: its id is no text"),
        (b'{"question": "x", "untill": "2025"}', "line 2 has an unknown field 'untill'"),
        (b"caf\xe9?", "line 2 is no text in UTF-8"),
        (b"x" * (MAX_LINE_BYTES + 1), "line 2 is longer than"),
        (b"x" * (3 * MAX_LINE_BYTES), "line 2 is longer than"),
    ],
)
def test_a_bad_line_is_said_in_its_place_and_the_next_is_read(line: bytes, problem: str) -> None:
    first, bad, last = read(b"One?\n" + line + b"\nTwo?")

    assert (first.question, last.question) == ("One?", "Two?")
    assert bad.problem is not None
    assert problem in bad.problem


def test_a_bad_line_keeps_what_can_be_read_of_it() -> None:
    (asked,) = read(b'{"question": "x", "id": 9, "until": 3}')

    assert (asked.question, asked.id) == ("x", 9)


@given(st.lists(st.binary(max_size=30)))
def test_there_is_one_question_a_line_whatever_it_holds(lines: list[bytes]) -> None:
    kept = [line.replace(b"\n", b"") for line in lines]

    found = read(b"\n".join(kept))

    assert len(found) == sum(bool(line.removeprefix(b"\xef\xbb\xbf").strip()) for line in kept)
    assert all(each.problem is not None or isinstance(each.question, str) for each in found)
