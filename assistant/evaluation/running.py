"""Asks an assistant the questions of cases, and measures what comes of each; what is done is kept at once.

The time of a case is that of asking: the measuring is not in it.
"""

import json
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from assistant.errors import EvaluationError
from assistant.evaluation import metrics
from assistant.evaluation.cases import Case, CaseSet
from assistant.evaluation.judging import Judge, measure_agreement
from assistant.evaluation.locating import Piece, Place, locate_evidence
from assistant.evaluation.results import (
    CaseResult,
    Result,
    Stretch,
    describe_run,
    hash_text,
    read_case_result,
    write_case_result,
    write_result,
)
from assistant.settings import QUOTES, load_settings
from assistant.types import Answer, RetrievedPassage, Span
from assistant.verdicts import Verdict, show_evidence

if TYPE_CHECKING:
    from assistant.front import Assistant

Progress = Callable[[int, int], None]

# Where evidence is whole articles, articles are ranked: so many passages hold ten of them but for rare cases.
PASSAGES_FOR_ARTICLES = 40


def evaluate(
    cases: CaseSet,
    assistant: "Assistant",
    *,
    out: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    seed: int = 0,
    search_only: bool = False,
    judge: Judge | None = None,
    progress: Progress | None = None,
) -> Result:
    """Ask an assistant all cases, or `limit` of them drawn by `seed`, and measure; with `out`, write that file.

    While it runs, what is done is in a file beside `out` that ends in .partial: the same call goes on from there,
    whatever stopped it. With `search_only` passages are searched for and no answer is made. A `judge` is asked of each
    sentence that is shown as fact whether what it cites supports it, and last of the statements that people labelled;
    where it fails, that is noted and nothing stops. The articles of a public set are `cases.articles`, to be added
    first. Raises EvaluationError where cases and index don't fit, and where `out` is there already.
    """
    if judge is not None and search_only:
        raise EvaluationError("searches alone make no answers that could be judged; leave out one of the two")
    out = None if out is None else Path(out)
    if out is not None and out.exists():
        raise EvaluationError(f"{out}: is there already; give another file, or remove it")
    chosen = draw_cases(cases, limit=limit, seed=seed)
    text_of = cache(lambda id: assistant.article(id).text)
    located = locate_evidence(chosen, ids=[article.id for article in assistant.articles()], text_of=text_of)
    asked = [case for case in chosen.cases if case.id in located.pieces]
    drawn = {
        "name": cases.name,
        "hash": chosen.content_hash(),
        "count": len(asked),
        "left_out": len(chosen.cases) - len(asked),
        "unlocated_evidence": located.unlocated,
        "limit": limit,
        "seed": seed if limit is not None else None,
        "search_only": search_only,
    }
    run = describe_run(assistant, drawn)
    if judge is not None:
        run["judge"] = judge.describe()
    results: dict[str, CaseResult] = {}
    assistant.search(asked[0].question, 1)  # so that no case is charged with the loading of models
    with _keep(out, run, results) as keep:
        for done, case in enumerate(asked, start=1):
            if case.id not in results:
                results[case.id] = _ask(
                    assistant, case, located.pieces[case.id], search_only=search_only, judge=judge, text_of=text_of
                )
                keep(results[case.id])
            if progress:
                progress(done, len(asked))
    if judge is not None and judge.sample is not None:
        run["judge"]["agreement"] = measure_agreement(judge.sample, judge.judge).to_json()
    result = Result(run, tuple(results[case.id] for case in asked))
    if out is not None:
        write_result(result, out)
        _partial(out).unlink(missing_ok=True)
    return result


def find_index(cases: CaseSet, sources: Sequence[str]) -> Path:
    """Find the folder in the user's cache for an index of a set's own articles and these sources, and nothing else."""
    said = [os.getcwd(), *sources] if sources else []  # noqa: PTH109  # a name of what is asked, not a way to it
    articles = [[article.id, hash_text(article.title + article.text)] for article in cases.articles]
    return load_settings("index").cache / "evaluation" / hash_text(json.dumps([said, articles]))


def draw_cases(cases: CaseSet, *, limit: int | None, seed: int) -> CaseSet:
    """Draw so many cases at random, the same for the same seed, in the order of the set."""
    if limit is not None and limit < 1:
        raise EvaluationError(f"limit {limit} is no number of cases")
    if limit is None or limit >= len(cases.cases):
        return cases
    numbers = sorted(random.Random(seed).sample(range(len(cases.cases)), limit))  # noqa: S311  # nothing secret
    return replace(cases, cases=tuple(cases.cases[number] for number in numbers))


def _ask(
    assistant: "Assistant",
    case: Case,
    pieces: tuple[Piece, ...],
    *,
    search_only: bool,
    judge: Judge | None,
    text_of: Callable[[str], str],
) -> CaseResult:
    ranks_articles = bool(pieces) and all(place.span is None for piece in pieces for place in piece.places)
    started = time.perf_counter()
    answer = None if search_only else assistant.ask(case.question)
    seconds = time.perf_counter() - started
    if ranks_articles or answer is None:
        limit = PASSAGES_FOR_ARTICLES if ranks_articles else metrics.DEPTH
        found = tuple(assistant.search(case.question, limit))
        seconds = seconds if answer else time.perf_counter() - started
    else:
        found = answer.retrieved
    figures = dict.fromkeys((metric.name for metric in metrics.METRICS if metric.kind in ("yes/no", "mean")), None)
    measured = figures | measure_search(found, pieces, ranks_articles=ranks_articles)
    if answer is not None:
        measured |= measure_answer(answer, case, pieces, text_of=text_of)
    judgements = judge_answer(answer, judge, text_of=text_of) if answer and judge else ()
    return CaseResult(
        id=case.id,
        question=case.question,
        unanswerable=case.unanswerable,
        answer=write_answer(answer) if answer else "",
        abstained=answer.abstained if answer else None,
        confidence=answer.confidence if answer else None,
        citations=tuple(Stretch(it.article.id, it.start, it.end) for it in answer.citations) if answer else (),
        retrieved=tuple(Stretch(it.article.id, it.passage.start, it.passage.end) for it in found),
        figures=measured | measure_judgements(judgements),
        seconds=seconds,
        judgements=judgements,
    )


def write_answer(answer: Answer) -> str:
    """Write the supported statements of an answer, without markers; nothing where it abstained."""
    return " ".join(statement.text for statement in answer.statements if statement.support.supported)


def measure_search(
    found: tuple[RetrievedPassage, ...], pieces: tuple[Piece, ...], *, ranks_articles: bool
) -> dict[str, float]:
    """Measure what a search found for a case by the pieces of its evidence; nothing where it has none."""
    if not pieces:
        return {}
    stretches = [Place(it.article.id, Span(it.passage.start, it.passage.end)) for it in found]
    if ranks_articles:
        stretches = [Place(id, None) for id in dict.fromkeys(place.article for place in stretches)]
    ranks = metrics.rank_pieces(stretches, pieces)
    return {
        "hit@1": metrics.hit(ranks, 1),
        "hit@5": metrics.hit(ranks, 5),
        "hit@10": metrics.hit(ranks, 10),
        "recall@5": metrics.recall(ranks, 5),
        "recall@10": metrics.recall(ranks, 10),
        "mrr@10": metrics.reciprocal_rank(ranks),
        "map@10": metrics.average_precision(ranks),
        "ndcg@10": metrics.ndcg(ranks, [piece.grade for piece in pieces]),
    }


def measure_answer(
    answer: Answer, case: Case, pieces: tuple[Piece, ...], *, text_of: Callable[[str], str]
) -> dict[str, float | None]:
    """Measure an answer to a case by the pieces of its evidence and the wordings of its answer."""
    figures: dict[str, float | None] = {}
    if answer.model != QUOTES:
        usage = answer.usage
        figures |= {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
        figures["cost"] = usage.cost
    if case.unanswerable:
        figures["refused"] = figures["right"] = float(answer.abstained)
    else:
        figures["answered"] = float(not answer.abstained)
    quotes = [Place(it.article.id, Span(it.start, it.end)) for it in answer.citations]
    if case.answers:
        text = write_answer(answer)
        figures["exact_match"] = metrics.exact_match(text, case.answers)
        figures["f1"] = metrics.token_f1(text, case.answers)
        figures["answer_held"] = figures["right"] = metrics.holds_answer(text, case.answers)
    if pieces:
        figures["citation_recall"] = recall = metrics.citation_recall(quotes, pieces)
        figures["right"] = float(recall > 0)
        if quotes:
            figures["citation_precision"] = metrics.citation_precision(quotes, pieces)
    if answer.statements:
        statements, citations = answer.statements, answer.citations
        exact = [text_of(it.article.id)[it.start : it.end] == it.quote for it in citations]
        figures["citations_exact"] = sum(exact) / len(exact) if exact else None
        figures["statements_cited"] = sum(bool(it.citations) for it in statements) / len(statements)
        figures["statements_supported"] = sum(it.support.supported for it in statements) / len(statements)
        figures["quoted_characters"] = float(sum(it.end - it.start for it in citations))
    return figures


def judge_answer(answer: Answer, judge: Judge, *, text_of: Callable[[str], str]) -> tuple[Verdict, ...]:
    """Ask a judge of each sentence that an answer shows as fact whether what it cites supports it."""
    shown = [statement for statement in answer.statements if statement.support.supported]
    return tuple(judge.judge(each.text, show_evidence(each.citations, text_of)) for each in shown)


def measure_judgements(judgements: Sequence[Verdict]) -> dict[str, float]:
    """Measure the share of the sentences with a verdict that were found supported; nothing where there is none."""
    verdicts = [verdict for verdict in judgements if isinstance(verdict, bool)]
    return {"judged_supported": sum(verdicts) / len(verdicts)} if verdicts else {}


# What is done is kept ------------------------------------------------------------------------------------------------


@contextmanager
def _keep(
    out: Path | None, run: Mapping[str, Any], results: dict[str, CaseResult]
) -> Iterator[Callable[[CaseResult], None]]:
    """Give a function that keeps what came of a case, and put into `results` what was kept before."""
    if out is None:
        yield lambda _: None
        return
    path = _partial(out)
    with _explain_failures(path):
        whole = _read_kept(path, run, results) if path.exists() else 0
        file = path.open("a", encoding="utf-8")
    with file:
        with _explain_failures(path):
            file.truncate(whole)  # a line that was cut off is measured again
        if not whole:
            _write_line(file, run)
        yield lambda each: _write_line(file, write_case_result(each))


@contextmanager
def _explain_failures(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EvaluationError(f"{path}: can't be written ({error.strerror or error})") from None


def _partial(out: Path) -> Path:
    return out.with_name(f"{out.name}.partial")


def _write_line(file: TextIO, row: Mapping[str, Any]) -> None:
    with _explain_failures(Path(file.name)):
        file.write(json.dumps(row, allow_nan=False) + "\n")
        file.flush()


def _read_kept(path: Path, run: Mapping[str, Any], results: dict[str, CaseResult]) -> int:
    """Read what was kept by the same run, and return how many bytes of the file are whole lines."""
    lines = path.read_bytes().split(b"\n")[:-1]
    if not lines:
        return 0
    try:
        first, *rows = map(json.loads, lines)
        kept = [read_case_result(row) for row in rows]
    except (ValueError, KeyError, TypeError):
        raise EvaluationError(f"{path}: is nothing that `assistant evaluate` wrote; remove it") from None
    if first != run:
        different = ", ".join(sorted(name for name in run if first.get(name) != run[name]))
        raise EvaluationError(
            f"{path}: was begun with something else ({different}); give another file, or remove it to begin anew"
        )
    results.update({each.id: each for each in kept})
    return sum(len(line) + 1 for line in lines)
