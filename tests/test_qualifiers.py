import pytest

from assistant.facts import read_tokens
from assistant.qualifiers import find_unqualified


def unqualify(statement: str, evidence: str) -> list[str]:
    return list(find_unqualified(statement, read_tokens(statement), [(evidence, read_tokens(evidence))]))


@pytest.mark.parametrize(
    ("evidence", "statement", "reason"),
    [
        ("The deputy mayor signed.", "The mayor signed.", "the evidence says deputy: mayor"),
        ("The suspended judge spoke.", "The judge spoke.", "the evidence says suspended: judg"),
        ("The former prime minister fled.", "The prime minister fled.", "the evidence says former: minist"),
        ("The coach's son, Leo Marsh, won.", "The coach, Leo Marsh, won.", "the evidence says coach's: leo marsh"),
        ("They sailed without a licence.", "They sailed with a licence.", "the evidence says without, not with"),
        ("She voted for the pier.", "She voted against the pier.", "the evidence says for, not against"),
        (
            "It covers all except islands.",
            "It covers all including islands.",
            "the evidence says except, not including",
        ),
        ("It is in Bonn instead of Rome.", "It is in Rome.", "the evidence says another instead of Rome"),
    ],
)
def test_a_word_that_is_dropped_or_turned_is_named(evidence: str, statement: str, reason: str) -> None:
    assert reason in unqualify(statement, evidence)


@pytest.mark.parametrize(
    ("evidence", "statement"),
    [
        ("The deputy mayor signed.", "It was signed by the deputy mayor."),
        ("The deputy mayor signed after the mayor had left.", "The mayor left."),
        ("The former airfield is sold.", "The old airfield is sold."),
        ("Former President Ortega fled.", "President Ortega fled."),
        ("She sued her former partner.", "She sued the firm that was once her partner."),
        ("The coach's son, Leo Marsh, won.", "Leo Marsh, the coach's son, won."),
        ("They sailed without a licence.", "They did not sail with a licence."),
        ("She voted for the pier, not against the pier.", "She voted for the pier."),
        ("It is in Bonn instead of Rome.", "It is in Bonn and not in Rome."),
    ],
)
def test_the_same_word_is_let_through(evidence: str, statement: str) -> None:
    assert unqualify(statement, evidence) == []
