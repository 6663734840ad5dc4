import pytest

from assistant.contradictions import (
    align,
    find_contradictions,
    find_crossings,
    find_exchanged,
    find_misquoted,
    find_missing,
    find_other_shares,
    find_substituted_phrases,
    find_substitutions,
    find_unsaid,
    read_facts,
)
from assistant.facts import read_tokens

SENTENCE = "Mayor Ana Ruiz told Reuters on Tuesday that 13 people in Vela were not hurt."


def find_missing_in(statement: str, evidence: str) -> list[str]:
    return list(find_missing(read_tokens(statement), read_facts([read_tokens(evidence)])))


def contradict(statement: str, *sentences: str) -> list[str]:
    ours = read_tokens(statement)
    alignments = [align(ours, read_tokens(sentence)) for sentence in sentences]
    return [*find_contradictions(ours, alignments), *find_crossings(ours, alignments)]


@pytest.mark.parametrize(
    ("statement", "missing"),
    [
        (SENTENCE, []),
        ("The mayor told AFP that 13 people were safe.", ["AFP is not in the evidence"]),
        ("The mayor said that 14 people were safe.", ["14 is not in the evidence"]),
        ("The mayor said so on Monday.", ["Monday is not in the evidence"]),
        ("The mayor said that thirteen people were safe.", []),
        ("The mayor said that 13 miles were closed.", []),
    ],
)
def test_names_numbers_and_days_must_be_in_the_evidence(statement: str, missing: list[str]) -> None:
    assert find_missing_in(statement, SENTENCE) == missing


def test_a_name_may_be_shorter_or_its_initials() -> None:
    assert find_missing_in("Then the UN spoke to Ruiz.", "Ana Ruiz met the United Nations envoy.") == []
    assert find_missing_in("It is Ukrainian.", "They came from Ukraine.") == []


def test_a_number_must_have_its_unit() -> None:
    assert find_missing_in("It is 12 miles long.", "It is 12 km long.") == ["12 mile is not in the evidence"]
    assert find_missing_in("It is 12 kilometres long.", "It is 12 km long.") == []


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (SENTENCE.replace("13", "12"), "the evidence says 13, not 12"),
        (SENTENCE.replace("Reuters", "Lima"), "the evidence says Reuters, not Lima"),
        (SENTENCE.replace("Tuesday", "Friday"), "the evidence says Tuesday, not Friday"),
        (SENTENCE.replace("not ", ""), "the evidence says this with a negation"),
        (SENTENCE.replace("told", "never told"), "the evidence says this without the negation"),
    ],
)
def test_what_stands_in_the_same_place_must_be_the_same(statement: str, reason: str) -> None:
    assert contradict(SENTENCE, SENTENCE) == []
    assert contradict(statement, SENTENCE) == [reason]


def test_an_opposite_contradicts() -> None:
    assert contradict("Sales of boats rose in Vela.", "Sales of boats fell in Vela.") == [
        "the evidence says fell, not rose"
    ]


def test_a_denial_stands_for_a_negation() -> None:
    assert contradict("The mayor did not sign the plan.", "The mayor refused to sign the plan.") == []
    assert contradict("The mayor will sign the plan.", "The mayor refused to sign the plan.") == [
        "the evidence says this with a negation"
    ]


def test_another_sentence_may_say_it() -> None:
    other = "Later that day, Ruiz told Reuters on Tuesday that 12 people in Vela were not hurt."

    assert contradict(SENTENCE.replace("13", "12"), SENTENCE, other) == []


def test_names_may_not_change_places() -> None:
    assert contradict("Ruiz beat Okafor in straight sets.", "Okafor beat Ruiz in straight sets.") == [
        "the evidence has Ruiz and Okafor in each other's place"
    ]
    assert contradict("They met Ruiz in Vela on Monday.", "They met in Vela on Monday with Ruiz.") == []
    assert contradict("Vela and Lima agreed on a price.", "Lima and Vela agreed on a price.") == []


def test_a_word_may_not_stand_for_quite_another() -> None:
    ours, theirs = (
        read_tokens(f"The old {animal} slept all day by the harbour wall in winter.") for animal in ("cat", "priest")
    )
    alignments = [align(ours, theirs)]

    assert list(find_substitutions(alignments, lambda *_: 0.2)) == ["the evidence says priest, not cat"]
    assert list(find_substitutions(alignments, lambda *_: 0.8)) == []


def test_a_phrase_may_not_stand_for_quite_another_one() -> None:
    sentence = "He called the ceasefire a breathing space for both armies."
    near = {("long pause", "breathing space"): 0.9}

    def substitute(statement: str, *others: str) -> list[str]:
        sentences = [sentence, *others]
        alignments = [align(read_tokens(statement), read_tokens(each)) for each in sentences]
        compared = find_substituted_phrases(
            statement, sentences, alignments, lambda one, other: near.get((one, other), 0.1)
        )
        return list(compared)

    other = "He called the ceasefire a lasting peace for both armies."
    assert substitute(other) == ["the evidence says breathing space, not lasting peace"]
    assert substitute(other, "Kent called the ceasefire a lasting peace for both armies.") == []
    assert substitute("He called the ceasefire a long pause for both armies.") == []
    assert substitute("He called the ceasefire a respite for both armies.") == []  # which words in context tell
    assert substitute("Rain is likely on lasting slopes.") == []


def test_quoted_words_must_be_verbatim() -> None:
    evidence = ["He said: “We’re moving to the harbour, and soon.”"]

    assert list(find_misquoted('He said "we\'re moving to the harbour".', evidence)) == []
    assert list(find_misquoted("He said “we’re moving … soon”.", evidence)) == []
    assert list(find_misquoted('He said "we are moving".', evidence)) == ["not verbatim: we are moving"]
    assert list(find_misquoted('He said "moving soon".', evidence)) == ["not verbatim: moving soon"]


@pytest.mark.parametrize(
    ("statement", "misquoted"),
    [
        ("“We kept our promise,” she said.", []),
        ('"we kept our promise" she said.', []),
        ("She said they “kept our promise.”", []),
        ("She said “we kept our word”.", ["we kept our word"]),
        ("She spoke of “our promise” and “lower tolls”.", ["lower tolls"]),
        ("She spoke of a promise.", []),
    ],
)
def test_words_in_quotation_marks_are_word_for_word(statement: str, misquoted: list[str]) -> None:
    evidence = ["“We kept our promise to the valley,” she said.", "Tolls were lower."]

    assert [found.removeprefix("not verbatim: ") for found in find_misquoted(statement, evidence)] == misquoted


@pytest.mark.parametrize(
    ("statement", "likeness", "told"),
    [
        ("The dam at Alder is safe.", 0.2, ["the evidence doesn't say safe"]),
        ("The dam at Alder is sound.", 0.6, []),
        ("The dam at Alder is cracked.", 0.2, []),
        ("The dam at Alder is safe, and 400 people who had left their homes went back.", 0.2, []),
    ],
)
def test_a_subject_alone_proves_nothing_that_is_said_of_it(statement: str, likeness: float, told: list[str]) -> None:
    held = {token.form for token in read_tokens("The dam at Alder cracked on Sunday.")}

    assert list(find_unsaid(statement, read_tokens(statement), held, lambda _: likeness)) == told


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("Kent cut 8% of its shops.", ["the evidence says 8% of staff, not of shops"]),
        ("Kent cut 8% of its workforce.", []),
        ("Kent cut 8% of its large staff.", []),
        ("Kent cut 9% of its shops.", []),
    ],
)
def test_a_share_is_of_the_same(statement: str, told: list[str]) -> None:
    near = {("workforce", "staff"): 0.6, ("large", "staff"): 0.4}

    found = find_other_shares(statement, ["Kent cut 8% of its staff."], lambda *pair: near.get(pair, 0.1))

    assert list(found) == told


@pytest.mark.parametrize(
    "statement",
    [
        "The main campus is in Harvard in Boston Yard, near the river.",
        "the council of the union rejected the offer of the firm",
        "King Wales of Rhys died.",
    ],
)
def test_what_changes_places_in_a_verbatim_stretch_is_told(statement: str) -> None:
    sentences = [
        "The main campus is in Boston in Harvard Yard, near the river.",
        "So the council of the firm rejected the offer of the union.",
        "King Rhys of Wales died.",
    ]

    (told,) = find_exchanged(statement, sentences)

    assert told.endswith("in each other's place")


@pytest.mark.parametrize(
    "statement",
    ["Rome and Bonn signed on Monday.", "Ann is the winner.", "In Rome she said so on Monday.", "They left Rome."],
)
def test_a_list_an_equation_and_places_with_their_prepositions_may_be_turned_round(statement: str) -> None:
    sentences = ["Bonn and Rome signed on Monday.", "The winner is Ann.", "On Monday she said so in Rome."]

    assert list(find_exchanged(statement, sentences)) == []
