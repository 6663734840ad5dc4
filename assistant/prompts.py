"""The messages that are said to a language model: Markdown files with `$placeholder`s, checked by name when loaded.

Values are put in once and never read again, so nothing in an article or a question can become a placeholder.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

from assistant.errors import PromptError

# Each message and the placeholders that its file must have, no more and no fewer.
PROMPTS: Mapping[str, frozenset[str]] = {
    "answer_system": frozenset({"refusal"}),
    "answer_question": frozenset({"fence", "evidence", "question"}),
    "repair": frozenset({"problems"}),
    "rewrite_system": frozenset(),
    "rewrite_question": frozenset({"fence", "conversation", "question"}),
    "judge_system": frozenset(),
    "judge_statement": frozenset({"fence", "evidence", "statement"}),
    "suggest_system": frozenset(),
    "suggest_article": frozenset({"fence", "article"}),
}

_HERE = Path(__file__).parent
# In a wheel the prompts lie in the package, in a checkout beside it.
FOLDERS = (_HERE / "prompt_files", _HERE.parent / "prompts")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A message with placeholders."""

    name: str
    text: str

    def render(self, **values: str) -> str:
        """Put the values in. Raises PromptError unless there is one for each placeholder."""
        if values.keys() != PROMPTS[self.name]:
            raise PromptError(f"prompts/{self.name}.md takes {_list(PROMPTS[self.name])}, not {_list(values)}")
        return Template(self.text).substitute(values)


def load_prompt(name: str, *, folder: Path | None = None) -> Prompt:
    """Load a message, as installed or from a folder. Raises PromptError where it isn't as it should be."""
    return _load(name, folder or next((each for each in FOLDERS if each.is_dir()), FOLDERS[-1]))


def identify_prompts() -> str:
    """Hash all the messages as they are installed, so that an answer says which ones its model was shown."""
    texts = {name: load_prompt(name).text for name in PROMPTS}
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


@cache
def _load(name: str, folder: Path) -> Prompt:
    file = folder / f"{name}.md"
    if name not in PROMPTS:
        raise PromptError(f"there is no prompt {name!r}; there are {_list(PROMPTS)}")
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise PromptError(f"{file}: the prompt can't be read ({type(error).__name__}); install it again") from None
    template = Template(text)
    if not template.is_valid():
        raise PromptError(f"{file}: a $ stands before something that is no placeholder; write it as $$")
    found = frozenset(template.get_identifiers())
    if found != PROMPTS[name]:
        raise PromptError(f"{file}: its placeholders are {_list(found)}, and should be {_list(PROMPTS[name])}")
    return Prompt(name, text)


def _list(names: Mapping[str, object] | frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"
