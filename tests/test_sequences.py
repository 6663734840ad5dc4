import pytest

from assistant.facts import read_tokens
from assistant.sequences import find_misordered

REVERSED = "the evidence says which came first the other way round"


def misorder(statement: str, evidence: str) -> list[str]:
    return list(find_misordered(statement, read_tokens(statement), [(evidence, read_tokens(evidence))]))


@pytest.mark.parametrize(
    ("evidence", "statement", "reason"),
    [
        ("It was founded in 1911 and burned in 1943.", "It was founded in 1943.", "another date for this: found"),
        ("The mill, closed in May, was sold in June.", "The mill was sold in May.", "another date for this: sell"),
        ("On Monday he resigned and on Friday he fled.", "He fled on Monday.", "another date for this: flee"),
        ("They left before dawn.", "They left after dawn.", "the evidence says before dawn, not after"),
        ("The dam burst hours after he had checked it.", "He checked the dam after it had burst.", REVERSED),
        ("Vane sold the paper and then sued its editor.", "Vane sued its editor and then sold the paper.", REVERSED),
        ("The school shut because the boiler failed.", "The boiler failed because the school shut.", REVERSED),
        ("The school shut.", "The school shut because of the cold.", "one caused the other: because"),
    ],
)
def test_another_time_or_order_is_named(evidence: str, statement: str, reason: str) -> None:
    assert any(reason in each for each in misorder(statement, evidence))


@pytest.mark.parametrize(
    ("evidence", "statement"),
    [
        ("It was founded in 1911 and burned in 1943.", "Founded in 1911, it burned in 1943."),
        ("The mill, closed in May, was sold in June.", "In June the mill, closed in May, was sold."),
        ("On Monday he resigned and on Friday he fled.", "He resigned on Monday and fled on Friday."),
        ("It ran from 1998 to 2004 and was sold in 2010.", "It was sold in 2010."),
        ("The dam burst hours after he had checked it.", "He had checked the dam before it burst."),
        ("The school shut because the boiler failed.", "After the boiler failed, the school shut."),
        ("The boiler caused the fire.", "The fire began because of the boiler."),
    ],
)
def test_the_same_time_and_order_are_let_through(evidence: str, statement: str) -> None:
    assert misorder(statement, evidence) == []
