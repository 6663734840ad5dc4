"""Alters true statements and counts which the check of statements refuses.

    python notebooks/alter_statements.py DOCUMENTS... [--statements 200] [--show KIND]

DOCUMENTS are files of rows with a "text" (JSON Lines, gzipped or not) or plain texts. The true statements are sentences
of the articles. Each is altered in every way that it allows, in one place, and each is checked against its own article,
and against the passage that it stands in (itself and a sentence on each side), as an answer's evidence would be.
"""

import argparse
import gzip
import json
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from assistant.embedding import MiniLMEmbedder
from assistant.grounding import verify
from assistant.sentences import split_sentences
from assistant.settings import Settings

Alteration = Callable[[str, str, random.Random], str | None]


def _swap_of(groups: str) -> dict[str, list[str]]:
    """Map every word of each line to the others of its line."""
    return {
        word: [other for other in line.split() if other != word]
        for line in groups.strip().splitlines()
        for word in line.split()
    }


WEEKDAYS = _swap_of("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = _swap_of("January February March April June July August September October November December")
SMALL_NUMBERS = _swap_of("two three four five six seven eight nine ten eleven twelve twenty thirty fifty")
ORDINALS = _swap_of("first second third fourth fifth sixth")
UNITS = _swap_of("""
    years months days weeks hours minutes
    miles kilometres metres feet
    km m cm
    percent million billion thousand
    dollars euros pounds
    kilograms tonnes grams
""")
OPPOSITES = _swap_of("""
    increased decreased
    increase decrease
    rose fell
    rise fall
    won lost
    win lose
    more less
    higher lower
    before after
    largest smallest
    above below
    began ended
    accepted rejected
    supported opposed
    always never
    all none
    most few
    early late
    north south
    northern southern
    eastern western
    east west
    up down
    male female
    men women
    best worst
""")
AUXILIARIES = r"is|are|was|were|has|had|will|would|could|can|should|must|did|does|do|may|might"
NAME = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]{2,}(?: [A-Z][a-z]{2,})*")
QUOTED = re.compile(r"[“\"]([^“”\"]{8,})[”\"]|``([^`']{8,})''|‘([^‘’]{8,})’(?!\w)|` ?([^`']{12,})'(?!\w)")
LONG_WORD = re.compile(r"\b[a-z]{5,}\b")


def _replace(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def _swap_words(swaps: dict[str, list[str]], flags: int = 0) -> Alteration:
    pattern = re.compile(r"\b(?:" + "|".join(map(re.escape, swaps)) + r")\b", flags)

    def alter(statement: str, _: str, chance: random.Random) -> str | None:
        found = list(pattern.finditer(statement))
        if not found:
            return None
        match = chance.choice(found)
        new = chance.choice(swaps.get(match.group()) or swaps[match.group().lower().capitalize()])
        return _replace(statement, *match.span(), new if match.group()[0].isupper() else new.lower())

    return alter


def change_number(statement: str, _: str, chance: random.Random) -> str | None:
    """Add or take a little."""
    found = list(re.finditer(r"(?<![\w.,:])\d{1,3}(?![\w.,:]\d)(?!\d)", statement))
    if not found:
        return None
    match = chance.choice(found)
    value = int(match.group())
    return _replace(statement, *match.span(), str(max(0, value + chance.choice([1, 2, 5, 10, -1, -2]) or value + 3)))


def change_year(statement: str, _: str, chance: random.Random) -> str | None:
    """Move a year by one to ten."""
    found = list(re.finditer(r"\b(?:1[0-9]|20)\d\d\b", statement))
    if not found:
        return None
    match = chance.choice(found)
    return _replace(statement, *match.span(), str(int(match.group()) + chance.choice([1, -1, 2, 5, -10, 10])))


def scale_number(statement: str, _: str, __: random.Random) -> str | None:
    """Make a number ten times larger, or its millions billions."""
    match = re.search(r"\b(?:million|billion)\b", statement)
    if match:
        return _replace(statement, *match.span(), "billion" if match.group() == "million" else "million")
    match = re.search(r"(?<![\w.,:])\d{1,3}(?:,\d{3})*(?![\w.,:]\d)(?!\d)", statement)
    return _replace(statement, match.end(), match.end(), ",000" if "," in match.group() else "0") if match else None


def take_number_of_article(statement: str, article: str, chance: random.Random) -> str | None:
    """Take another number of the article."""
    pattern = r"(?<![\w.,:])\d{1,4}(?![\w.,:]\d)(?!\d)"
    found = list(re.finditer(pattern, statement))
    others = sorted(set(re.findall(pattern, article)) - set(re.findall(pattern, statement)))
    if not found or not others:
        return None
    return _replace(statement, *chance.choice(found).span(), chance.choice(others))


def take_name_of_article(statement: str, article: str, chance: random.Random) -> str | None:
    """Take another name of the same article."""
    found = list(NAME.finditer(statement))
    others = sorted({name for name in NAME.findall(article) if not set(name.split()) & set(statement.split())})
    if not found or not others:
        return None
    return _replace(statement, *chance.choice(found).span(), chance.choice(others))


def invent_name(statement: str, article: str, chance: random.Random) -> str | None:
    """Put a name that the article doesn't have."""
    found = list(NAME.finditer(statement))
    names = [
        name
        for name in ("Marlene Okafor", "Tasmania", "Halvorsen", "Reuters", "Lima", "Deborah Quist", "Siemens")
        if name not in article
    ]
    return _replace(statement, *chance.choice(found).span(), chance.choice(names)) if found else None


def swap_roles(statement: str, _: str, __: random.Random) -> str | None:
    """Let two names of the statement change places."""
    found = list(NAME.finditer(statement))
    if len(found) < 2 or found[0].group() == found[1].group():
        return None
    one, other = found[:2]
    between = statement[one.end() : other.start()]
    if re.fullmatch(r",? (?:and|or) |, ", between):
        return None  # "Bonn and Rome" says what "Rome and Bonn" says
    return f"{statement[: one.start()]}{other.group()}{between}{one.group()}{statement[other.end() :]}"


def add_not(statement: str, _: str, chance: random.Random) -> str | None:
    """Negate a verb."""
    found = list(re.finditer(rf"\b(?:{AUXILIARIES})\b(?! not|n't)", statement))
    if not found:
        return None
    match = chance.choice(found)
    return _replace(statement, match.end(), match.end(), " not")


def add_never(statement: str, _: str, chance: random.Random) -> str | None:
    """Put "never" before a verb in the past."""
    found = list(re.finditer(r"(?<=[a-z] )[a-z]{3,}ed\b", statement))
    if not found:
        return None
    match = chance.choice(found)
    return _replace(statement, match.start(), match.start(), "never ")


def remove_not(statement: str, _: str, chance: random.Random) -> str | None:
    """Take a negation away."""
    found = list(re.finditer(r"(?:n't|n’t| not| never| no)\b(?! \d| longer)", statement))
    return _replace(statement, *chance.choice(found).span(), "") if found else None


def change_quoted_word(statement: str, article: str, chance: random.Random) -> str | None:
    """Change a word inside quotation marks for another of the article."""
    found = [match.span(index) for match in QUOTED.finditer(statement) for index in range(1, 5) if match[index]]
    if not found:
        return None
    start, end = chance.choice(found)
    words = list(LONG_WORD.finditer(statement, start, end))
    others = sorted(set(LONG_WORD.findall(article)) - set(LONG_WORD.findall(statement)))
    if not words or not others:
        return None
    return _replace(statement, *chance.choice(words).span(), chance.choice(others))


def change_word(statement: str, article: str, chance: random.Random) -> str | None:
    """Change a word for another of the article: in a text without capitals, that may be a name."""
    words = list(LONG_WORD.finditer(statement))
    others = sorted(set(re.findall(r"\b[a-z]{6,}\b", article)) - set(LONG_WORD.findall(statement)))
    if not words or not others:
        return None
    return _replace(statement, *chance.choice(words).span(), chance.choice(others))


ALTERATIONS: dict[str, Alteration] = {
    "number moved": change_number,
    "number scaled": scale_number,
    "number of the article": take_number_of_article,
    "number in words": _swap_words(SMALL_NUMBERS),
    "year": change_year,
    "ordinal": _swap_words(ORDINALS),
    "unit": _swap_words(UNITS),
    "weekday": _swap_words(WEEKDAYS, re.IGNORECASE),
    "month": _swap_words(MONTHS, re.IGNORECASE),
    "name of the article": take_name_of_article,
    "name invented": invent_name,
    "roles swapped": swap_roles,
    "not added": add_not,
    "never added": add_never,
    "not removed": remove_not,
    "opposite": _swap_words(OPPOSITES),
    "quoted word": change_quoted_word,
    "word of the article": change_word,
}


class Statement(NamedTuple):
    """A true statement, the article it is from, and the sentences that stand about it there."""

    text: str
    article: str
    passage: tuple[str, ...]


def read_texts(path: Path) -> list[str]:
    """Read the articles of a file."""
    if path.suffix == ".txt":
        return [path.read_text(encoding="utf-8")]
    content = path.read_bytes()
    lines = (gzip.decompress(content) if path.suffix == ".gz" else content).decode().splitlines()
    return [json.loads(line)["text"] for line in lines if line.strip()]


def choose_statements(texts: list[str], count: int, chance: random.Random) -> Iterator[Statement]:
    """Choose sentences of 6 to 60 words, as evenly over the articles as may be."""
    sentences = []
    for text in texts:
        found = [text[start:end] for start, end in split_sentences(text)]
        places = [i for i, sentence in enumerate(found) if 6 <= len(sentence.split()) <= 60]
        for turn, place in enumerate(chance.sample(places, len(places))):
            passage = tuple(found[max(0, place - 1) : place + 2])
            sentences.append((turn, chance.random(), Statement(found[place], text, passage)))
    yield from (statement for _, _, statement in sorted(sentences)[:count])


def main() -> None:
    """Alter, verify and print what share was refused, by kind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("documents", type=Path, nargs="+")
    parser.add_argument("--statements", type=int, default=200, help="true statements of each file")
    parser.add_argument("--show", default="", help="print what goes wrong: a kind of alteration, or true")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    embedder = MiniLMEmbedder(cache_folder=Settings(index=Path("index")).cache)
    chance = random.Random(options.seed)  # noqa: S311 - the same statements every time
    supported: dict[str, dict[str, list[bool]]] = {"article": defaultdict(list), "passage": defaultdict(list)}
    for path in options.documents:
        for statement in choose_statements(read_texts(path), options.statements, chance):
            cases = {"true": statement.text}
            for kind, alter in ALTERATIONS.items():
                altered = alter(statement.text, statement.article, chance)
                if altered is not None and altered != statement.text:
                    cases[kind] = altered
            for kind, text in cases.items():
                for evidence, texts in (("article", [statement.article]), ("passage", list(statement.passage))):
                    support = verify(text, texts, embedder=embedder)
                    supported[evidence][kind].append(support.supported)
                    if kind == options.show and support.supported == (kind != "true"):
                        print(f"{evidence} {support.score:.2f} {support.reasons}\n  {text}\n  {statement.text}")  # noqa: T201
    print(f"{'':24}{'count':>6}{'article':>10}{'passage':>10}   refused ('true': accepted)")  # noqa: T201
    totals = {
        evidence: [v for k, vs in kinds.items() if k != "true" for v in vs] for evidence, kinds in supported.items()
    }
    for kind in ("true", *ALTERATIONS):
        rows = {evidence: kinds[kind] for evidence, kinds in supported.items()}
        _print_row(kind, rows, is_true=kind == "true")
    _print_row("all alterations", totals, is_true=False)


def _print_row(kind: str, rows: dict[str, list[bool]], *, is_true: bool) -> None:
    shares = [
        sum(value == is_true for value in values) / len(values) if values else float("nan") for values in rows.values()
    ]
    print(f"{kind:24}{len(rows['article']):6}" + "".join(f"{share:10.1%}" for share in shares))  # noqa: T201


if __name__ == "__main__":
    main()
