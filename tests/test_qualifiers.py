import pytest

from assistant.facts import read_tokens
from assistant.qualifiers import find_unqualified


def unqualify(statement: str, evidence: str) -> list[str]:
    return list(find_unqualified(statement, read_tokens(statement), [(evidence, read_tokens(evidence))]))


CLEARED = "A jury acquitted Bo Lind of taking bribes but found him guilty of lying to the court."


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
        (
            "Kent fought beside Bonn in May.",
            "Kent fought against Bonn in May.",
            "the evidence says beside, not against",
        ),
        ("Two members voted against the pier.", "Two members abstained.", "votes were cast otherwise: abstained"),
        ("Two members abstained.", "Two members voted against the pier.", "votes were cast otherwise: against"),
        ("Two members abstained.", "Two members voted in favour of it.", "votes were cast otherwise: for"),
        ("Cole voted against it.", "Only Cole voted against it.", "doesn't say only"),
        ("The hall is for choirs.", "The hall is exclusively for choirs.", "doesn't say exclusively"),
        (CLEARED, "A jury found Bo Lind guilty of taking bribes.", "was convicted of: bribe"),
        (CLEARED, "A jury acquitted Bo Lind of lying to the court.", "was cleared of: court"),
    ],
)
def test_a_word_that_is_dropped_or_turned_is_named(evidence: str, statement: str, reason: str) -> None:
    assert any(found.endswith(reason) for found in unqualify(statement, evidence))


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
        ("Kent fought beside Bonn in May.", "Kent fought alongside Bonn."),
        ("Four voted against it and two abstained.", "Two members abstained."),
        ("Four opposed it in the vote.", "Four voted against it."),
        ("Two members did not vote.", "Two members abstained."),
        ("Nobody else but Cole opposed it.", "Only Cole opposed it."),
        ("The hall is for choirs and for no one else.", "The hall is exclusively for choirs."),
        ("Ten of the 48 are there.", "Only ten of the 48 are there."),
        (CLEARED, "Bo Lind was cleared of taking bribes but convicted of lying."),
        (CLEARED, "The jury convicted Bo Lind of lying to the court."),
        ("The plan was rejected.", "The members voted against the plan."),
    ],
)
def test_the_same_word_is_let_through(evidence: str, statement: str) -> None:
    assert unqualify(statement, evidence) == []
