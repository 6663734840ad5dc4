"""Promises of SECURITY.md that belong to no single module; it names the tests of the others."""

import io
import json
import logging
import os
import pickle
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from answer_records import make_answer
from chromadb.utils.embedding_functions import known_embedding_functions, register_embedding_function
from libraries import (
    LARGE,
    add,
    assert_nearest_is_exact,
    generation_folders,
    is_chroma_used,
    make_article,
    make_vectors,
    nearest,
    opened,
)
from model_server import Fails, ModelServer, Says, error_body

from assistant import Assistant, LibraryDamagedError, LibraryError
from assistant.cli import main
from assistant.conversations import CONVERSATIONS_FILE
from assistant.library import CHROMA_FOLDER, HOLDER_FILE, LOCK_FILE, Library
from assistant.replies import REPLIES_FILE, Reply, ReplyCache
from assistant.settings import LIBRARY_FILE
from assistant.vectors import DATABASE_FILE, record_segments

ROOT = Path(__file__).parent.parent
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
ARTICLE = "# Bridge reopens\n\nThe old bridge at Alder reopened on Monday after repairs that cost £2.4m.\n"
QUESTION = "What did the repairs of the bridge cost?"


# The document


def test_every_promise_names_tests_that_exist() -> None:
    named = re.findall(r"`(tests/test_\w+\.py)::(test_\w+)`", SECURITY)

    assert len(named) > 40
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{test}"


def test_every_row_of_a_table_of_promises_names_a_test() -> None:
    rows = [
        line for line in SECURITY.splitlines() if line.startswith("| ") and not line.startswith(("| what |", "| who |"))
    ]

    assert len(rows) > 20
    for row in rows:
        assert re.search(r"`tests/test_\w+\.py::test_\w+`", row), row


# An index from others


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with a generation that Chroma has written out; copy it before you touch it."""
    folder = tmp_path_factory.mktemp("made") / "index"
    with opened(folder) as library:
        add(library, make_article("long", LARGE))
    return folder


@pytest.fixture
def given(made: Path, tmp_path: Path) -> Path:
    """A copy of it, which somebody gives us; what is altered in it is altered by him."""
    folder = tmp_path / "index"
    shutil.copytree(made, folder)
    return folder


def alter(folder: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(folder / LIBRARY_FILE)) as connection, connection:
        connection.execute(sql, values)


def record_again(folder: Path) -> None:
    """Have the library record the files of its generation as they are now."""
    with closing(sqlite3.connect(folder / LIBRARY_FILE)) as connection, connection:
        (name,) = connection.execute("SELECT folder FROM generations").fetchone()
        files = record_segments(folder / CHROMA_FOLDER / name)
        written = json.dumps([{"name": file.name, "size": file.size, "modified": file.modified} for file in files])
        connection.execute("UPDATE generations SET segments = ?", (written,))


def test_a_path_for_the_name_of_a_generation_is_not_followed(given: Path, tmp_path: Path) -> None:
    (generation,) = (given / CHROMA_FOLDER).iterdir()
    elsewhere = tmp_path / "elsewhere"
    generation.rename(elsewhere)
    before = {path: path.stat().st_mtime_ns for path in elsewhere.rglob("*")}

    for name in (str(elsewhere), "../../elsewhere", ".", ""):
        alter(given, "UPDATE generations SET folder = ?", name)
        with opened(given) as library:
            assert_nearest_is_exact(library)
            assert not is_chroma_used(library)

    with opened(given) as library:
        add(library, make_article("short", 3))
        assert is_chroma_used(library)
    assert {path: path.stat().st_mtime_ns for path in elsewhere.rglob("*")} == before


@pytest.mark.parametrize("name", [LIBRARY_FILE, CHROMA_FOLDER, HOLDER_FILE, LOCK_FILE])
def test_a_link_in_an_index_is_not_followed(given: Path, tmp_path: Path, name: str) -> None:
    target = tmp_path / "target"
    if (given / name).exists():
        (given / name).rename(target)
    else:
        target.write_text("precious")
    before = target.read_bytes() if target.is_file() else sorted(target.rglob("*"))
    (given / name).symlink_to(target)

    with opened(given) as library, pytest.raises(LibraryError, match="a link out of the index, which is not followed"):
        add(library, make_article("short", 3))

    assert (target.read_bytes() if target.is_file() else sorted(target.rglob("*"))) == before


def test_a_link_in_a_generation_is_given_to_nobody(given: Path, tmp_path: Path) -> None:
    (generation,) = (given / CHROMA_FOLDER).iterdir()
    target = tmp_path / "chroma.sqlite3"
    (generation / DATABASE_FILE).rename(target)
    (generation / DATABASE_FILE).symlink_to(target)
    before = target.stat().st_mtime_ns

    with opened(given) as library:
        assert_nearest_is_exact(library)
        assert not is_chroma_used(library)

    assert target.stat().st_mtime_ns == before


def test_links_in_the_place_of_conversations_and_replies_lead_nowhere(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    folder.mkdir()
    for name in (CONVERSATIONS_FILE, REPLIES_FILE):
        (folder / name).symlink_to(tmp_path / f"made-by-{name}")

    with Assistant.open(folder, model="quotes") as assistant:
        with pytest.raises(LibraryError, match="a link"):
            assistant.conversations.keep("2026-11-22-k3f9", make_answer(1))
        assert assistant.conversations.list() == []
    ReplyCache(folder).put("key", Reply("text"), is_current=lambda: True)

    assert ReplyCache(folder).get("key") is None
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


@pytest.mark.parametrize(
    "code",
    [
        "CREATE TRIGGER t AFTER INSERT ON articles BEGIN DELETE FROM articles; END",
        "CREATE VIEW v AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x FROM c) SELECT count(*) FROM c",
        "CREATE TABLE computed (a, b AS (zeroblob(1000000000)))",
        "CREATE INDEX expression ON articles (zeroblob(length(title)))",
        "CREATE VIRTUAL TABLE other USING fts5 (text)",
    ],
)
def test_code_in_a_library_is_refused_before_it_runs(given: Path, code: str) -> None:
    alter(given, code)

    with opened(given) as library, pytest.raises(LibraryDamagedError, match="which no version of the assistant made"):
        add(library, make_article("short", 3))


def test_code_in_the_database_of_a_generation_is_given_to_nobody(given: Path) -> None:
    (generation,) = (given / CHROMA_FOLDER).iterdir()
    with closing(sqlite3.connect(generation / DATABASE_FILE)) as connection, connection:
        connection.execute("CREATE TRIGGER t AFTER UPDATE ON collections BEGIN DELETE FROM collections; END")

    with opened(given) as library:
        assert_nearest_is_exact(library)
        assert not is_chroma_used(library)


def test_a_value_that_is_too_large_is_not_read(given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.library.MAX_VALUE_BYTES", 100_000)
    alter(given, "UPDATE articles SET text = CAST(zeroblob(100001) AS TEXT)")

    with (
        opened(given) as library,
        pytest.raises(LibraryDamagedError, match="too big"),
        library.snapshot() as snapshot,
    ):
        snapshot.article("long")


class Payload:
    """What writes a file when a pickle of it is read."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.file}",)


def test_a_pickle_in_an_index_runs_nothing(given: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    (file,) = given.glob(f"{CHROMA_FOLDER}/*/*/index_metadata.pickle")
    file.write_bytes(pickle.dumps(Payload(canary)))
    record_again(given)

    with opened(given) as library:
        assert_nearest_is_exact(library)

    assert not canary.exists()
    pickle.loads(file.read_bytes())
    assert canary.exists()  # so it would have been seen


class Canary:
    """An embedding function that says when it is made."""

    made: list[object]

    def __init__(self, *_: object, **__: object) -> None:
        Canary.made.append(self)

    def __call__(self, input: list[str]) -> list[Any]:
        return [np.ones(8, np.float32) for _ in input]

    @staticmethod
    def name() -> str:
        return "canary"

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> "Canary":
        return Canary(config)

    def get_config(self) -> dict[str, Any]:
        return {}


def test_what_a_given_index_names_is_not_constructed_by_asking_adding_or_repairing(given: Path) -> None:
    Canary.made = []
    register_embedding_function(Canary)
    (generation,) = (given / CHROMA_FOLDER).iterdir()
    named = json.dumps({"hnsw": {}, "embedding_function": {"type": "known", "name": "canary", "config": {}}})
    with closing(sqlite3.connect(generation / DATABASE_FILE)) as connection, connection:
        connection.execute("UPDATE collections SET config_json_str = ?", (named,))

    try:
        with opened(given) as library:
            assert_nearest_is_exact(library)
            assert not is_chroma_used(library)
            add(library, make_article("short", 3))
            assert is_chroma_used(library)
            assert generation not in generation_folders(library)[-1:]
    finally:
        del known_embedding_functions["canary"]

    assert Canary.made == []


def test_a_dotenv_where_one_stands_chooses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: Library
) -> None:
    """Chroma's settings would come from it: a class of any name to construct, and a server to report to."""
    (tmp_path / ".env").write_text("CHROMA_API_IMPL=evil.Api\nCHROMA_OTEL_COLLECTION_ENDPOINT=http://192.0.2.1:4317\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHROMA_SYSDB_IMPL", "evil.Database")

    add(library, make_article("short", 3))

    assert is_chroma_used(library)


def test_an_index_knows_nothing_of_another(tmp_path: Path) -> None:
    with opened(tmp_path / "one") as one, opened(tmp_path / "other") as other:
        add(one, make_article("mine", 5))
        add(other, make_article("yours", 300), seed=1)

        with one.snapshot() as snapshot:
            assert [article.id for article in snapshot.articles()] == ["mine"]
            assert {stored.article.id for stored in snapshot.load(list(range(1, 400)))} == {"mine"}
        assert {id for id, _ in nearest(one, make_vectors(1)[0], 50)} == set(range(1, 6))


# The key


KEY = "sk-canary-Zq7RkW2mPx94TtLbVn83"
PASSWORD = "hunter-Xw81pQ"
ECHOES = [
    Fails(401, error_body(f"Incorrect API key provided: {KEY[:12]}****{KEY[-6:]}. {KEY}", "invalid_api_key")),
    Fails(403, error_body(f"Not for {KEY}")),
    Fails(400, error_body(f"bad request with Bearer {KEY} or its part {KEY[:14]}, {KEY[-8:]!r} and {PASSWORD}")),
    Fails(404, error_body(f"no model for {KEY}")),
    Fails(429, error_body(f"slow down, {KEY}", "insufficient_quota")),
    Fails(418, f"not even JSON, {KEY}".encode()),
    Fails(200, f"<html>{KEY}</html>".encode()),
]


def find_leaks(text: str) -> list[str]:
    parts = {KEY[start : start + 8] for start in range(len(KEY) - 7)} - {KEY[:8], KEY[1:9], KEY[2:10]}  # "sk-canary-"
    return sorted(part for part in {*parts, PASSWORD} if part in text)


def read_all(*folders: Path) -> str:
    """Read the names and bytes of all files below, as text; of large ones, which are models, the beginning."""
    paths = [path for folder in folders for path in folder.rglob("*")]
    texts = [path.read_bytes()[:5_000_000].decode("latin-1") for path in paths if path.is_file()]
    return "\n".join([*map(str, paths), *texts])


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Run the command line with the key in the environment: its status, and all that it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def run(*arguments: str, typed: str = "") -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["assistant", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed.encode())))
        with pytest.raises(SystemExit) as stopped:
            main()
        printed = capsys.readouterr()
        return int(stopped.value.code or 0), printed.out + printed.err

    return run


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that anybody logs, down to the smallest."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    root = logging.getLogger()
    names = ("", "openai", "httpx2", "httpcore2", "langchain_openai", "langchain_core", "chromadb", "asyncio")
    before = {name: logging.getLogger(name).level for name in names}
    root.addHandler(handler)
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def test_the_key_is_in_no_output_log_or_file_of_any_command(
    run: Callable[..., tuple[int, str]],
    log: io.StringIO,
    server: ModelServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "bridge.md").write_text(ARTICLE, encoding="utf-8")
    (tmp_path / "late.pdf").write_bytes(b"%PDF-1.7")
    monkeypatch.setattr("assistant.parsing.PATIENCE", 0)  # what reads it is killed
    (tmp_path / "cases.jsonl").write_text(json.dumps({"question": QUESTION, "answers": ["£2.4m"]}), encoding="utf-8")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url.replace("://", f"://user:{PASSWORD}@"))
    echo = f"The repairs cost £2.4m [1]. The key is {KEY} and the password {PASSWORD} [1]."
    server.script = lambda _: Says([echo[:60], echo[60:65], echo[65:]])  # in the middle of the key
    index = ("--index", str(tmp_path / "index"))
    model = ("--model", "openai:tiny", "--debug")
    runs: list[tuple[tuple[str, ...], str, int]] = [
        (("index", "bridge.md", *index, "--debug"), "", 0),
        (("ask", QUESTION, *index, *model, "--json", "--html", "answer.html"), "", 0),
        (("ask", "--questions", "-", *index, *model), f"{QUESTION}\n", 0),
        (("chat", *index, *model), f"{QUESTION}\n/model\n/export chat.json\n", 0),
        (("search", QUESTION, *index, "--json"), "", 0),
        (("evaluate", "cases.jsonl", *index, *model, "--out", "result.json"), "", 0),
        (("history", *index), "", 0),
        (("check", "chat.json", *index), "", 0),
        (("doctor", *index), "", 0),
        (("export", "library.jsonl", *index), "", 0),
        (("import", "library.jsonl", "--index", str(tmp_path / "other")), "", 0),
        (("ask", QUESTION, *index, "--embedding-model", "openai:small", "--debug"), "", 2),
        (("ask", QUESTION, *index, "--model", "openai:", "--debug", "--max-cost", "1"), "", 2),
        (("index", "late.pdf", *index, "--debug"), "", 2),
    ]
    printed = ""
    for arguments, typed, status in runs:
        ended, text = run(*arguments, typed=typed)
        assert ended == status, (arguments, text)
        printed += text
    heard = len(server.requests)
    server.script = lambda request: next(
        reply for reply in ECHOES if f"{QUESTION} {reply.status}" in request["messages"][1]["content"]
    )
    asked = "".join(f"{QUESTION} {reply.status}\n" for reply in ECHOES)
    status, text = run("ask", "--questions", "-", *index, *model, "--no-cache", typed=asked)
    assert (status, len(server.requests)) == (2, heard + len(ECHOES))
    printed += text
    with monkeypatch.context() as hurried:
        hurried.setattr("assistant.models.chat.LOCAL_TIMEOUT_SECONDS", 0.2)
        server.script = lambda _: Says(["The repairs", " cost"], stall_seconds=0.5)
        status, text = run("ask", f"{QUESTION} Slowly?", *index, *model, "--no-cache")
    assert (status, "longer than 0.2 seconds" in text) == (2, True)
    printed += text
    monkeypatch.setenv("OPENAI_BASE_URL", f"https://user:{PASSWORD}@[::1/")
    printed += run("ask", QUESTION, *index, *model)[1]
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")  # where nobody listens
    printed += run("ask", QUESTION, *index, *model)[1]

    sent = [header.get("authorization", "") for header in server.headers]
    assert any(PASSWORD not in value and value for value in sent)  # as Basic, which hides nothing but the eye
    assert "Traceback" in printed
    assert "The key is *** and the password ***" in " ".join(printed.split())
    assert "it takes more than 3 s" in printed
    assert find_leaks(f"a word with {KEY[5:15]} in it") != []
    assert find_leaks(printed) == []
    assert find_leaks(log.getvalue()) == []
    assert find_leaks(read_all(tmp_path, Path(os.environ["HOME"]))) == []


def test_the_key_is_not_in_what_openai_logs_nor_in_the_traceback_of_a_crash(
    server: ModelServer, tmp_path: Path
) -> None:
    (tmp_path / "bridge.md").write_text(ARTICLE, encoding="utf-8")
    server.script = lambda _: Fails(401, error_body(f"no such key: {KEY}"))
    # What goes wrong where nobody expects it has a traceback, and that has the lines of code, never the values.
    script = """
import sys
from assistant import cli, front

def run():
    try:
        cli.main()
    except SystemExit as end:
        print("ended with", end.code)

run()
front.run_steps = None
run()
"""
    environment = {
        **os.environ,
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": server.base_url,
        "OPENAI_LOG": "debug",
        "PYTHONFAULTHANDLER": "1",
    }

    command = [sys.executable, "-c", script, "ask", QUESTION, "bridge.md", "--model", "openai:tiny", "--debug"]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    said = ended.stdout + ended.stderr
    assert ended.stdout.split("\n").count("ended with 2") == 2
    assert "Building HTTP request" in said  # so OpenAI's own log was there
    assert "'NoneType' object is not callable" in said
    assert find_leaks(said) == []
    assert find_leaks(read_all(tmp_path)) == []


def test_no_option_takes_a_key() -> None:
    source = (ROOT / "assistant" / "cli.py").read_text(encoding="utf-8")

    assert re.search(r"^    max_cost: \w+", source, re.MULTILINE)  # of which typer makes --max-cost
    assert not re.search(r"^    \w*(?:key|password|token|secret)\w*: \w+", source, re.MULTILINE)


def test_nothing_is_written_for_a_spreadsheet() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "assistant").rglob("*.py"))

    assert "csv.DictReader" in sources  # of which cases are read
    assert not re.search(r"csv\.(?:Dict)?[wW]riter|to_csv|to_excel|openpyxl|text/csv\"", sources)


# The network


_WATCH = """
import atexit, os, sys

def watch(event, arguments):
    is_name = event.startswith("socket.get") and event != "socket.gethostname"
    is_address = event in ("socket.connect", "socket.sendto", "socket.sendmsg")
    if is_name or (is_address and arguments[0].family in (2, 10)):
        with open(os.environ["WATCHED"], "a") as file:
            file.write(f"{event} {arguments[1:]}\\n")

def note():
    with open(os.environ["WATCHED"] + ".modules", "a") as file:
        file.write("\\n".join(sys.modules) + "\\n")

sys.addaudithook(watch)
atexit.register(note)
"""


def test_the_main_job_connects_to_nothing_and_starts_no_server(tmp_path: Path) -> None:
    """Whatever the environment asks to be told; what Chroma and onnxruntime do in their own code isn't seen so."""
    watched, site = tmp_path / "watched", tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(_WATCH, encoding="utf-8")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("COV")},
        "PYTHONPATH": str(site),
        "WATCHED": str(watched),
        **dict.fromkeys(("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2", "ANONYMIZED_TELEMETRY"), "true"),
        "LANGSMITH_API_KEY": "lsv2_canary",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://192.0.2.1:4318",
        "CHROMA_OTEL_COLLECTION_ENDPOINT": "http://192.0.2.1:4317",
    }
    (tmp_path / "articles").mkdir()
    for name in ("2025-03-15-leaders-call.md", "2025-03-18-trump-putin-call.md"):
        shutil.copy(ROOT / "articles" / name, tmp_path / "articles")
    page = "<html><body><article><h1>Quay</h1><p>" + "The quay opened on Monday. " * 20 + "</p></article></body></html>"
    (tmp_path / "articles" / "page.html").write_text(page, encoding="utf-8")
    command = [sys.executable, "-m", "assistant", "ask", "What are Putin's conditions?", "articles", "--json"]

    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    modules = (tmp_path / "watched.modules").read_text().split()
    assert ended.returncode == 0, ended.stderr
    assert "NATO" in ended.stdout
    assert not watched.exists(), watched.read_text()
    assert {"chromadb", "assistant.vectors"} <= set(modules)
    assert not [name for name in modules if name.startswith(("chromadb.server", "fastapi", "uvicorn"))]


def test_the_watch_of_the_network_sees_what_it_watches_for(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(_WATCH, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "WATCHED": str(tmp_path / "watched")}
    script = "import socket; socket.socket().connect_ex(('127.0.0.1', 9)); socket.getaddrinfo('127.0.0.1', 9)"

    subprocess.run([sys.executable, "-c", script], env=environment, check=True)

    assert len((tmp_path / "watched").read_text().splitlines()) == 2


def test_no_code_of_ours_names_chromas_server() -> None:
    for path in (ROOT / "assistant").rglob("*.py"):
        assert "chromadb.server" not in path.read_text(encoding="utf-8"), path
