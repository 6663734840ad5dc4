import pytest

from assistant.facts import read_tokens
from assistant.quantities import find_misquantified, list_rivals


def misquantify(statement: str, evidence: str) -> list[str]:
    return list(find_misquantified(statement, read_tokens(statement), [(evidence, read_tokens(evidence))]))


@pytest.mark.parametrize(
    ("evidence", "statement", "reason"),
    [
        ("The pier cost £2m.", "The pier cost over £2m.", "the evidence doesn't say over 2m"),
        ("The pier cost £2m.", "The pier cost nearly £2m.", "the evidence doesn't say under 2m"),
        ("Nearly 40 people came.", "More than 40 people came.", "the evidence doesn't say at least 40"),
        ("Up to 40 people came.", "40 people came.", "the evidence doesn't say just 40"),
        ("All but six of the boats sank.", "Only six of the boats sank.", "the evidence says this of all but six"),
        ("Only children may swim.", "All children may swim.", "the evidence doesn't say this of all"),
        ("Two thirds of the 60 voted.", "A third of the 60 voted.", "the evidence says 2 third, not 1"),
        ("Sales fell 7% to £3m.", "Sales fell to 7%.", "the evidence says by 7, not to"),
        ("It has 12 cranes and 40 docks.", "It has 40 cranes.", "the evidence says 12, not 40: crane"),
        (
            "She ran it in 50 minutes, 9 seconds ahead of him.",
            "She was 50 minutes ahead of him.",
            "the evidence doesn't say 50 ahead",
        ),
        (
            "The pier will cost £9m, two million more than planned.",
            "The pier will cost two million.",
            "the evidence says this of a difference only: two million",
        ),
        ("Bonn is the third-largest port.", "Bonn is the largest port.", "the evidence says third largest"),
        ("It is one of the oldest mills.", "It is the oldest mill.", "the evidence says one of the oldest"),
        ("It is the worst drought since 1976.", "It is the worst drought ever.", "the evidence doesn't say worst ever"),
        ("As many as 40 people came.", "At least 40 people came.", "the evidence doesn't say at least 40"),
        ("Bonn bought 64 boats for £29m.", "Bonn bought 64 boats for £29m each.", "the evidence doesn't say 29m each"),
        ("The boats cost £2m each.", "The boats cost £2m in all.", "the evidence says 2m each, not in all"),
        ("Two-thirds of Bonn has power.", "All of Bonn has power.", "the evidence says this of a part of Bonn only"),
        (
            "Shares in Kent fell 9.2%, while those of Brann rose 1.4%.",
            "Shares in Kent fell 9.2%, while those of Brann fell 1.4%.",
            "the evidence says up 1.4, not down",
        ),
    ],
)
def test_another_quantity_is_named(evidence: str, statement: str, reason: str) -> None:
    assert reason in misquantify(statement, evidence)


@pytest.mark.parametrize(
    ("evidence", "statement"),
    [
        ("Almost 40 people came.", "Nearly 40 people came."),
        ("The pier cost about £2m.", "The pier cost nearly £2m."),
        ("The case is about £2m.", "The two sued each other over £2m."),
        ("All but six of the boats sank.", "All of the boats but six sank."),
        ("All but six of the boats sank.", "Six of the boats did not sink."),
        ("Two thirds of the 60 voted.", "Two in three of the 60 voted."),
        ("Sales fell 7% to £3m.", "Sales fell by 7%, to £3m."),
        ("It has 12 cranes and 40 docks.", "There are 40 docks and 12 cranes."),
        ("The pier will cost £9m, two million more than planned.", "The pier is dearer by two million."),
        ("The third-largest port is Bonn.", "Bonn is the third-largest port."),
        ("It is the worst drought since 1976.", "There was no worse drought since 1976."),
        ("The trip may take as many as five years.", "The trip may take up to five years."),
        ("Bonn paid £2m for every boat.", "Bonn paid £2m each for the boats."),
        ("Both men were fined £500.", "The men were fined £500 each."),
        ("Half of Bonn and all of Kent has power.", "All of Kent has power."),
        ("Half of Bonn has power.", "Every lamp in half of Bonn is lit."),
        ("Sales dropped to £63m from £148m.", "Sales fell from £148m to £63m."),
        ("Profit rose after sales fell by 7%.", "Sales fell by 7%."),
        ("Prices rose by up to 7%.", "Prices climbed by as much as 7%."),
        ("Only members over 70 are tested every year.", "Members are tested every year if they are over 70."),
    ],
)
def test_the_same_quantity_is_let_through(evidence: str, statement: str) -> None:
    assert misquantify(statement, evidence) == []


@pytest.mark.parametrize(
    ("statement", "rivals"),
    [
        ("At least 31 people died, and later at least 58.", [("31", "58")]),
        ("31 people died on Sunday and 58 by Monday.", []),
        ("At least 31 people died.", []),
        ("31 people died near Alder, and 412 beds were set up.", []),
    ],
)
def test_two_figures_of_two_texts_for_one_thing_are_rivals(statement: str, rivals: list[tuple[str, str]]) -> None:
    later = "At least 58 people died near Alder, and 412 beds were set up."

    assert list_rivals(statement, "The quake near Alder killed 31 people.", later) == rivals
    assert list_rivals(statement, "The quake near Kent killed 31 people.", later) == []
