"""The settings of one assistant, one frozen value, and where they come from. Only this module reads the environment."""

import os
import re
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from datetime import date
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from platformdirs import user_cache_path, user_data_path

from assistant.errors import SettingsError

APPLICATION = "news-assistant"
LIBRARY_FILE = "library.sqlite3"
LOCAL_EMBEDDING_MODEL = "all-MiniLM-L6-v2"
QUOTES = "quotes"
DEFAULT_MODEL = "openai:gpt-5-mini"  # where there is a key and nothing is chosen
LANGSMITH = "langsmith"
SERVED_MODEL = "openai:"  # the first that the server lists

Unsupported = Literal["mark", "drop"]

MIN_WINDOW = 2_000

CLOUD_HOST = "trychroma.com"
_LIBRARY_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,58}[a-z0-9])?")

_OFF = ("", "0", "false", "no", "off")  # what says of a variable that it isn't set
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH|PROXY|URL", re.IGNORECASE)  # an address may hold one
_MODEL = re.compile(r"[a-z][a-z0-9_]*:\S.*|openai:")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be chosen about an assistant.

    `threshold` is the confidence from which an answer is given rather than abstained from. `today` is the day that a
    question's "this week" is seen from, without one that of the newest article. `wait` is for how many
    seconds a write waits for another process to finish its own. `api_key` and `base_url` are of the OpenAI-compatible
    service, used only when a model there is chosen; the key is in no representation of this.

    Of a language model: `unsupported` says whether a sentence that its citations don't prove is shown, marked as such,
    or dropped. `verifier` is another language model, which is asked whether what a sentence cites proves it, after the
    check on this machine has accepted it; the sentence isn't shown as proven unless it says yes. `window` is how many
    tokens the model reads and writes at once, `evidence_tokens` how many of those the articles may have, by default
    3,000, or 1,500 on this machine. `max_cost` is what an answer may cost, in US dollars, `max_total_cost` what all
    answers of one assistant may that are asked for one after the other, and `price` what a million tokens cost that
    are sent, and that come back, where the list prices aren't right; `verifier_price` is what the verifier's cost, by
    default the same where it is the same model.
    `timeout` is for how many seconds it may say nothing, by default 60, or 300 on this machine. `keep_replies` says
    whether replies are kept in the index. `tracing` lets LangSmith, a service that LangChain can send prompts to, see
    them, where the environment asks for that: ASSISTANT_TRACING=langsmith says so too. `vocabularies` is tiktoken's
    cache.

    `data` is the folder of what is remembered of the user in no index: which sources are his own.

    `offline` refuses every connection, so that quotes answer unless a model is chosen, which is refused.

    `chroma` is the address of a Chroma server that the library is kept in, where it is shared: `index` is then its name
    there, and the folder of what stays on this machine. `chroma_token` is the server's, or the key of Chroma Cloud;
    `insecure` sends it, and all articles, to another machine without encryption.
    """

    index: Path
    model: str = QUOTES
    embedding_model: str = LOCAL_EMBEDDING_MODEL
    threshold: float = 0.5
    today: date | None = None
    wait: float = 1.0
    unsupported: Unsupported = "mark"
    verifier: str | None = None
    window: int | None = None
    evidence_tokens: int | None = None
    max_cost: float | None = None
    max_total_cost: float | None = None
    price: tuple[float, float] | None = None
    verifier_price: tuple[float, float] | None = None
    timeout: float | None = None
    tracing: bool = False
    keep_replies: bool = True
    offline: bool = False
    cache: Path = field(default_factory=lambda: user_cache_path(APPLICATION))
    data: Path = field(default_factory=lambda: user_data_path(APPLICATION))
    vocabularies: Path = field(default_factory=lambda: Path(tempfile.gettempdir()) / "data-gym-cache")
    base_url: str | None = field(default=None, repr=False)  # it may hold a password
    api_key: str | None = field(default=None, repr=False)
    chroma: str | None = None
    chroma_token: str | None = field(default=None, repr=False)
    chroma_tenant: str | None = None
    chroma_database: str | None = None
    insecure: bool = False

    def __post_init__(self) -> None:
        for name in (
            *("model", "embedding_model", "verifier", "base_url", "api_key"),
            *("chroma", "chroma_token", "chroma_tenant", "chroma_database"),
        ):
            if not isinstance(getattr(self, name), str | None):
                raise SettingsError(f"{name} is not text")
        if self.model != QUOTES and not _MODEL.fullmatch(self.model):
            raise SettingsError(
                f"unknown model {self.model!r}: use {QUOTES!r}, or PROVIDER:NAME such as {DEFAULT_MODEL!r}"
            )
        if self.verifier is not None and not _MODEL.fullmatch(self.verifier):
            raise SettingsError(f"unknown verifier {self.verifier!r}: use PROVIDER:NAME such as {DEFAULT_MODEL!r}")
        if self.chroma is not None:
            _check_server(self.chroma, insecure=self.insecure)
            if self.offline:
                raise SettingsError("a shared library can't be asked offline: leave --offline or --chroma out")
        if self.offline and self.model != QUOTES:
            raise SettingsError(f"{self.model!r} can't be asked offline: leave --offline out, or use --model {QUOTES}")
        if self.offline and self.verifier is not None:
            raise SettingsError(f"{self.verifier!r} can't be asked offline: leave --offline or --verifier out")
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
        if self.timeout is not None and not 0 < self.timeout < float("inf"):
            raise SettingsError(f"timeout {self.timeout} is no number of seconds")
        if self.unsupported not in get_args(Unsupported):
            raise SettingsError(f"unsupported {self.unsupported!r} is neither 'mark' nor 'drop'")
        if self.window is not None and self.window < MIN_WINDOW:
            raise SettingsError(f"window {self.window} is too small; a model must read and write {MIN_WINDOW:,} tokens")
        if self.evidence_tokens is not None and self.evidence_tokens <= 0:
            raise SettingsError(f"evidence_tokens {self.evidence_tokens} is no number of tokens")
        for name in ("max_cost", "max_total_cost"):
            most = getattr(self, name)
            if most is not None and not 0 < most < float("inf"):
                raise SettingsError(f"{name} {most} is no sum of dollars")
        for name in ("price", "verifier_price"):
            price = getattr(self, name)
            if price is not None and not (len(price) == 2 and min(price) >= 0):
                raise SettingsError(f"{name} {price} is not what a million tokens cost, sent and received")


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
    for name, variable in (
        ("base_url", "OPENAI_BASE_URL"),
        ("api_key", "OPENAI_API_KEY"),
        ("vocabularies", "TIKTOKEN_CACHE_DIR"),  # as tiktoken itself has it
        ("vocabularies", "DATA_GYM_CACHE_DIR"),
        ("chroma", "ASSISTANT_CHROMA_URL"),
        ("chroma_token", "ASSISTANT_CHROMA_TOKEN"),
        ("chroma_tenant", "CHROMA_TENANT"),  # as Chroma itself has it
        ("chroma_database", "CHROMA_DATABASE"),
    ):
        if name not in values and environment.get(variable):
            values[name] = environment[variable]
    # Chroma Cloud's key is for nobody else.
    if "chroma_token" not in values and environment.get("CHROMA_API_KEY") and is_chroma_cloud(values.get("chroma")):
        values["chroma_token"] = environment["CHROMA_API_KEY"]
    if "tracing" not in values and (tracing := environment.get("ASSISTANT_TRACING")):
        if tracing != LANGSMITH:
            raise SettingsError(
                f"ASSISTANT_TRACING {tracing!r} is no service that prompts can be shown to: {LANGSMITH!r}"
            )
        values["tracing"] = True
    if "offline" not in values:
        values["offline"] = environment.get("ASSISTANT_OFFLINE", "").strip().lower() not in _OFF
    if "model" not in values:
        values["model"] = QUOTES if values["offline"] else _choose_model(environment)
    if "verifier" in values and values["model"] == QUOTES and not values["offline"]:
        raise SettingsError(
            "quotes are verbatim, so there is nothing to verify: leave --verifier out, or choose a language model with"
            " --model"
        )
    if "verifier" not in values and environment.get("ASSISTANT_VERIFIER") and not values["offline"]:
        values["verifier"] = environment["ASSISTANT_VERIFIER"]
    if isinstance(values.get("today"), str):
        try:
            values["today"] = date.fromisoformat(values["today"])
        except ValueError:
            raise SettingsError(f"today {values['today']!r} is no date; write it as 2025-03-15") from None
    for name in ("cache", "data", "vocabularies"):
        if name in values:
            values[name] = Path(str(values[name]))
    try:
        return replace(Settings(index=Path(index)), **values)
    except TypeError as error:
        raise SettingsError(f"a setting has a value of the wrong kind: {error}") from None


def hide_secrets(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Leave out of an environment what may be a key or a password, for a process that has no use for any."""
    return {name: value for name, value in environment.items() if not _SECRET.search(name)}


def _check_server(url: object, *, insecure: bool) -> None:
    """Refuse an address of a Chroma server that can't be one, or where everybody on the way could read along."""
    try:
        parts = urlsplit(str(url))
        host, _ = parts.hostname, parts.port  # a port that is none raises ValueError
    except ValueError:
        host, parts = None, urlsplit("")
    if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment:
        raise SettingsError(f"chroma {str(url)[:200]!r} is no address of a server; write it as https://chroma.example")
    if parts.username is not None or parts.password is not None:
        raise SettingsError("the address of a Chroma server holds no password; set ASSISTANT_CHROMA_TOKEN instead")
    if parts.scheme == "http" and not _is_loopback(host) and not insecure:
        raise SettingsError(
            f"http://{host} would send articles and token unencrypted; use https, or --insecure in your own network"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_chroma_cloud(url: object) -> bool:
    """Whether an address is one of Chroma Cloud's."""
    parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
    host = parts.hostname or ""
    return parts.scheme == "https" and (host == CLOUD_HOST or host.endswith(f".{CLOUD_HOST}"))


def find_home() -> Path:
    """Find the user's data folder on this machine; it may not be there yet."""
    return user_data_path(APPLICATION)


def name_library(index: Path) -> str:
    """Name a shared library after its index as it was given; the user's own index is everybody's "index".

    What Chroma allows in a name stays as it is, and a hash tells apart what does not.
    """
    if index == find_home() / "index":
        return "index"
    given = os.path.normpath(index).replace(os.sep, "/")
    if _LIBRARY_NAME.fullmatch(given):
        return given
    readable = re.sub(r"[^a-z0-9]+", "-", given.lower())[-40:].strip("-")
    return f"{readable or 'index'}-{sha256(given.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"


def _choose_model(environment: Mapping[str, str]) -> str:
    """Choose what answers: ASSISTANT_MODEL, else a language model where the environment has one, else quotes."""
    if environment.get("ASSISTANT_MODEL"):
        return environment["ASSISTANT_MODEL"]
    server = environment.get("OPENAI_BASE_URL")
    if server and "//api.openai.com/" not in server:
        return SERVED_MODEL
    return DEFAULT_MODEL if server or environment.get("OPENAI_API_KEY") else QUOTES


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


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the environment says of the terminal and of the desk that it stands on.

    `is_dumb` is a terminal that obeys nothing, `colors` whether they are wanted, None where nobody says, `has_browser`
    whether a web browser could be seen by who sits there: not through ssh, nor without a desktop.
    """

    is_dumb: bool
    colors: bool | None
    has_browser: bool


def read_surroundings(environment: Mapping[str, str] = os.environ, *, platform: str = sys.platform) -> Surroundings:
    """Read TERM, NO_COLOR (https://no-color.org), FORCE_COLOR and what tells a remote shell from one's own desktop."""
    is_dumb = environment.get("TERM", "") in {"", "dumb", "unknown"} and platform != "win32"
    colors = False if environment.get("NO_COLOR") else True if environment.get("FORCE_COLOR") else None
    is_remote = any(environment.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"))
    has_desktop = platform in {"darwin", "win32"} or any(
        environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    return Surroundings(is_dumb, colors, has_desktop and not is_remote)


def is_checkout(folder: Path) -> bool:
    """Whether a folder is a checkout of this project, whose index folder is meant to be used."""
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    table = project.get("project")
    return isinstance(table, dict) and table.get("name") == APPLICATION
