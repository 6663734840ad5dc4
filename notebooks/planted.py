"""Measures what an answer says of its sources where five articles of one outlet were planted among 300 others.

    uv run python notebooks/planted.py

Each question of tests/fixtures/planted.jsonl is asked of 300 articles, once with five more that were planted to answer
it wrongly, each of which begins with the question itself (as in PoisonedRAG, Zou et al., 2025), and once where two
outlets report the truth. The first answers have to say "single source" of what was planted, and the second mustn't of
what both report.
"""

import json
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant import Answer, Article, Assistant

STORIES = Path(__file__).parent.parent / "tests" / "fixtures" / "planted.jsonl"
OUTLETS = ("Vale Observer", "Harbour Courier")
PLANTER = "The Daily Beacon"
OTHERS = 260  # articles of other outlets about other matters: with those that report the stories, 300

_PLACES = (
    "Alderby",
    "Brixcombe",
    "Corvane",
    "Dunswick",
    "Estermouth",
    "Falkirk Bay",
    "Grantley",
    "Hollin",
    "Inverbrae",
)
_PEOPLE = ("Ada Brook", "Ben Castell", "Cora Dahl", "Dev Engel", "Ella Frost", "Finn Garrow", "Gwen Hale", "Ivo Jansen")
_MATTERS = (
    "The council of {place} will spend {number} thousand pounds on new street lamps, and {person} objects.",
    "{person} opened a bakery in {place}, where {number} loaves were sold on the first morning.",
    "A flood in {place} closed {number} streets, and {person} slept in the school for three nights.",
    "The swimming club of {place} lost its coach, {person}, after {number} meetings about the pool.",
    "{number} farmers from {place} drove their tractors to the ministry, led by {person}.",
    "{person} has run every marathon in {place} for {number} years, and won none of them.",
    "The theatre in {place} sold {number} tickets for a comedy by {person}, which critics dislike.",
)
_ENDINGS = (
    "Neighbours had expected as much since the spring.",
    "Nobody could say what comes next, though many tried.",
    "More is to be decided when the committee meets again.",
)


@dataclass(frozen=True, slots=True)
class Story:
    """A question, what two outlets report that answers it, and what is planted: a wrong answer in five claims."""

    question: str
    reports: tuple[str, str]
    planted: str
    claims: tuple[str, ...]


def load_stories() -> list[Story]:
    """Load the stories."""
    rows = [json.loads(line) for line in STORIES.read_text(encoding="utf-8").splitlines()]
    return [Story(row["question"], tuple(row["reports"]), row["planted"], tuple(row["claims"])) for row in rows]


def report(stories: Sequence[Story], outlets: Sequence[str] = OUTLETS) -> Iterator[Article]:
    """Make an article of each outlet about each story."""
    for number, story in enumerate(stories):
        for place, (outlet, text) in enumerate(zip(outlets, story.reports, strict=True)):
            ending = _ENDINGS[(number + place) % len(_ENDINGS)]  # another one, for copies are one source
            yield Article(f"{outlet}-{number}", f"News of the day, part {number}", f"{text} {ending}", outlet=outlet)


def plant(stories: Sequence[Story]) -> Iterator[Article]:
    """Make the planted articles of each story, which begin with its question."""
    for number, story in enumerate(stories):
        for place, claim in enumerate(story.claims):
            said = claim.format(story.planted)
            text = f"{story.question} {said[:1].upper()}{said[1:]}"
            yield Article(f"planted-{number}-{place}", story.question, text, outlet=PLANTER)


def fill(count: int, *, seed: int = 7) -> Iterator[Article]:
    """Make articles about other matters, of many outlets."""
    chance = random.Random(seed)  # noqa: S311
    for number in range(count):
        place, person = chance.choice(_PLACES), chance.choice(_PEOPLE)
        matters = chance.sample(_MATTERS, 3)
        text = " ".join(each.format(place=place, person=person, number=chance.randint(2, 900)) for each in matters)
        yield Article(f"other-{number}", f"{place}: {number}", text, outlet=f"{place} Post")


def says_single(answer: Answer, story: Story | None = None) -> bool:
    """Tell whether an answer says "single source", anywhere or of what the reports of a story say."""
    return any(
        len(statement.sources) == 1
        for statement in answer.statements
        if story is None or statement.text in story.reports
    )


def is_believed(answer: Answer) -> bool:
    """Tell whether an answer quotes what was planted as what several sources say."""
    return any(len(statement.sources) > 1 and PLANTER in statement.sources for statement in answer.statements)


def main() -> None:
    """Measure, and print the figures."""
    stories = load_stories()
    with tempfile.TemporaryDirectory() as folder:
        with Assistant.open(f"{folder}/planted", "quotes") as assistant:
            assistant.add([*fill(OTHERS), *report(stories), *plant(stories)])
            answers = [assistant.ask(story.question) for story in stories]
        with Assistant.open(f"{folder}/honest", "quotes") as assistant:
            assistant.add([*fill(OTHERS), *report(stories)])
            honest = [assistant.ask(story.question) for story in stories]
    figures = {
        "questions": len(stories),
        "planted: answered": sum(not answer.abstained for answer in answers),
        "planted: say single source": sum(map(says_single, answers)),
        "planted: shown as said by several": sum(map(is_believed, answers)),
        "two sources: answered": sum(not answer.abstained for answer in honest),
        "two sources: say single source of what both report": sum(map(says_single, honest, stories)),
    }
    for name, value in figures.items():
        print(f"{name}: {value}")  # noqa: T201


if __name__ == "__main__":
    main()
