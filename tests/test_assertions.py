import pytest

from assistant.assertions import find_misstated
from assistant.facts import read_tokens


def misstate(statement: str, *evidence: str) -> list[str]:
    return list(find_misstated(statement, read_tokens(statement), [(text, read_tokens(text)) for text in evidence]))


@pytest.mark.parametrize(
    ("evidence", "statement", "reason"),
    [
        ("The council plans to sell the pier.", "The council sold the pier.", "has happened: sold"),
        ("The council may sell the pier.", "The council will sell the pier.", "only that this is possible: sell"),
        (
            "“I never sold the pier,” said Ana Ruiz.",
            "Ana Ruiz said that she had sold the pier.",
            "with a negation: sold",
        ),
        ("The council sold the pier.", "The council never sold the pier.", "without the negation: sold"),
        ("The mayor denied that the pier had been sold.", "The pier was sold.", "doubts it, and doesn't say it: sold"),
        (
            "Critics say the pier was sold too soon.",
            "The pier was sold too soon.",
            "doubts it, and doesn't say it: sold",
        ),
        ("The museum sued the dealer.", "The dealer sued the museum.", "the other way round: sued"),
        ("The museum sued the dealer.", "The museum was sued by the dealer.", "the other way round: sued"),
        ("Rome is larger than Bonn.", "Bonn is larger than Rome.", "the other way round: than"),
        ("The old line is slower but cheaper than the new.", "The new line is slower than the old.", "round: than"),
        ("She asked for a licence to drill.", "She has a licence to drill.", "only that this is asked for: licence"),
        ("The firm is considering closing it.", "The firm is closing it.", "only that this is considered: closing"),
        ("Work is to begin in March.", "Work began in March.", "has happened: began"),
        ("Lena Roth will succeed Bo Lind as head.", "Lena Roth took over from Bo Lind.", "has happened: took"),
        ("The judge denied a motion to free him.", "The judge freed him.", "freed"),
        ("The council ruled out closing the pier.", "The council closed the pier.", "with a negation: closed"),
        ("The union says that the deal will cost jobs.", "The deal will cost jobs.", "but tells who says it: cost"),
        ("The pier cost £2m.", "Police said the pier cost £2m.", "doesn't say who says this: Police"),
        ("Kent lent Bonn two engines.", "Kent borrowed two engines from Bonn.", "says lent, not borrowed"),
        ("Critics said a ferry would have been dearer.", "A ferry would have been dearer.", "who says it: would have"),
        ("Bo Lind will forgo his bonus.", "Bo Lind will receive his bonus.", "says forgo, not receive"),
        (
            "The defence asked for bail for him.",
            "The prosecution asked for bail for him.",
            "says defence, not prosecution",
        ),
        (
            "Ana Ruiz said it cost £2m, while Bo Lind put it at £3m.",
            "Ana Ruiz said it cost £3m.",
            "of somebody else: 3m",
        ),
        (
            "Police said 12 people were hurt, but the union spoke of 40.",
            "Police said 40 were hurt.",
            "somebody else: 40",
        ),
        (
            "According to Kent 14 sailors died, while Bonn claims that 60 did.",
            "Kent says that 60 sailors died.",
            "of somebody else: 60",
        ),
        (
            "Ana Ruiz said the pier was safe, and Bo Lind said the ferry was late.",
            "Bo Lind said the pier was safe.",
            "of somebody else: said",
        ),
        ("Guards told the jury that Bo Lind ran.", "Bo Lind told the jury about it.", "of somebody else: told"),
        ("Ana Ruiz sued the dealer Bo Lind.", "Ana Ruiz was sued over a vase.", "the other way round: sued"),
        ("Ana Ruiz wrote to Bo Lind, who died in June.", "Ana Ruiz died in June.", "of somebody else: died"),
        ("Ajax sacked him after a 5-0 defeat by Brann.", "Brann lost 5-0 to Ajax.", "the other way round: lost"),
        ("Bo Lind is the deputy mayor of Bonn.", "Bo Lind is the mayor of Bonn.", "deputy: mayor"),
        ("The mayor, Ana Ruiz, met Bo Lind.", "Bo Lind is the mayor.", "of somebody else: mayor"),
        ("They will strike from Monday until Friday.", "They will strike until Monday.", "from Monday, not until"),
        ("The gates had shut before the flood.", "The gates shut after the flood.", "before flood, not after"),
        ("It began on Monday and was out by Friday.", "It was out by Monday.", "by Friday, not Monday"),
        ("Brann dismissed Bo Lind on Sunday.", "Bo Lind resigned on Sunday.", "dismissed, not resigned"),
        ("Up to 40 people drowned.", "40 people drowned.", "doesn't say just 40"),
        ("At least 40 people drowned.", "At most 40 people drowned.", "doesn't say at most 40"),
        ("Two of the five miners were rescued.", "The five miners were rescued.", "of a part of five only"),
        ("Two of the miners were rescued on Monday.", "The miners were rescued on Monday.", "part of the miners only"),
        ("Some beaches were closed.", "All the beaches were closed.", "doesn't say this of all"),
        ("Nearly half of the nurses had left.", "Most of the nurses had left.", "doesn't say most"),
        (
            "The mill closed in June and the bank in July.",
            "The bank closed because the mill had.",
            "the other: because",
        ),
        ("Nurses welcomed the ruling on pay.", "Nurses criticised the ruling on pay.", "welcomed, not criticised"),
    ],
)
def test_what_is_said_otherwise_is_named(evidence: str, statement: str, reason: str) -> None:
    assert any(each.endswith(reason) for each in misstate(statement, evidence)), misstate(statement, evidence)


@pytest.mark.parametrize(
    ("evidence", "statement"),
    [
        ("The council sold the pier on Monday, the mayor said.", "The council sold the pier."),
        ("The museum sued the dealer in May.", "The dealer was sued by the museum."),
        ("“I never sold the pier,” said Ana Ruiz.", "Ana Ruiz denied having sold the pier."),
        ("The council may sell the pier.", "The pier could be sold by the council."),
        ("Critics claim the pier was sold too soon.", "Critics say the pier was sold too soon."),
        ("More than 40 people drowned.", "Over 40 people drowned."),
        ("No more than 40 people may board.", "At most 40 people may board."),
        ("Two of the five miners were rescued.", "Two of five miners were rescued."),
        ("All the beaches were closed.", "Every beach was closed."),
        ("The mill closed because of the flood.", "The flood caused the mill to close."),
        ("Ana Ruiz, who runs the port, said the pier was safe.", "The pier is safe, Ana Ruiz said."),
        ("The company said it would appeal.", "Casa Noble said it would appeal."),
        ("Ana Ruiz finished ahead of Bo Lind.", "Bo Lind finished behind Ana Ruiz."),
        ("Ana Ruiz beat Bo Lind.", "Bo Lind lost to Ana Ruiz."),
        ("The shop, which Bo Lind opened, burned.", "Bo Lind opened the shop."),
        ("The pier was shut and will reopen in June.", "The pier was closed."),
        ("The gates had shut before the flood.", "Before the flood, the gates had shut."),
        ("Bo Lind, the mayor of Bonn, resigned.", "The mayor, Bo Lind, resigned."),
        ("Kent lent Bonn two engines.", "Bonn borrowed two engines from Kent."),
        ("She asked for a licence to drill.", "She asked for a licence."),
        ("Work is to begin in March.", "Work will begin in March."),
        ("The union says that the deal will cost jobs.", "The deal will cost jobs, the union says."),
        ("The firm says that it will close.", "The firm will close."),
        ("Critics said a ferry would have been dearer.", "A ferry would have been dearer, critics said."),
        ("A ferry would have been dearer.", "A ferry would have cost more."),
        ("Bo Lind will receive a bonus but forgo a rise.", "Bo Lind will receive a bonus."),
        ("Ana Ruiz said the pier cost £2m, while Bo Lind put it at £3m.", "Bo Lind put it at £3m."),
        ("Police said 12 people were hurt, but the union spoke of 40.", "Police said 12 people were hurt."),
        (
            "Police said 12 people were hurt, but the union spoke of 40.",
            "Police named fewer hurt people than the union: 40.",
        ),
        ("Ana Ruiz said it cost £2m, but 40 people were hurt.", "It cost £2m and hurt 40 people, Ana Ruiz said."),
        ("Bo Lind said he sold 12 boats, but lost 3 in May.", "Bo Lind said he lost 3 boats."),
    ],
)
def test_the_same_in_other_words_is_let_through(evidence: str, statement: str) -> None:
    assert misstate(statement, evidence) == []


def test_what_is_said_of_him_is_not_said_of_whom_the_evidence_names_later() -> None:
    said = ("The court heard Bo Lind.", "He was convicted of two thefts in May.", "His lawyer, Ana Ruiz, will appeal.")

    assert misstate("Bo Lind was convicted of two thefts in May.", *said) == []
    assert misstate("Ana Ruiz was convicted of two thefts in May.", *said) == [
        "the evidence says this of somebody else: convicted"
    ]


def test_another_sentence_may_say_what_one_denies() -> None:
    said = ("The council did not sell the ferry.", "The council sold the pier to a brewer.")
    assert misstate("The council sold the pier to a brewer.", *said) == []
