"""Suggests cases from articles, by rule or with a language model, for a person to keep, to edit or to drop.

By rule, a sentence that says what somebody did or will do becomes a question for who or what it was: "Mayor Ana Ruiz
cut the ribbon." becomes "Who or what cut the ribbon?", and is its evidence. Whether that is a question that anybody
would ask is the person's to say, who sees both.

A language model is shown a part of each article, and writes questions and what answers them; what it quotes has to
stand in the article, or the suggestion is dropped. The quote of a case is always the article's own characters.
"""

import json
import os
import random
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

from assistant.citations import needs_context
from assistant.clauses import Verb, read_verbs
from assistant.errors import EvaluationError
from assistant.evaluation.locating import find_quote
from assistant.evidence import neutralise
from assistant.models import ChatModel, Message, read_reply
from assistant.prompts import load_prompt
from assistant.sentences import split_sentences
from assistant.terms import find_names, find_numbers, find_terms, find_words, read_words
from assistant.types import Article

ASKED_FOR = "Who or what"
CHARACTERS = range(40, 251)  # of a sentence: shorter ones say little, longer ones too much for one question
MAX_SUBJECT_WORDS = 10
MIN_TERMS, MANY_TERMS = 2, 4  # of a question, with a name or number and without, or any sentence would answer it

# Of a language model.
MAX_PART_CHARACTERS = 6_000  # of an article, that it is shown at once
MAX_REPLY_TOKENS = 2_000
MAX_REPLY_CHARACTERS = 10_000
MAX_QUESTION_CHARACTERS = 300
MAX_QUOTE_CHARACTERS = 500

_PAIR_LINE = re.compile(r"[\s*_#\d.)-]*([QE])[\s*_]*:[\s*_\"“]*(.*?)[\s*_\"”]*\Z", re.IGNORECASE)
_AUXILIARIES = r"(?:(?:will|would|can|could|must|should|may|might|has|had|is|was|be|been|being|not|also|now|\w+ly)\s+)*"
# What begins with one of these has its subject further on.
_OPENERS = read_words("""
    about after although amid and as at because before but by despite during for from if in like of on once or since
    though through to under unless until when where while with without
""")
_INNER = read_words("to is are was were be been has have had will would can could wants who which that")  # of a clause
_POINTING = read_words("her him them they these those this such same us we")  # at what the question doesn't say
_DANGLING = read_words("and or that of to with by for in on at the a an")
_JOINING = read_words("that who which what when where while if and but or to because after before than")
_QUOTED = re.compile('["“”„«»?!:;]')


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A question, and the sentence of an article that answers it; `article` is as a case names it."""

    question: str
    article: str
    title: str
    quote: str


def suggest_cases(articles: Sequence[Article], *, seed: int = 0) -> Iterator[Suggestion]:
    """Suggest cases, one of each article in turn, at random within each, the same for the same seed."""
    names = shorten_ids([article.id for article in articles])
    draws = random.Random(seed)  # noqa: S311  # nothing secret
    drawn = []
    for article, name in zip(articles, names, strict=True):
        sentences = [article.text[start:end] for start, end in split_sentences(article.text)]
        asked = [(ask_of(sentence), sentence) for sentence in sentences]
        found = [Suggestion(question, name, article.title, sentence) for question, sentence in asked if question]
        drawn.append(draws.sample(found, len(found)))
    return (each for each in chain.from_iterable(zip_longest(*drawn)) if each is not None)


def suggest_with_model(
    articles: Sequence[Article], model: ChatModel, *, seed: int = 0, drop: Callable[[str], None] = lambda _: None
) -> Iterator[Suggestion]:
    """Suggest cases of one article after the other, in an order drawn by the seed; each is asked when it is needed.

    `drop` is called with each suggestion that quotes what doesn't stand in the article, or is no question. Raises
    ModelError, at any suggestion.
    """
    named = list(zip(articles, shorten_ids([article.id for article in articles]), strict=True))
    draws = random.Random(seed)  # noqa: S311  # nothing secret
    for article, name in draws.sample(named, len(named)):
        part = _draw_part(article.text, draws)
        fence = f"===== {secrets.token_hex(8)} ====="
        shown = "\n".join(filter(None, map(neutralise, part.splitlines())))
        asked = load_prompt("suggest_article").render(fence=fence, article=shown)
        messages = (Message("system", load_prompt("suggest_system").render()), Message("user", asked))
        reply = read_reply(model, messages, max_tokens=MAX_REPLY_TOKENS, max_characters=MAX_REPLY_CHARACTERS)
        for question, quote in _read_pairs(reply):
            span = next(find_quote(article.text, quote), None)
            is_question = question.endswith("?") and len(question) <= MAX_QUESTION_CHARACTERS
            if span is None or not is_question or len(quote) > MAX_QUOTE_CHARACTERS:
                drop(f"{question} {quote}")
            else:
                yield Suggestion(question, name, article.title, article.text[span.start : span.end])


def _draw_part(text: str, draws: random.Random) -> str:
    """Draw a part of a text that a model is shown at once, from the beginning of a sentence on."""
    starts = [start for start, _ in split_sentences(text) if len(text) - start >= MAX_PART_CHARACTERS]
    start = draws.choice([0, *starts])
    return text[start : start + MAX_PART_CHARACTERS]


def _read_pairs(reply: str) -> Iterator[tuple[str, str]]:
    """Read lines of a question and what answers it; marks around them are the model's, and so are quotation marks."""
    question = ""
    for line in reply.splitlines():
        match = _PAIR_LINE.match(line)
        if match is None:
            continue
        kind, text = match[1].upper(), " ".join(match[2].split())
        if kind == "Q":
            question = text
        elif question and text:
            yield question, text
            question = ""


def ask_of(sentence: str) -> str | None:
    """Ask who or what did what a sentence says was done; None where the rule finds no such question in it."""
    plain = " ".join(sentence.split())
    is_fit = len(plain) in CHARACTERS and plain.endswith(".") and plain[0].isupper() and not _QUOTED.search(plain)
    if not is_fit or needs_context(plain) or not (find_names(plain[1:]) or find_numbers(plain)):
        return None
    verb = next((verb for verb in read_verbs(plain) if verb.status in ("done", "planned")), None)
    if verb is None or verb.is_negated:
        return None
    match = re.search(rf"\b{_AUXILIARIES}{re.escape(verb.text)}\b", plain)
    if match is None:
        return None
    subject = plain[: match.start()].strip()
    rest = plain[match.start() : -1].partition(", ")[0]  # what is put in or added behind a comma makes it long
    words = find_words(subject)
    if not find_terms(subject) or words[0] in _OPENERS or len(words) > MAX_SUBJECT_WORDS or "," in subject:
        return None
    if _INNER.intersection(words) or _POINTING.intersection(asked := find_words(rest)) or asked[-1] in _DANGLING:
        return None
    if _is_participle(verb, rest):
        return None
    terms = len(find_terms(rest))
    is_telling = terms >= MIN_TERMS and (find_names(rest) or find_numbers(rest))
    return f"{ASKED_FOR} {rest}?" if is_telling or terms >= MANY_TERMS else None


def _is_participle(verb: Verb, rest: str) -> bool:
    """Whether what was taken for the verb may belong to the subject: "the shot given to 300 people prevented"."""
    others = [other for other in read_verbs(rest) if other.text != verb.text and other.status in ("done", "planned")]
    between = rest.partition(others[0].text)[0] if others else ""
    return bool(others) and not _JOINING.intersection(find_words(between))


def shorten_ids(ids: Sequence[str]) -> list[str]:
    """Name articles by the shortest ends of their ids, at a slash, that no other has: so cases move with articles."""
    shortened = []
    for id in ids:
        parts = id.split("/")
        ends = ("/".join(parts[start:]) for start in range(len(parts) - 1, -1, -1))
        shortened.append(next((end for end in ends if end and _is_alone(end, id, ids)), id))
    return shortened


def _is_alone(end: str, id: str, ids: Sequence[str]) -> bool:
    return all(other == id or not (other == end or other.endswith(f"/{end}")) for other in ids)


class Review:
    """What was decided of suggestions: cases that were kept go to a file, each at once, those dropped beside it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.dropped_path = self.path.with_name(f"{self.path.name}.dropped")
        self._decided = {quote for file in (self.path, self.dropped_path) for quote in _read_quotes(file)}

    def is_open(self, suggestion: Suggestion) -> bool:
        """Whether nothing has been decided of its sentence."""
        return suggestion.quote not in self._decided

    def keep(self, suggestion: Suggestion, question: str) -> None:
        """Keep a case, with the question as it is now. Raises EvaluationError where it can't be written."""
        evidence = [{"article": suggestion.article, "quote": suggestion.quote}]
        self._append(self.path, {"question": question, "evidence": evidence}, suggestion)

    def drop(self, suggestion: Suggestion) -> None:
        """Don't suggest this sentence again. Raises EvaluationError where that can't be written."""
        self._append(self.dropped_path, {"evidence": [{"quote": suggestion.quote}]}, suggestion)

    def _append(self, path: Path, row: object, suggestion: Suggestion) -> None:
        try:
            ends_line = not path.exists() or path.read_bytes()[-1:] in (b"", b"\n")
            with path.open("a", encoding="utf-8") as file:
                file.write(f"{'' if ends_line else chr(10)}{json.dumps(row, ensure_ascii=False)}\n")
        except OSError as error:
            raise EvaluationError(f"{path}: can't be written ({error.strerror or error})") from None
        self._decided.add(suggestion.quote)


def review_cases(
    suggestions: Iterator[Suggestion],
    review: Review,
    *,
    show: Callable[[Suggestion], None],
    ask: Callable[[str], str],
    limit: int,
) -> int:
    """Have a person decide of suggestions until so many are kept, or they have had enough; return how many were kept.

    `ask` shows a prompt and returns a line; it raises EOFError where there is none.
    """
    kept = 0
    try:
        for suggestion in suggestions:
            if kept == limit:
                break
            if not review.is_open(suggestion):
                continue
            show(suggestion)
            decision = ask("Keep (Enter), drop (d), quit (q), or the question as you would ask it: ").strip()
            if decision == "q":
                break
            if decision == "d":
                review.drop(suggestion)
            else:
                review.keep(suggestion, decision or suggestion.question)
                kept += 1
    except EOFError:
        pass
    return kept


def _read_quotes(path: Path) -> Iterator[str]:
    """Read the quotes of a file of cases, whatever else is in it."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    except (OSError, ValueError):
        raise EvaluationError(f"{path}: can't be read; give another file") from None
    for line in lines:
        try:
            for piece in json.loads(line)["evidence"]:
                yield piece if isinstance(piece, str) else piece["quote"]
        except (ValueError, KeyError, TypeError):
            continue
