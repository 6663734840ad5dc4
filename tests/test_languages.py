import pytest

from assistant.languages import describe_languages, is_foreign


@pytest.mark.parametrize(
    "text",
    [
        "Wer hat den Krieg begonnen?",
        "Was sagte der Präsident über den Krieg und die Verhandlungen?",
        "Qui est le président de la France ?",
        "¿Qué dijo el presidente sobre los aranceles?",
        "Quando sono iniziati i colloqui e chi li ha chiesti?",
        "Quem foi eleito presidente e quando?",
        "Wat zei de minister en wanneer werd het bekend?",
        "Vad sade ministern om kriget och varför?",
        "Кто начал войну?",
        "誰が戦争を始めましたか",
        "من بدأ الحرب؟",
    ],
)
def test_other_languages_are_noticed(text: str) -> None:
    assert is_foreign(text)


@pytest.mark.parametrize(
    "text",
    [
        "What are Putin's conditions?",
        "Trump tariffs Canada?",
        "Who is El Chapo?",
        "Who was elected president of Brazil, and when?",
        "Did Le Monde report on the talks in Den Haag?",
        "Why did Volkswagen and Die Linke disagree?",
        "What does 外務省 mean in the statement of Japan's ministry?",
        "42?",
        "",
    ],
)
def test_english_is_left_alone(text: str) -> None:
    assert not is_foreign(text)


def test_the_notes_say_what_is_not_in_english() -> None:
    english, german = "The council did not approve it.", "Der Rat hat es nicht gebilligt und wird das prüfen."

    assert describe_languages("Who approved it?", [english, english, german]) == ()
    assert "The question" in describe_languages("Wer hat es gebilligt?", [english])[0]
    (note,) = describe_languages("Who approved it?", [german, german, english])
    assert note.startswith("Most of what was found")
    assert describe_languages("Who approved it?", []) == ()
