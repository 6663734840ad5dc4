"""Reads cases: questions with what is known of their answers, in a format of ours or in a public one.

Ours is JSON Lines, a case a line:

    {"question": "What will the berth cost?", "evidence": ["The berth will cost £84m."], "answers": ["£84m"]}
    {"question": "Who won the Champions League final?", "unanswerable": true}

A piece of evidence is a quote, wherever it stands; or {"article": A, "quote": Q}, {"article": A, "start": S, "end": E}
or, for all of an article, {"article": A}. An article is named by its id or by the end of that, such as a file's name;
offsets are Python string offsets into its text, end exclusive. `answers` are different wordings of the one answer. An
"id" names a case in results; without one it is made of the question.

The public formats bring their articles along: SQuAD 1.1 and 2.0 (Rajpurkar and others, 2016 and 2018), a file; BEIR
(Thakur and others, 2021), a folder with corpus.jsonl, queries.jsonl and qrels/; MultiHop-RAG (Tang and Yang, 2024), a
folder with MultiHopRAG.json and corpus.json.
"""

import csv
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assistant.errors import EvaluationError
from assistant.retrieval import MAX_QUESTION_CHARACTERS
from assistant.types import Article

PARAGRAPH = "\n\n"  # between the paragraphs of a SQuAD article
FORMATS = "JSON Lines of ours, SQuAD's JSON, or a folder as BEIR's or MultiHop-RAG's"

_CASE_KEYS = {"id", "question", "evidence", "answers", "unanswerable"}
_EVIDENCE_KEYS = {"article", "quote", "start", "end"}


@dataclass(frozen=True, slots=True)
class Mention:
    """Where evidence stands, as a case says it: a quote or a stretch of an article, a quote of any, or all of one."""

    article: str | None = None
    quote: str | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A piece of evidence: any one of its mentions does. `grade` is how much it counts in a graded ranking."""

    mentions: tuple[Mention, ...]
    grade: float = 1.0


@dataclass(frozen=True, slots=True)
class Case:
    """A question, the pieces of evidence that answer it together, and wordings of its answer, if it has one."""

    id: str
    question: str
    evidence: tuple[Evidence, ...] = ()
    answers: tuple[str, ...] = ()
    unanswerable: bool = False


@dataclass(frozen=True, slots=True)
class CaseSet:
    """Cases and, from a public set, the articles that they are asked of. `name` is that of the file, without folders.

    Published sets have evidence that isn't word for word in its article: where `is_published`, that is left out and
    counted, while in cases of one's own it is a mistake.
    """

    name: str
    cases: tuple[Case, ...]
    articles: tuple[Article, ...] = ()
    is_published: bool = False

    def content_hash(self) -> str:
        """Hash the cases: equal for equal cases in the same order, whatever file they are from."""
        return hashlib.sha256(json.dumps([asdict(case) for case in self.cases]).encode()).hexdigest()


def load_cases(path: str | os.PathLike[str]) -> CaseSet:
    """Load the cases of a file or folder. Raises EvaluationError with all that is wrong in it, a line each."""
    path = Path(path)
    try:
        cases = _load(path)
    except OSError as error:
        raise EvaluationError(f"{path}: can't be read ({error.strerror or error})") from None
    except UnicodeDecodeError:
        raise EvaluationError(f"{path}: is not UTF-8 text; cases are {FORMATS}") from None
    if not cases.cases:
        raise EvaluationError(f"{path}: there is no case in it")
    return cases


def make_id(question: str) -> str:
    """Make the id of a case that has none."""
    return hashlib.sha256(question.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _load(path: Path) -> CaseSet:
    if path.is_dir():
        if (path / "corpus.jsonl").is_file():
            return _load_beir(path)
        if (path / "MultiHopRAG.json").is_file():
            return _load_multihop(path / "MultiHopRAG.json")
        raise EvaluationError(f"{path}: no cases are in this folder; they are {FORMATS}")
    if path.suffix == ".tsv" and path.parent.name == "qrels":
        return _load_beir(path.parent.parent, path)
    text = path.read_text(encoding="utf-8-sig")
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        whole = None  # more than one line of JSON, or a mistake, which has a line
    if isinstance(whole, dict) and "data" in whole:
        return _Reader(path).read_squad(whole)
    if isinstance(whole, list):
        return _load_multihop(path, whole)
    return _Reader(path).read_lines(text)


class _Reader:
    """Reads one file and gathers what is wrong in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.mistakes: list[str] = []
        self.cases: dict[str, Case] = {}
        self.places: dict[str, str] = {}

    def complain(self, place: str, mistake: str) -> None:
        self.mistakes.append(f"{self.path}{', ' if place else ''}{place}: {mistake}")

    def add(self, place: str, case: Case) -> None:
        if not case.question.strip():
            self.complain(place, "the question is empty")
        elif len(case.question) > MAX_QUESTION_CHARACTERS:
            self.complain(place, f"the question has more than {MAX_QUESTION_CHARACTERS:,} characters")
        elif case.id in self.cases:
            self.complain(place, f"{self.places[case.id]} is the same case; give each an id of its own")
        else:
            self.cases[case.id], self.places[case.id] = case, place

    def finish(self, articles: Iterable[Article] = (), *, name: str = "", is_published: bool = True) -> CaseSet:
        if self.mistakes:
            raise EvaluationError(*self.mistakes)
        return CaseSet(name or self.path.name, tuple(self.cases.values()), tuple(articles), is_published)

    def read_lines(self, text: str) -> CaseSet:
        for place, row in self._rows(text):
            try:
                self.add(place, _read_case(row))
            except ValueError as mistake:
                self.complain(place, str(mistake))
        return self.finish(is_published=False)

    def read_squad(self, whole: Mapping[str, Any]) -> CaseSet:
        articles = []
        try:
            for number, entry in enumerate(whole["data"], start=1):
                title, texts = str(entry["title"]), [_text(part, "context") for part in entry["paragraphs"]]
                articles.append(Article(f"squad:{title}", title.replace("_", " "), PARAGRAPH.join(texts)))
                base = 0
                for paragraph, text in zip(entry["paragraphs"], texts, strict=True):
                    for question in paragraph["qas"]:
                        place = f"article {number} ({title}), question {question.get('id')}"
                        try:
                            self.add(place, _read_squad_case(question, articles[-1].id, text, base))
                        except ValueError as mistake:
                            self.complain(place, str(mistake))
                    base += len(text) + len(PARAGRAPH)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            place = f"article {len(articles) + 1}"
            raise EvaluationError(f"{self.path}, {place}: is not as SQuAD has it ({_describe(error)})") from None
        return self.finish(articles)

    def read_beir(self, folder: Path, grades: Mapping[str, Mapping[str, float]]) -> CaseSet:
        queries = dict(_read_records(folder / "queries.jsonl"))
        articles = [
            Article(id, row.get("title") or id, _text(row, "text") or row.get("title") or id)
            for id, row in _read_records(folder / "corpus.jsonl")
        ]
        known = {article.id for article in articles}
        for query, graded in grades.items():
            if query not in queries:
                self.complain(f"query {query}", "is not in queries.jsonl")
            elif unknown := sorted(graded.keys() - known):
                self.complain(f"query {query}", f"document {unknown[0]} is not in corpus.jsonl")
            else:
                evidence = tuple(Evidence((Mention(id),), grade) for id, grade in graded.items() if grade > 0)
                if evidence:
                    self.add(f"query {query}", Case(query, _text(queries[query], "text"), evidence))
        return self.finish(articles, name=f"{folder.resolve().name}-{self.path.stem}")

    def read_multihop(self, rows: Sequence[Any], corpus: Sequence[Any]) -> CaseSet:
        articles = {}
        try:
            for row in corpus:
                articles[row["url"]] = _read_multihop_article(row)
            for number, row in enumerate(rows, start=1):
                place, is_null = f"question {number}", row["question_type"] == "null_query"
                if unknown := [it["url"] for it in row["evidence_list"] if it["url"] not in articles]:
                    self.complain(place, f"{unknown[0]} is not in corpus.json")
                    continue
                facts = dict.fromkeys((it["url"], it["fact"]) for it in row["evidence_list"])
                evidence = () if is_null else tuple(Evidence((Mention(url, fact),)) for url, fact in facts)
                answers = () if is_null else (str(row["answer"]),)
                # Some questions are asked twice, with other evidence.
                self.add(place, Case(f"{number}-{make_id(row['query'])}", row["query"], evidence, answers, is_null))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise EvaluationError(f"{self.path}: is not as MultiHop-RAG has it ({_describe(error)})") from None
        return self.finish(articles.values())

    def _rows(self, text: str) -> Iterator[tuple[str, Any]]:
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                try:
                    yield f"line {number}", json.loads(line)
                except (ValueError, RecursionError) as error:
                    self.complain(f"line {number}", f"is not JSON ({error})")


def _read_case(row: Any) -> Case:
    """Read a case of ours. Raises ValueError with what is wrong."""
    if not isinstance(row, dict):
        raise ValueError("is no JSON object")
    if unknown := sorted(row.keys() - _CASE_KEYS):
        raise ValueError(f"{unknown[0]!r} is nothing that a case has: {', '.join(sorted(_CASE_KEYS))}")
    question = _text(row, "question")
    id, answers, unanswerable = row.get("id"), row.get("answers", []), row.get("unanswerable", False)
    if id is not None and (not isinstance(id, str) or not id):
        raise ValueError("the id is no text")
    if not isinstance(answers, list) or not all(isinstance(answer, str) and answer.strip() for answer in answers):
        raise ValueError("answers is no list of texts")
    if not isinstance(unanswerable, bool):
        raise ValueError("unanswerable is neither true nor false")
    given = row.get("evidence", [])
    if not isinstance(given, list):
        raise ValueError("evidence is no list")
    evidence = tuple(Evidence((_read_mention(it),)) for it in given)
    if unanswerable and (evidence or answers):
        raise ValueError("an unanswerable question has neither evidence nor answers")
    if not (unanswerable or evidence or answers):
        raise ValueError('give evidence or answers, or "unanswerable": true')
    return Case(id or make_id(question), question, evidence, tuple(answers), unanswerable)


def _read_mention(given: Any) -> Mention:
    if isinstance(given, str):
        given = {"quote": given}
    if not isinstance(given, dict) or given.keys() - _EVIDENCE_KEYS:
        raise ValueError(f"a piece of evidence is a quote, or an object of {', '.join(sorted(_EVIDENCE_KEYS))}")
    article, quote, start, end = (given.get(key) for key in ("article", "quote", "start", "end"))
    for name, value in (("article", article), ("quote", quote)):
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise ValueError(f"the {name} of a piece of evidence is no text")
    if article is None and quote is None:
        raise ValueError("a piece of evidence has neither a quote nor an article")
    if (start is None) != (end is None):
        raise ValueError("start and end are given together")
    if start is not None and (
        article is None or type(start) is not int or type(end) is not int or not 0 <= start < end
    ):
        raise ValueError("start and end are whole numbers, 0 <= start < end, into the text of an article that is named")
    return Mention(article, quote, start, end)


def _read_squad_case(row: Mapping[str, Any], article: str, context: str, base: int) -> Case:
    unanswerable = bool(row.get("is_impossible", False))
    mentions, answers = [], []
    for answer in [] if unanswerable else row["answers"]:
        text, start = _text(answer, "text"), answer["answer_start"]
        if context[start : start + len(text)] != text:
            raise ValueError(f"the answer {text!r} doesn't stand at {start}")
        mentions.append(Mention(article, text, base + start, base + start + len(text)))
        answers.append(text)
    if not (unanswerable or mentions):
        raise ValueError("has no answer, and isn't is_impossible")
    evidence = (Evidence(tuple(dict.fromkeys(mentions))),) if mentions else ()
    return Case(str(row["id"]), _text(row, "question"), evidence, tuple(dict.fromkeys(answers)), unanswerable)


def _load_beir(folder: Path, qrels: Path | None = None) -> CaseSet:
    if qrels is None:
        splits = sorted((folder / "qrels").glob("*.tsv"))
        qrels = next((split for split in splits if split.stem == "test"), splits[0] if len(splits) == 1 else None)
        if qrels is None:
            raise EvaluationError(f"{folder}: name one of the files in its qrels/ instead of the folder")
    grades: dict[str, dict[str, float]] = {}
    with qrels.open(encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines, delimiter="\t"), start=2):
            try:
                grades.setdefault(row["query-id"], {})[row["corpus-id"]] = float(row["score"])
            except (KeyError, TypeError, ValueError):
                raise EvaluationError(f"{qrels}, line {number}: has no query-id, corpus-id and score") from None
    return _Reader(qrels).read_beir(folder, grades)


def _load_multihop(path: Path, rows: Sequence[Any] | None = None) -> CaseSet:
    corpus = path.with_name("corpus.json")
    if not corpus.is_file():
        raise EvaluationError(f"{path}: a list is taken for MultiHop-RAG's, whose corpus.json isn't beside it")
    try:
        rows = json.loads(path.read_text(encoding="utf-8")) if rows is None else rows
        articles = json.loads(corpus.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, RecursionError) as error:
        raise EvaluationError(f"{path}: it or its corpus.json is not JSON ({error})") from None
    return _Reader(path).read_multihop(rows, articles)


def _read_multihop_article(row: Mapping[str, Any]) -> Article:
    published = row.get("published_at")
    time = datetime.fromisoformat(published) if published else None
    if time is not None and time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return Article(
        id=row["url"],
        title=row["title"],
        text=_text(row, "body"),
        outlet=row.get("source"),
        author=row.get("author"),
        published=time,
        url=row["url"],
    )


def _read_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read the records of a file of BEIR's, by their `_id`."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    row = json.loads(line)
                    yield str(row["_id"]), row
                except (ValueError, KeyError, TypeError, RecursionError):
                    raise EvaluationError(f'{path}, line {number}: is no JSON object with an "_id"') from None


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str):
        raise ValueError(f"has no text as its {name}")
    return value


def _describe(error: Exception) -> str:
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)
