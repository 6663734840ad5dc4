import os
import signal
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chroma_runs import ChromaRun, chroma_run, make_name, open_shared
from hypothesis import settings
from model_server import ModelServer, serve

from assistant.library import Library
from assistant.shared import SharedLibrary
from assistant.types import Article

# The many processes that tests start keep their bytecode, as they do for users: compiling what they import anew in each
# of them would take more time than the tests.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A busy machine is no failure of a test.
settings.register_profile("assistant", deadline=None)
settings.load_profile("assistant")

LOOPBACK = ("localhost", "127.0.0.1", "::1")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make reaching for another machine an error of the test, not a delay."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def refuse_others(host: object) -> None:
        name = host.decode() if isinstance(host, bytes) else host
        assert name is None or name in LOOPBACK, f"a test reached for the network: {name}"

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            refuse_others(address[0])
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            refuse_others(address[0])
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        refuse_others(host)
        return getaddrinfo(host, *args, **options)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder for all tests, so that the embedding model's graph is built once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def no_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, shared_cache: Path
) -> None:
    """Give each test an empty home and nothing of what its user has set."""
    for name in os.environ:
        if name.startswith(("ASSISTANT_", "CHROMA_", "OPENAI_", "XDG_", "LANGSMITH_", "LANGCHAIN_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("XDG_CACHE_HOME", str(shared_cache))


@pytest.fixture(autouse=True)
def heeded_interrupts() -> None:
    """Have Ctrl-C stop what a test starts: a command that it stopped in this process ignores it from then on."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaRun]:
    """A Chroma server, for the shared libraries of all tests."""
    with chroma_run(tmp_path_factory.mktemp("chroma")) as run:
        yield run


@pytest.fixture
def shared_library(tmp_path: Path, chroma: ChromaRun) -> Iterator[SharedLibrary]:
    """A shared library that doesn't exist yet, whose leftovers are swept at once."""
    library = open_shared(tmp_path / "home", chroma.url, name=make_name(), grace=0)
    yield library
    library.close()


@pytest.fixture(params=["local", "shared"])
def any_library(request: pytest.FixtureRequest) -> Library | SharedLibrary:
    """A library on this machine, and one on a server, for what is true of both."""
    return request.getfixturevalue("library" if request.param == "local" else "shared_library")


@pytest.fixture
def library(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Library | SharedLibrary]:
    """A library in a folder that doesn't exist yet, or on a server where the test is to hold `everywhere`."""
    if getattr(request, "param", "local") == "shared":
        yield request.getfixturevalue("shared_library")
        return
    library = Library(tmp_path / "index", embedding_model="words")
    yield library
    library.close()


@pytest.fixture(scope="session")
def articles() -> tuple[Article, Article, Article]:
    """Three tiny articles that everyone knows by heart."""
    return (
        Article(
            id="fox",
            title="Fox clears dog",
            text="The quick brown fox jumps over the lazy dog. The dog did not wake up.",
            outlet="Forest Courier",
            author="Rey Nard",
            published=datetime(2025, 3, 15, 9, 30, tzinfo=UTC),
            url="https://forest-courier.example/fox",
        ),
        Article(
            id="jill",
            title="Two fall on hill",
            text="Jack and Jill went up the hill to fetch a pail of water.\n\nJack fell down and broke his crown.",
            outlet="Hill Herald",
            published=datetime(2025, 3, 17, 12, 0, tzinfo=UTC),
        ),
        Article(
            id="lamb", title="Lamb follows girl to school", text="Mary had a little lamb. Its fleece was white as snow."
        ),
    )


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A scripted server that speaks OpenAI's chat completions."""
    with serve() as server:
        yield server
