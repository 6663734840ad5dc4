"""What a model makes of a question that follows others is taken only where it can be that question."""

import pytest

from assistant.followups import read_rewritten

QUESTION = "Who opened it?"


@pytest.mark.parametrize(
    ("question", "reply", "read"),
    [
        (QUESTION, "Who opened the old bridge at Alder?", "Who opened the old bridge at Alder?"),
        (QUESTION, "  “Who opened the bridge?”\n\n", "Who opened the bridge?"),
        (QUESTION, "Standalone question:\nWho opened the bridge?", "Who opened the bridge?"),
        (QUESTION, "**Question:** Who opened the bridge?", "Who opened the bridge?"),
        (QUESTION, QUESTION, QUESTION),
        (QUESTION, "who opened the bridge", "who opened the bridge"),
        ("Tell me more about it.", "Tell me more about the old bridge.", "Tell me more about the old bridge."),
        ("And the costs?", "What did the repairs of the bridge cost?", "What did the repairs of the bridge cost?"),
        ("Why?", "Why did the council close the bridge?", "Why did the council close the bridge?"),
        ("誰が開けた？", "誰が橋を開けた？", "誰が橋を開けた？"),
    ],
)
def test_a_question_that_stands_alone_is_taken(question: str, reply: str, read: str) -> None:
    assert read_rewritten(reply, question, earlier=["What did the repairs at Alder cost?"]) == read


@pytest.mark.parametrize(
    "reply",
    [
        "",
        " \n",
        "Question:",
        "?",
        "The bridge was opened by Mayor Ana Ruiz.",
        "Who opened the bridge?\nMayor Ana Ruiz opened it.",
        "Here is the question:\n\nWho opened the bridge?",
        "What is the capital of France?",
        "Who is it?",
        "I'm sorry, I can't help with that.",
        "Is it what the mayor opened on Monday.",
        "Who opened the bridge in Paris?",
        "Who opened the bridge in 2019?",
        "When was the bridge opened?",
        "Who opened the gate?",
        f"Who opened the bridge{' of the valley' * 30}?",
    ],
)
def test_what_can_not_be_the_question_is_not(reply: str) -> None:
    assert read_rewritten(reply, QUESTION, earlier=["What did the repairs cost?", "Who opened the gate?"]) is None


@pytest.mark.parametrize(
    "reply",
    ["Who opened the bridge at Alder in 2025?", "Which person opened the £2.4m bridge?", "Who opened Alder's bridge?"],
)
def test_names_and_numbers_come_from_the_conversation(reply: str) -> None:
    answers = ["The bridge at Alder, which cost £2.4m, reopened in 2025."]

    assert read_rewritten(reply, QUESTION, answers=answers) == reply
    assert read_rewritten(reply, QUESTION) is None


def test_what_was_asked_before_makes_room() -> None:
    rewritten = f"Who opened the bridge{' of the valley' * 30}?"

    assert read_rewritten(rewritten, QUESTION, earlier=["x" * 300]) == rewritten
