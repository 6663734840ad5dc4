"""Measures how long questions take, and what memory and disk an index does, as the library grows.

    uv run python notebooks/speed.py [PASSAGES]... [--write]

Archives of so many passages (`archive.py`) are indexed and asked in new processes, one after the other. With --write,
the figures go to results/speed-COMMIT.json, which speed.ipynb draws.
"""

import argparse
import json
import multiprocessing
import platform
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from archive import fill, make_questions
from matplotlib.axes import Axes
from scipy.stats import bootstrap
from tracked import keep, read_commit

from assistant import Assistant
from assistant.embedding import MiniLMEmbedder
from assistant.settings import load_settings

PASSAGES = (1_000, 3_000, 10_000, 30_000)
ROUNDS = 3
QUESTIONS = 40  # of each archive, in each round
WARM_UP = 5
QUANTILES = {"p50": 50, "p95": 95}


def measure_sizes(sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Index an archive of each size, then ask them in turn, so that what else a machine does is shared by all."""
    with tempfile.TemporaryDirectory() as folder:
        indexes = {passages: Path(folder) / str(passages) for passages in sizes}
        seconds = {passages: _fill(index, passages) for passages, index in indexes.items()}
        disk = {passages: _measure_folder(index) for passages, index in indexes.items()}
        rounds = [{passages: _ask_anew(index, passages) for passages, index in indexes.items()} for _ in range(ROUNDS)]
    runs = {passages: [each[passages] for each in rounds] for passages in sizes}
    return [
        {
            "passages": passages,
            "indexing seconds": round(seconds[passages], 2),
            "disk MB": round(disk[passages], 1),
            "first answer seconds": [run["first"] for run in runs[passages]],
            "resident MB": [run["resident"] for run in runs[passages]],
            "answer ms": describe_times([ms for run in runs[passages] for ms in run["times"]]),
            "processor ms": describe_times([ms for run in runs[passages] for ms in run["processor"]]),
        }
        for passages in sizes
    ]


def _fill(index: Path, passages: int) -> float:
    with closing(MiniLMEmbedder(load_settings(index).cache)) as embedder:
        embedder.load()  # builds its graph, where that wasn't done before
        return fill(index, passages, embedding_model=embedder.identity)


def _measure_folder(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def describe_times(times: Sequence[float]) -> dict[str, list[float]]:
    """Give the median and the 95th percentile of times, each with the 95 % interval of a bootstrap."""
    described = {}
    for name, quantile in QUANTILES.items():
        interval = bootstrap(
            (np.array(times),),
            lambda values, axis, quantile=quantile: np.percentile(values, quantile, axis=axis),
            n_resamples=1_999,
            method="percentile",
            rng=0,
        ).confidence_interval
        values = (np.percentile(times, quantile), interval.low, interval.high)
        described[name] = [round(float(value), 1) for value in values]
    return described


def _ask_anew(index: Path, passages: int) -> dict[str, Any]:
    """Ask in a new process: the first answer comes from nothing but Python, and the memory is its own."""
    here, there = multiprocessing.Pipe()
    questions = make_questions(WARM_UP + QUESTIONS, passages=passages)
    process = multiprocessing.get_context("spawn").Process(target=_ask, args=(index, questions, there))
    process.start()
    there.close()  # so that the death of the child ends the wait
    run: dict[str, Any] = here.recv()
    process.join()
    return run


def _ask(index: Path, questions: Sequence[str], talk: Connection) -> None:
    with Assistant.open(index, model="quotes") as assistant:
        first, _ = _clock(assistant.ask, questions[:1])
        _clock(assistant.ask, questions[1:WARM_UP])
        times, processor = _clock(assistant.ask, questions[WARM_UP:])
    # Subtle: getrusage would count what the parent had in memory when it made this process.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = re.search(r"VmHWM:\s+(\d+)", status)
    resident = round(int(peak[1]) / 1000) if peak else None
    talk.send({"first": round(first[0] / 1000, 2), "times": times, "processor": processor, "resident": resident})


def _clock(ask: Callable[[str], Any], questions: Sequence[str]) -> tuple[list[float], list[float]]:
    """Ask questions, and say how many milliseconds each took: of the clock, and of all processors together."""
    times, processor = [], []
    for question in questions:
        started, worked = time.perf_counter(), time.process_time()
        ask(question)
        times.append(1000 * (time.perf_counter() - started))
        processor.append(1000 * (time.process_time() - worked))
    return times, processor


def write_table(figures: dict[str, Any]) -> str:
    """Write all figures as a table in Markdown, a row for each size, and what they were measured with."""
    rows = [
        "| passages | indexing, s | disk, MB | memory, MB | first, s | answer p50, ms | p95, ms | processor, ms |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for size in figures["sizes"]:
        cells = (
            f"{size['passages']:,}",
            f"{size['indexing seconds']:.1f}",
            f"{size['disk MB']:,.0f}",
            f"{np.median(size['resident MB']):,.0f}",
            f"{np.median(size['first answer seconds']):.2f}",
            *(f"{size['answer ms'][name][0]:.0f}" for name in QUANTILES),
            f"{size['processor ms']['p50'][0]:.0f}",
        )
        rows.append(f"| {' | '.join(cells)} |")
    machine = figures["machine"]
    return "\n".join([*rows, "", f"Commit {figures['commit'][:12]}, {machine['system']}, {machine['cores']} cores."])


def draw_times(figures: dict[str, Any], of: str, axes: Axes) -> None:
    """Draw how long answers take over the size of the library: the median and more, with 95 % intervals."""
    sizes = [size["passages"] for size in figures["sizes"]]
    for name, quantile in QUANTILES.items():
        middle, low, high = np.array([size[of][name] for size in figures["sizes"]]).T
        bars = [middle - low, high - middle]
        axes.errorbar(sizes, middle, bars, fmt="o-", capsize=3, label=f"{quantile} % of the answers")
    _label(axes, f"{of}, at most")
    axes.legend()


def draw_growth(figures: dict[str, Any], name: str, axes: Axes) -> None:
    """Draw a figure over the size of the library: the median of the processes and, where they differ, their range."""
    sizes = [size["passages"] for size in figures["sizes"]]
    values = [np.atleast_1d(size[name]) for size in figures["sizes"]]
    middle = np.array([np.median(each) for each in values])
    low, high = (np.array([bound(each) for each in values]) for bound in (np.min, np.max))
    axes.errorbar(sizes, middle, [middle - low, high - middle], fmt="o-", capsize=3)
    _label(axes, name)


def _label(axes: Axes, name: str) -> None:
    axes.set(xlabel="passages in the library", ylabel=name, xscale="log", ylim=(0, None))


def main() -> None:
    """Measure the sizes that were named, and keep the figures where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("passages", nargs="*", type=int, default=PASSAGES)
    parser.add_argument("--write", action="store_true", help="keep the figures in results/")
    options = parser.parse_args()
    figures = {
        **read_commit(),
        "machine": {"system": platform.system(), "cores": multiprocessing.cpu_count()},
        "sizes": measure_sizes(options.passages),
    }
    json.dump(figures, sys.stdout, indent=1)
    if options.write:
        keep("speed", figures)


if __name__ == "__main__":
    main()
