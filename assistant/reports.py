"""Answers as pages to keep, print and send: one HTML file that runs nothing and fetches nothing, or Markdown."""

from collections.abc import Callable, Sequence
from pathlib import Path

from assistant.types import Answer, Citation, QuotedPassage

PassageOf = Callable[[Citation], QuotedPassage | None]


def render_html(answers: Sequence[Answer], *, passage_of: PassageOf) -> str:
    """Render answers as one page."""
    raise NotImplementedError


def render_markdown(answers: Sequence[Answer], *, passage_of: PassageOf) -> str:
    """Render answers as Markdown."""
    raise NotImplementedError


def refuse_others(path: Path) -> None:
    """Raise SettingsError unless nothing is at a path, or a page that was written here."""
    raise NotImplementedError


def write_report(path: Path, text: str) -> None:
    """Write a page, whole or not at all."""
    raise NotImplementedError
