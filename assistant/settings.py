"""The settings of one assistant, one frozen value, and where they come from. Only this module reads the environment."""

import os
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path, user_data_path

from assistant.errors import SettingsError

APPLICATION = "news-assistant"
LIBRARY_FILE = "library.sqlite3"
LOCAL_EMBEDDING_MODEL = "all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be chosen about an assistant.

    `threshold` is the confidence from which an answer is given rather than abstained from. `today` is the day that a
    question's "this week" is seen from, without one that of the newest article. `wait` is for how many
    seconds a write waits for another process to finish its own. `api_key` and `base_url` are of the OpenAI-compatible
    service, used only when a model there is chosen; the key is in no representation of this.
    """

    index: Path
    model: str = "quotes"
    embedding_model: str = LOCAL_EMBEDDING_MODEL
    threshold: float = 0.5
    today: date | None = None
    wait: float = 1.0
    cache: Path = field(default_factory=lambda: user_cache_path(APPLICATION))
    base_url: str | None = field(default=None, repr=False)  # it may hold a password
    api_key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ("model", "embedding_model", "base_url", "api_key"):
            if not isinstance(getattr(self, name), str | None):
                raise SettingsError(f"{name} is not text")
        if self.model != "quotes":
            raise SettingsError(f"unknown model {self.model!r}: answers come from 'quotes'")
        provider, _, name = self.embedding_model.partition(":")
        if self.embedding_model != LOCAL_EMBEDDING_MODEL and (provider != "openai" or not name):
            raise SettingsError(
                f"unknown embedding model {self.embedding_model!r}: use {LOCAL_EMBEDDING_MODEL!r} or 'openai:NAME'"
            )
        if not 0 <= self.wait < float("inf"):
            raise SettingsError(f"wait {self.wait} is no number of seconds")
        if not isinstance(self.today, date | None):
            raise SettingsError(f"today is a date, and not {type(self.today).__name__}")
        if not 0 <= self.threshold <= 1:
            raise SettingsError(f"threshold {self.threshold} is not between 0 and 1")


def load_settings(
    index: str | os.PathLike[str],
    *,
    environment: Mapping[str, str] = os.environ,
    **chosen: Any,
) -> Settings:
    """Make settings of what was chosen, then of the environment; a choice of None leaves the default.

    Raises SettingsError for a name that is no setting or a value that can't be.
    """
    known = {setting.name for setting in fields(Settings)} - {"index"}
    unknown = sorted(set(chosen) - known)
    if unknown:
        raise SettingsError(f"unknown setting {unknown[0]!r}: there are {', '.join(sorted(known))}")
    values = {name: value for name, value in chosen.items() if value is not None}
    for name, variable in (("base_url", "OPENAI_BASE_URL"), ("api_key", "OPENAI_API_KEY")):
        if name not in values and environment.get(variable):
            values[name] = environment[variable]
    if isinstance(values.get("today"), str):
        try:
            values["today"] = date.fromisoformat(values["today"])
        except ValueError:
            raise SettingsError(f"today {values['today']!r} is no date; write it as 2025-03-15") from None
    if "cache" in values:
        values["cache"] = Path(str(values["cache"]))
    try:
        return replace(Settings(index=Path(index)), **values)
    except TypeError as error:
        raise SettingsError(f"a setting has a value of the wrong kind: {error}") from None


def find_index(chosen: Path | None, *, environment: Mapping[str, str] = os.environ, here: Path | None = None) -> Path:
    """Find the index folder: the chosen one, else ASSISTANT_INDEX, else ./index where it is ours, else the user's."""
    if chosen is not None:
        return chosen
    if environment.get("ASSISTANT_INDEX"):
        return Path(environment["ASSISTANT_INDEX"])
    with suppress(OSError):  # a folder that was deleted, or may not be looked into
        here = here or Path.cwd()
        if (here / "index" / LIBRARY_FILE).is_file() or is_checkout(here):
            return Path("index")
    return user_data_path(APPLICATION) / "index"


def is_checkout(folder: Path) -> bool:
    """Whether a folder is a checkout of this project, whose index folder is meant to be used."""
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    table = project.get("project")
    return isinstance(table, dict) and table.get("name") == APPLICATION
