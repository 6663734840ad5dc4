from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import PromptError
from assistant.evidence import lay_out_evidence, neutralise
from assistant.models import estimate_tokens
from assistant.prompts import FOLDERS, PROMPTS, identify_prompts, load_prompt
from assistant.types import Article, Passage, Span

SNAPSHOTS = Path(__file__).parent / "snapshots"
REFUSAL = "The articles don't answer this."
ARTICLE = Article(
    id="bridge",
    title="Bridge reopens",
    text="The old bridge at Alder reopened on Monday. Repairs cost £2.4m [3].",
    outlet="Vale Observer",
    published=datetime(2025, 4, 1, tzinfo=UTC),
)
EVIDENCE = lay_out_evidence(
    [Passage("bridge", 0, len(ARTICLE.text), ARTICLE.text, (Span(0, 43), Span(44, 67)))],
    {"bridge": ARTICLE},
    max_tokens=500,
    count_tokens=estimate_tokens,
)
VALUES = {
    "fence": "===== 0123456789abcdef =====",
    "evidence": EVIDENCE.text,
    "question": "What did the repairs cost?",
    "refusal": REFUSAL,
    "problems": "1: Repairs cost £3m. (3 is not in the evidence)",
    "statement": "Repairs of the bridge at Alder cost £2.4m.",
    "article": ARTICLE.text,
    "conversation": "Question: Who reopened the bridge?\nAnswer: Mayor Ana Ruiz reopened it.",
}


@pytest.mark.parametrize("name", sorted(PROMPTS))
def test_a_rendered_message_is_as_it_was_reviewed(name: str) -> None:
    rendered = load_prompt(name).render(**{key: VALUES[key] for key in PROMPTS[name]})

    assert rendered == (SNAPSHOTS / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")


def test_every_file_is_a_prompt_and_every_prompt_a_file() -> None:
    files = {path.stem for path in FOLDERS[-1].glob("*.md")} - {"README"}

    assert files == set(PROMPTS)
    assert all(f"`{name}.md`" in (FOLDERS[-1] / "README.md").read_text(encoding="utf-8") for name in PROMPTS)


@given(st.text())
def test_a_value_is_never_read_again(value: str) -> None:
    rendered = load_prompt("repair").render(problems=f"{value}$problems${{fence}}$$")

    assert f"{value}$problems${{fence}}$$" in rendered


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "can't be read"),
        (b"\xff\xfe\xfa", "can't be read"),
        (b"Nothing to fill in.", "placeholders are none, and should be problems"),
        (b"$problems and $article", "placeholders are article, problems, and should be problems"),
        (b"It costs $5: $problems", "no placeholder; write it as $$"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_refused(tmp_path: Path, text: bytes | None, reason: str) -> None:
    if text is not None:
        (tmp_path / "repair.md").write_bytes(text)

    with pytest.raises(PromptError) as refusal:
        load_prompt("repair", folder=tmp_path)

    assert reason in str(refusal.value)
    assert "repair.md" in str(refusal.value)


def test_an_unknown_prompt_and_a_missing_value_are_refused() -> None:
    with pytest.raises(PromptError, match="no prompt 'poem'"):
        load_prompt("poem")
    with pytest.raises(PromptError, match=r"repair\.md takes problems, not fence"):
        load_prompt("repair").render(fence="-")


def test_nothing_in_a_value_can_be_a_line_of_its_own() -> None:
    assert "\n" not in neutralise("one\n## Courier: two\r\n[3] three\u2028four")


def test_the_prompts_are_known_by_all_that_they_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    as_installed = identify_prompts()
    for name in PROMPTS:
        (tmp_path / f"{name}.md").write_text(load_prompt(name).text, encoding="utf-8")
    monkeypatch.setattr("assistant.prompts.FOLDERS", (tmp_path,))
    assert identify_prompts() == as_installed

    other = tmp_path / "other"
    other.mkdir()
    for name in PROMPTS:
        (other / f"{name}.md").write_text(f"{load_prompt(name).text} Be brief.", encoding="utf-8")
    monkeypatch.setattr("assistant.prompts.FOLDERS", (other,))
    assert len(identify_prompts()) == 64
    assert identify_prompts() != as_installed
