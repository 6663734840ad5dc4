import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import SettingsError
from assistant.settings import (
    DEFAULT_MODEL,
    LIBRARY_FILE,
    LOCAL_EMBEDDING_MODEL,
    SERVED_MODEL,
    Settings,
    find_index,
    is_checkout,
    load_settings,
    name_library,
)

KEY = "sk-canary-1234567890"


def test_the_defaults_need_no_key_and_no_network() -> None:
    settings = load_settings("index", environment={})

    assert settings.index == Path("index")
    assert settings.model == "quotes"
    assert settings.embedding_model == LOCAL_EMBEDDING_MODEL
    assert settings.base_url is None
    assert settings.api_key is None
    assert settings.cache.is_absolute()


def test_what_is_chosen_is_set_and_none_leaves_the_default() -> None:
    settings = load_settings("there", environment={}, model=None, threshold=0.75, cache="somewhere")

    assert settings == Settings(index=Path("there"), threshold=0.75, cache=Path("somewhere"))


def test_the_environment_gives_the_service_and_a_choice_goes_before_it() -> None:
    environment = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://localhost:1/v1"}

    assert load_settings("index", environment=environment).api_key == KEY
    assert load_settings("index", environment=environment).base_url == "http://localhost:1/v1"
    assert load_settings("index", environment=environment, api_key="mine").api_key == "mine"
    assert load_settings("index", environment={"OPENAI_API_KEY": ""}).api_key is None


def test_the_environment_is_read_when_settings_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    assert load_settings("index").api_key == KEY


def test_the_key_is_in_no_representation() -> None:
    settings = load_settings("index", environment={}, api_key=KEY)

    assert KEY not in repr(settings)
    assert KEY not in str(settings)


def test_an_unknown_setting_is_refused_with_those_there_are() -> None:
    with pytest.raises(SettingsError, match=r"unknown setting 'treshold': there are .*\bthreshold\b"):
        load_settings("index", environment={}, treshold=0.5)


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        ({"threshold": "high"}, "wrong kind"),
        ({"threshold": 1.01}, "threshold 1.01 is not between 0 and 1"),
        ({"threshold": -0.1}, "threshold -0.1 is not between 0 and 1"),
        ({"threshold": float("nan")}, "threshold nan is not between 0 and 1"),
        ({"model": "oracle"}, "unknown model 'oracle'"),
        ({"model": 3}, "model"),
        ({"model": "openai"}, "unknown model 'openai'"),
        ({"unsupported": "hide"}, "unsupported 'hide' is neither 'mark' nor 'drop'"),
        ({"window": 100}, "window 100 is too small"),
        ({"evidence_tokens": 0}, "evidence_tokens 0"),
        ({"max_cost": 0}, "max_cost 0"),
        ({"max_cost": float("inf")}, "max_cost inf"),
        ({"max_total_cost": -1.0}, "max_total_cost -1"),
        ({"price": (1.0, -1.0)}, "price"),
        ({"price": (1.0,)}, "price"),
        ({"timeout": 0}, "timeout 0"),
        ({"embedding_model": "word2vec"}, "unknown embedding model 'word2vec'"),
        ({"embedding_model": "openai:"}, "unknown embedding model 'openai:'"),
        ({"embedding_model": 3}, "embedding_model is not text"),
        ({"base_url": 3}, "base_url is not text"),
        ({"api_key": 3}, "api_key is not text"),
    ],
)
def test_a_setting_that_can_not_be_is_refused_by_name(chosen: dict[str, Any], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason) as refusal:
        load_settings("index", environment={}, **chosen)

    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("environment", "model"),
    [
        ({}, "quotes"),
        ({"OPENAI_API_KEY": KEY}, DEFAULT_MODEL),
        ({"OPENAI_BASE_URL": "https://api.openai.com/v1"}, DEFAULT_MODEL),
        ({"OPENAI_BASE_URL": "http://localhost:1/v1"}, SERVED_MODEL),
        ({"OPENAI_BASE_URL": "http://localhost:1/v1", "OPENAI_API_KEY": KEY}, SERVED_MODEL),
        ({"OPENAI_API_KEY": KEY, "ASSISTANT_MODEL": "quotes"}, "quotes"),
        ({"ASSISTANT_MODEL": "anthropic:claude-sonnet"}, "anthropic:claude-sonnet"),
    ],
)
def test_the_environment_chooses_what_answers_and_a_choice_goes_before_it(
    environment: dict[str, str], model: str
) -> None:
    assert load_settings("index", environment=environment).model == model
    assert load_settings("index", environment=environment, model="quotes").model == "quotes"
    assert load_settings("index", environment=environment, model="openai:x").model == "openai:x"


def test_tiktoken_s_folder_is_found_as_tiktoken_does() -> None:
    environment = {"DATA_GYM_CACHE_DIR": "gym"}

    assert load_settings("index", environment=environment).vocabularies == Path("gym")
    environment["TIKTOKEN_CACHE_DIR"] = "tiktoken"
    assert load_settings("index", environment=environment).vocabularies == Path("tiktoken")
    assert load_settings("index", environment={}).vocabularies.name == "data-gym-cache"


def test_an_index_that_is_no_path_is_refused() -> None:
    with pytest.raises(SettingsError, match="wrong kind"):
        load_settings(3, environment={})  # type: ignore[arg-type]


def test_a_key_of_the_wrong_kind_is_not_shown() -> None:
    with pytest.raises(SettingsError) as refusal:
        load_settings("index", environment={}, api_key=KEY.encode())

    assert KEY not in str(refusal.value)


@pytest.mark.parametrize("model", [LOCAL_EMBEDDING_MODEL, "openai:text-embedding-3-small", "openai:org/model:tag"])
def test_an_embedding_model_is_the_local_one_or_an_endpoint_s(model: str) -> None:
    assert load_settings("index", environment={}, embedding_model=model).embedding_model == model


def test_the_index_is_found_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    environment = {"ASSISTANT_INDEX": "from-environment"}
    users = find_index(None, environment={}, here=tmp_path)

    assert find_index(Path("chosen"), environment=environment, here=tmp_path) == Path("chosen")
    assert find_index(None, environment=environment, here=tmp_path) == Path("from-environment")
    assert users.is_absolute()
    assert users.name == "index"
    assert tmp_path / "index" != users

    (tmp_path / "index").mkdir()
    assert find_index(None, environment={}, here=tmp_path) == users
    assert find_index(None, environment={"ASSISTANT_INDEX": ""}, here=tmp_path) == users

    (tmp_path / "index" / LIBRARY_FILE).touch()
    assert find_index(None, environment={}, here=tmp_path) == Path("index")


def test_the_index_of_a_checkout_is_used_before_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "news-assistant"\n')

    assert find_index(None, environment={}, here=tmp_path) == Path("index")


@pytest.mark.parametrize(
    "project", ['[project]\nname = "another"', "", "not = [toml", "project = 3", "project = ['name']", "\udcff"]
)
def test_another_folder_is_no_checkout(tmp_path: Path, project: str) -> None:
    (tmp_path / "pyproject.toml").write_bytes(project.encode("utf-8", "surrogateescape"))

    assert not is_checkout(tmp_path)
    assert not is_checkout(tmp_path / "gone")


def test_this_project_is_a_checkout() -> None:
    assert is_checkout(Path(__file__).parent.parent)


def test_today_is_a_date() -> None:
    assert load_settings("index", today="2025-03-15").today == date(2025, 3, 15)
    assert load_settings("index", today=date(2025, 3, 15)).today == date(2025, 3, 15)
    for wrong in ("yesterday", 5):
        with pytest.raises(SettingsError, match="today"):
            load_settings("index", today=wrong)


def test_only_a_service_that_is_named_to_us_may_see_prompts() -> None:
    for variable in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"):
        assert not load_settings("index", environment={variable: "true"}).tracing

    assert load_settings("index", environment={"ASSISTANT_TRACING": "langsmith"}).tracing
    with pytest.raises(SettingsError, match="'true' is no service that prompts can be shown to: 'langsmith'"):
        load_settings("index", environment={"ASSISTANT_TRACING": "true"})


@pytest.mark.parametrize("value", ["1", "true", "yes"])
def test_offline_quotes_answer_whatever_the_environment_has(value: str) -> None:
    environment = {"ASSISTANT_OFFLINE": value, "ASSISTANT_MODEL": "openai:tiny", "OPENAI_API_KEY": "sk-0"}

    settings = load_settings("index", environment=environment)

    assert (settings.offline, settings.model) == (True, "quotes")
    assert not load_settings("index", environment={**environment, "ASSISTANT_OFFLINE": "0"}).offline
    assert not load_settings("index", environment=environment, offline=False).offline


def test_a_model_that_is_chosen_can_not_be_asked_offline() -> None:
    with pytest.raises(SettingsError, match=r"^'openai:tiny' can't be asked offline: .* --model quotes$"):
        load_settings("index", environment={}, model="openai:tiny", offline=True)


# A shared library


@pytest.mark.parametrize(
    "url",
    [
        "https://chroma.example",
        "http://127.0.0.1:8000",
        "http://localhost:8000",
        "http://[::1]:8000",
        "https://10.0.0.1/x",
    ],
)
def test_an_address_of_a_server_is_taken(url: str) -> None:
    assert load_settings("index", environment={"ASSISTANT_CHROMA_URL": url}).chroma == url


@pytest.mark.parametrize(
    "url",
    [
        "chroma.example",
        "ftp://a.example",
        "https://",
        "https://a:b@c.example",
        "https://a.example:x",
        "https://a.example?b=c",
    ],
)
def test_what_is_no_address_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        load_settings("index", environment={}, chroma=url)


@pytest.mark.parametrize("host", ["chroma.example", "10.0.0.1", "localhost.example", "0.0.0.0", "127.0.0.1.example"])
def test_another_machine_is_spoken_to_unencrypted_only_where_that_is_allowed(host: str) -> None:
    with pytest.raises(SettingsError, match="--insecure"):
        load_settings("index", environment={}, chroma=f"http://{host}:8000")

    assert load_settings("index", environment={}, chroma=f"http://{host}:8000", insecure=True).insecure


def test_the_key_of_chroma_cloud_goes_to_chroma_cloud_alone() -> None:
    environment = {"CHROMA_API_KEY": KEY, "CHROMA_TENANT": "t", "CHROMA_DATABASE": "d"}
    cloud = load_settings("index", environment=environment, chroma="https://api.trychroma.com")
    others = [
        load_settings("index", environment=environment, chroma=url)
        for url in ("https://chroma.example", "https://trychroma.com.example", "http://localhost:1", None)
    ]

    assert (cloud.chroma_token, cloud.chroma_tenant, cloud.chroma_database) == (KEY, "t", "d")
    assert not any(settings.chroma_token for settings in others)
    assert KEY not in repr(cloud)


def test_a_token_goes_before_the_key_and_is_shown_nowhere() -> None:
    environment = {"CHROMA_API_KEY": "other", "ASSISTANT_CHROMA_TOKEN": KEY}

    settings = load_settings("index", environment=environment, chroma="https://api.trychroma.com")

    assert settings.chroma_token == KEY
    assert KEY not in repr(settings)


def test_each_index_names_a_library_of_its_own() -> None:
    given = [
        "index",
        "news",
        "news-2025",
        "News",
        "a/b",
        "a-b",
        "/tmp/x/index",
        "/tmp/y/index",
        "../index",
        "新聞",
        "a" * 300,
    ]

    names = [name_library(Path(each)) for each in given]

    assert names[:3] == ["index", "news", "news-2025"]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", name) for name in names)
    assert name_library(find_index(None, environment={}, here=Path("/nowhere"))) == "index"


def test_a_verifier_is_of_a_language_model(tmp_path: Path) -> None:
    named = {"ASSISTANT_VERIFIER": "openai:judge"}

    def load(environment: dict[str, str] = named, **chosen: Any) -> str | None:
        return load_settings(tmp_path, environment=environment, **chosen).verifier

    assert load(model="openai:tiny") == "openai:judge"
    assert load(model="openai:tiny", verifier="openai:other") == "openai:other"
    # What is set once for all isn't meant where it can't be; quotes may give way to a model in a chat.
    assert load(model="quotes") == "openai:judge"
    assert load(offline=True) is None
    for problem, chosen in (
        ("quotes are verbatim", {"model": "quotes", "verifier": "openai:judge"}),
        ("quotes are verbatim", {"verifier": "openai:judge"}),
        ("can't be asked offline", {"verifier": "openai:judge", "offline": True}),
        ("unknown verifier 'judge'", {"model": "openai:tiny", "verifier": "judge"}),
        (r"verifier_price \(-1, 2\)", {"model": "openai:tiny", "verifier_price": (-1, 2)}),
    ):
        with pytest.raises(SettingsError, match=problem):
            load(**chosen)
