"""Results of evaluations as records and as JSON, with what identifies the run that they are of."""

import hashlib
import json
import math
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.errors import EvaluationError
from assistant.evaluation.metrics import METRICS, Columns
from assistant.prompts import PROMPTS, load_prompt
from assistant.settings import APPLICATION, Settings

if TYPE_CHECKING:
    import pandas

    from assistant.front import Assistant

FORMAT = 1
MAX_RESULT_BYTES = 200_000_000  # 100,000 cases of some 2,000 bytes each
# Settings that are of this machine, or secret, and don't change what is answered.
_UNSAID = {"index", "cache", "data", "vocabularies", "api_key", "base_url", "wait", "tracing", "max_total_cost"}
_LIBRARIES = ("chromadb", "langchain", "numpy", "onnxruntime", "openai", "tokenizers")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of an article that was found or quoted: `article.text[start:end]`."""

    article: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of one case; `figures` are those of `metrics.METRICS` that it has part in, None for the others.

    Where answers weren't asked for, `confidence` and `abstained` are None. `answer` is the text of the answer's
    statements, `seconds` what asking took. `judgements` are a judge's, one for each sentence that is shown as fact:
    whether what it cites supports it, or why there is no verdict.
    """

    id: str
    question: str
    unanswerable: bool
    answer: str
    abstained: bool | None
    confidence: float | None
    citations: tuple[Stretch, ...]
    retrieved: tuple[Stretch, ...]
    figures: Mapping[str, float | None]
    seconds: float
    judgements: tuple[bool | str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """The result of an evaluation: what identifies the run, and what came of each case.

    `run` holds what JSON can: the cases' name and hash, the settings, the models, the prompts' and the index's hashes,
    versions, the machine and, in a checkout, the commit. Nothing in it is secret or a path of the machine.
    """

    run: Mapping[str, Any]
    cases: tuple[CaseResult, ...] = field(repr=False)

    @property
    def columns(self) -> Columns:
        """The figures of the cases as columns, (cases,) each, NaN for None."""
        columns = {metric.name: [each.figures.get(metric.name) for each in self.cases] for metric in METRICS}
        columns["answerable"] = [float(not each.unanswerable) for each in self.cases]
        columns["confidence"] = [each.confidence for each in self.cases]
        columns["given"] = [None if each.abstained is None else float(not each.abstained) for each in self.cases]
        columns["seconds"] = [each.seconds for each in self.cases]
        return {name: np.array(column, np.float64) for name, column in columns.items()}

    @property
    def metrics(self) -> dict[str, float | None]:
        """All figures of the result, None where no case has part in one."""
        columns = self.columns
        values = {metric.name: metric.measure(columns) for metric in METRICS}
        return {name: None if math.isnan(value) else value for name, value in values.items()}

    @property
    def counts(self) -> dict[str, int]:
        """How many cases each figure is about."""
        columns = self.columns
        return {metric.name: int(metric.applies(columns).sum()) for metric in METRICS}

    def to_frame(self) -> "pandas.DataFrame":
        """Make a pandas DataFrame, a row for each case. Raises EvaluationError where pandas isn't installed."""
        rows = []
        for each in self.cases:
            row = {it.name: getattr(each, it.name) for it in fields(each) if it.name != "figures"}
            rows.append({**row, **each.figures})
        return make_frame(rows, index="id")

    def to_json(self) -> dict[str, Any]:
        """Turn it into what JSON can hold; `read_result` reads it."""
        return {
            "format": FORMAT,
            "run": dict(self.run),
            "metrics": self.metrics,
            "counts": self.counts,
            "cases": [write_case_result(each) for each in self.cases],
        }


def require_scipy(purpose: str) -> None:
    """Raise EvaluationError where scipy, which is optional, isn't installed."""
    try:
        import scipy.stats  # noqa: F401
    except ImportError:
        raise EvaluationError(f"{purpose} needs scipy: pip install 'news-assistant[eval]', or scipy itself") from None


def make_frame(rows: Sequence[Mapping[str, Any]], *, index: str) -> "pandas.DataFrame":
    """Make a pandas DataFrame of rows. Raises EvaluationError where pandas isn't installed."""
    try:
        import pandas as pd
    except ImportError:
        raise EvaluationError("a frame needs pandas: pip install pandas") from None
    return pd.DataFrame(rows).set_index(index)


def write_result(result: Result, path: str | os.PathLike[str]) -> None:
    """Write a result to a file, wholly or not at all, in place of what was there."""
    path = Path(path)
    beside = path.with_name(f"{path.name}.writing")
    whole = result.to_json()
    rows = ",\n".join(json.dumps(row, allow_nan=False) for row in whole.pop("cases"))
    head = json.dumps(whole, indent=1, allow_nan=False).removesuffix("\n}")
    try:
        beside.write_text(f'{head},\n "cases": [\n{rows}\n]}}\n', encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise EvaluationError(f"{path}: can't be written ({error.strerror or error})") from None


def load_result(path: str | os.PathLike[str]) -> Result:
    """Load what `evaluate` wrote. Raises EvaluationError where it isn't that."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_RESULT_BYTES + 1)
        written = json.loads(data) if len(data) <= MAX_RESULT_BYTES else None
    except OSError as error:
        raise EvaluationError(f"{path}: can't be read ({error.strerror or error})") from None
    except (ValueError, RecursionError):
        written = None
    if not isinstance(written, dict) or "cases" not in written or "run" not in written:
        raise EvaluationError(f"{path}: is no result of `assistant evaluate`")
    if written.get("format") != FORMAT:
        raise EvaluationError(f"{path}: is of another version of the assistant; evaluate again")
    try:
        return Result(written["run"], tuple(map(read_case_result, written["cases"])))
    except (KeyError, TypeError, ValueError) as error:
        raise EvaluationError(f"{path}: is no whole result of `assistant evaluate` ({error})") from None


def write_case_result(case: CaseResult) -> dict[str, Any]:
    """Turn what came of a case into what JSON can hold."""
    row = {each.name: getattr(case, each.name) for each in fields(case)}
    for name in ("citations", "retrieved"):
        row[name] = [{"article": it.article, "start": it.start, "end": it.end} for it in row[name]]
    return row


def read_case_result(row: Mapping[str, Any]) -> CaseResult:
    """Read what came of a case from JSON. Raises KeyError, TypeError or ValueError where it isn't that."""
    values = dict(row)
    for name in ("citations", "retrieved"):
        values[name] = tuple(Stretch(**each) for each in values[name])
    values["judgements"] = tuple(values.get("judgements", ()))
    figures = values["figures"]
    if not all(value is None or isinstance(value, int | float) for value in figures.values()):
        raise ValueError("a figure is no number")
    return CaseResult(**values)


# What identifies a run -----------------------------------------------------------------------------------------------


def describe_run(assistant: "Assistant", cases: Mapping[str, Any]) -> dict[str, Any]:
    """Describe what is evaluated, and of which cases: nothing secret, and no path of the machine.

    Raises AssistantError where the index or the model's server can't be asked.
    """
    return {
        "cases": dict(cases),
        "model": assistant.model_identity,
        "settings": _describe_settings(assistant.settings),
        "prompts": {name: hash_text(load_prompt(name).text) for name in sorted(PROMPTS)},
        "embedding_model": assistant.embedding_identity,
        "index": {"articles": len(assistant.articles()), "hash": assistant.content_hash()},
        "version": version(APPLICATION),
        **_describe_commit(),
        "libraries": {"python": platform.python_version()} | {name: _find_version(name) for name in _LIBRARIES},
        "machine": {"system": platform.system(), "processor": _find_processor(), "cores": os.cpu_count()},
    }


def hash_text(text: str) -> str:
    """Hash a text, in short."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _describe_settings(settings: Settings) -> dict[str, Any]:
    said = {each.name: getattr(settings, each.name) for each in fields(settings) if each.name not in _UNSAID}
    said["today"] = settings.today.isoformat() if settings.today else None
    return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}


def _describe_commit() -> dict[str, Any]:
    """Describe the checkout that runs: its commit, and whether anything in it isn't committed; nothing in a wheel."""
    root = Path(__file__).resolve().parents[2]
    if not (root / "pyproject.toml").is_file():
        return {}
    try:
        commit = _ask_git(root, "rev-parse", "HEAD")
        changed = _ask_git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"commit": commit, "has_changes": bool(changed)}


def _ask_git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]  # what it says is only written down
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()  # noqa: S603


def _find_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _find_processor() -> str:
    """Name the processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()
