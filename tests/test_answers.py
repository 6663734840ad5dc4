import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from answer_records import answers, asked_at, make_answer, make_source
from hypothesis import given
from hypothesis import strategies as st

from assistant.answers import MAX_BYTES, answer_to_json, conversation_to_json, read_answer, read_answers
from assistant.errors import AnswerError
from assistant.types import Answer, Conversation, Turn

Path_ = tuple[str | int, ...]


@given(answers())
def test_an_answer_comes_back_from_json_as_it_was(answer: Answer) -> None:
    assert read_answer(json.loads(json.dumps(answer_to_json(answer)))) == answer


def list_places(value: Any, place: Path_ = ()) -> list[Path_]:
    """List the place of everything in a JSON value."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(found for key, child in children for found in list_places(child, (*place, key)))]


ANSWER = replace(make_answer(1, sources=[make_source(1), make_source(2)]), hashes=(), standalone_question="Which?")
WRITTEN = answer_to_json(ANSWER)


@given(
    st.sampled_from(list_places(WRITTEN)),
    st.sampled_from([None, True, -1, 2.5, 10**400, float("nan"), float("inf"), "x", "\ud800", [], [[]], {}, {"a": 1}]),
)
def test_whatever_stands_in_a_field_is_read_or_refused_in_one_line(place: Path_, value: object) -> None:
    written = json.loads(json.dumps({"it": WRITTEN}))
    parent: Any = written
    for key in ("it", *place)[:-1]:
        parent = parent[key]
    parent[("it", *place)[-1]] = value

    complaint = ""
    try:
        read = read_answer(written["it"])
    except AnswerError as error:
        complaint = str(error)
    if complaint:
        assert complaint.startswith("the answer")
        assert "\n" not in complaint
    else:
        assert read_answer(json.loads(json.dumps(answer_to_json(read)))) == read


def change(*place: str | int, to: object) -> dict[str, Any]:
    written: Any = json.loads(json.dumps(WRITTEN))
    parent = written
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = to
    return dict(written)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ([], "the answer is no JSON object"),
        ({}, "the answer has no 'citations'"),
        (change("confidence", to=1.5), "the answer.confidence is no number from 0 to 1"),
        (change("confidence", to=True), "the answer.confidence is no number"),
        (change("seconds", to=10**400), "the answer.seconds is no number"),
        (change("abstained", to=1), "the answer.abstained is no true or false"),
        (change("abstained", to=True), "the answer says that it abstained, and has statements or citations"),
        (change("citations", 0, "start", to=-1), "the answer.citations[0].start is no whole number that can be"),
        (change("citations", 0, "end", to=0), "the answer.citations[0] has offsets that can't be"),
        (change("citations", 1, "number", to=1), "the answer.citations has a number twice"),
        (change("citations", 1, "published", to="2026-01-01"), "citations[1].published is no time with a time zone"),
        (change("citations", 1, "published", to="someday"), "the answer.citations[1].published is no time"),
        (change("citations", 0, "article_id", to="\ud800"), "citations[0].article_id is no id that an article can"),
        (change("statements", 0, "citations", to=[9]), "the answer.statements[0].citations names 9"),
        (change("retrieved", 0, "text", to=None), "the answer.retrieved[0].text is no text"),
        (change("retrieved", 0, "sentences", 0, to=[1]), "the answer.retrieved[0].sentences[0] is no pair of offsets"),
        (change("notes", to="one"), "the answer.notes is no list"),
        (change("understood", to=[{"text": "", "since": "x", "until": None}]), "understood[0].since is no day"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(value: object, complaint: str) -> None:
    with pytest.raises(AnswerError) as raised:
        read_answer(value)

    assert complaint in str(raised.value)


def test_what_an_earlier_or_a_later_version_writes_can_be_read() -> None:
    earlier = {name: value for name, value in WRITTEN.items() if name not in ("hashes", "prompts")}
    for passage in earlier["retrieved"]:
        earlier["retrieved"] = [{k: v for k, v in passage.items() if k not in ("sentences", "parts")}]

    assert read_answer(earlier).citations == ANSWER.citations
    assert read_answer({**WRITTEN, "id": 7, "mood": ["calm"]}) == ANSWER


CONVERSATION = Conversation(
    "2026-01-01-abcd",
    asked_at(0),
    (
        Turn(1, asked_at(0), "One?", ANSWER),
        Turn(2, asked_at(1), "Two?", None),
        Turn(3, asked_at(2), "Three?", make_answer(3)),
    ),
)


def test_an_exported_conversation_says_what_was_forgotten() -> None:
    written = conversation_to_json(CONVERSATION)

    assert written["conversation"]["id"] == "2026-01-01-abcd"
    assert [turn["forgotten"] for turn in written["conversation"]["turns"]] == [False, True, False]
    assert [turn["question"] for turn in written["conversation"]["turns"]] == ["One?", "Two?", "Three?"]
    assert [read_answer(answer) for answer in written["answers"]] == [ANSWER, make_answer(3)]


LINE = json.dumps(WRITTEN)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (LINE, 1),
        ("\ufeff" + LINE, 1),
        (json.dumps(WRITTEN, indent=2), 1),
        (json.dumps(conversation_to_json(CONVERSATION)), 2),
        (json.dumps(conversation_to_json(CONVERSATION), indent=1), 2),
        (f'{LINE}\n\n{{"question": "x", "error": "it failed"}}\n{LINE}\n', 2),
        (json.dumps({**WRITTEN, "error": "it broke off"}), 1),
    ],
    ids=["one", "with a mark", "indented", "conversation", "conversation indented", "lines", "broken off"],
)
def test_every_file_of_answers_is_read(tmp_path: Path, text: str, count: int) -> None:
    file = tmp_path / "answers.json"
    file.write_text(text, encoding="utf-8")

    read = read_answers(file)

    assert len(read) == count
    assert read[0] == ANSWER


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: b"", "it is empty"),
        (lambda: b"\xff\xfe\x00", "it is no text in UTF-8"),
        (lambda: b"Dear all,\nsee you.", "it is no JSON"),
        (lambda: b"[" * 1_000_000, "it is no JSON"),
        (lambda: b'{"a":' * 200_000, "it is no JSON"),
        (lambda: LINE.replace("0.75", "NaN", 1).encode(), "it is no JSON"),
        (lambda: LINE.replace("0.75", "1" * 5_000, 1).encode(), "it is no JSON"),
        (lambda: LINE.replace("0.75", "1e999", 1).encode(), "is no number"),
        (lambda: b"[]", "it is no JSON object"),
        (lambda: b'{"conversation": {}, "answers": {}}', "it.answers is no list"),
        (lambda: b'{"conversation": {}, "answers": [1]}', "it.answers[0] is no JSON object"),
        (lambda: f"{LINE}\n{{bad\n".encode(), "line 2 is no JSON"),
        (lambda: f"{LINE}\n[]\n".encode(), "line 2 is no JSON object"),
        (lambda: b'"' + b"x" * 50_000_000 + b'"', f"larger than {MAX_BYTES:,} bytes"),
    ],
)
def test_a_file_of_anything_else_is_refused_in_one_line(
    tmp_path: Path, make: Callable[[], bytes], complaint: str
) -> None:
    file = tmp_path / "answers.json"
    file.write_bytes(make())

    with pytest.raises(AnswerError) as raised:
        read_answers(file)

    assert str(raised.value).startswith(f"{file}: no answers as the assistant writes them: ")
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_is_no_file_is_said() -> None:
    with pytest.raises(AnswerError, match="can't be read"):
        read_answers(Path("nowhere.json"))
    with pytest.raises(AnswerError, match="can't be read"):
        read_answers(Path(__file__).parent)
    with pytest.raises(AnswerError, match="no name of a file"):
        read_answers(Path("a\0b"))
