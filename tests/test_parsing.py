import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from pdf_files import Run, write_lines, write_pdf, write_streams

from assistant import parsing
from assistant.documents import Outcome
from assistant.errors import ArticleError
from assistant.parsing import AHEAD_DOCUMENTS, Parser
from assistant.reading import read_document
from assistant.types import Article, Document


def make(name: str, text: str = "It rained.") -> Document:
    data = write_pdf([write_lines(text)]) if name.endswith(".pdf") else text.encode()
    return Document(name, data, url=f"https://courier.example/{name}")


def get_text(outcomes: tuple[Outcome, ...]) -> str:
    return " ".join(outcome.text if isinstance(outcome, Article) else str(outcome) for outcome in outcomes)


def list_children() -> set[int]:
    """List the processes that this one has started and that go on.

    Each process says whose child it is: the lists that are kept of children leave some out while others come and go.
    """
    children = set()
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            state, parent = file.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                children.add(int(file.parent.name))
    return children


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no list of processes here")
GOOD = make("good.pdf")


def test_documents_are_read_in_their_order_as_they_are_read_here() -> None:
    documents = [make(f"{number}.{suffix}") for number in range(10) for suffix in ("pdf", "txt", "md")]
    documents.append(
        Document("all.jsonl", b'{"text": "A", "published": "2025-03-15T09:30:00+02:00"}\n{\n{"text": "B"}')
    )

    with Parser() as parser:
        found = list(parser.parse(documents))

    assert [document for document, _ in found] == documents
    for document, outcomes in found:
        assert [repr(outcome) for outcome in outcomes] == [repr(outcome) for outcome in read_document(document)]


def test_what_can_not_be_read_is_an_error_in_its_place() -> None:
    documents = [
        make("a.txt", " "),
        GOOD,
        Document("b.pdf", b"%PDF-1.7"),
        Document("c.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    ]

    with Parser() as parser:
        found = list(parser.parse(documents))

    assert get_text(found[0][1]) == "a.txt: empty: there is no text in it"
    assert get_text(found[1][1]) == "It rained."
    assert get_text(found[2][1]).startswith("b.pdf: can't be read")
    assert get_text(found[3][1]).startswith("c.doc: an Office document of the old kind")


@needs_proc
def test_text_needs_no_process_and_others_need_one_that_is_kept() -> None:
    before = list_children()
    with Parser() as parser:
        list(parser.parse([make("a.txt")]))
        assert list_children() == before

        list(parser.parse([GOOD]))
        started = list_children() - before
        list(parser.parse([GOOD, make("a.txt"), GOOD]))
        assert len(started) >= 1
        assert started <= list_children()

    assert list_children() == before


@needs_proc
def test_the_processes_that_read_know_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://user:canary@models.example")
    monkeypatch.setenv("LC_PAPER", "known")
    before = list_children()
    with Parser() as parser:
        list(parser.parse([GOOD]))
        environments = [Path(f"/proc/{child}/environ").read_bytes() for child in list_children() - before]

    assert environments
    assert all(b"canary" not in environment and b"LC_PAPER=known" in environment for environment in environments)


def test_a_document_that_takes_too_long_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "FIRST_SECONDS", 1)
    # Some 6,000 bytes when they are packed, which earn it no more time.
    endless = Document("endless.pdf", write_streams([b"BT /F1 11 Tf " + b"(word) Tj 1 0 Td " * 170_000 + b"ET"]))

    with Parser() as parser:
        found = [get_text(outcomes) for _, outcomes in parser.parse([GOOD, endless, GOOD])]

    assert found == ["It rained.", "endless.pdf: can't be read: it takes more than 1 s; split it", "It rained."]


def test_a_document_that_waits_is_ended_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "PATIENCE", 0)

    with Parser() as parser:
        (late,) = [get_text(outcomes) for _, outcomes in parser.parse([GOOD])]
        monkeypatch.undo()
        (next_one,) = [get_text(outcomes) for _, outcomes in parser.parse([GOOD])]

    assert late == f"good.pdf: can't be read: it takes more than {parsing.FIRST_SECONDS} s; split it"
    assert next_one == "It rained."


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is looked at from outside here")
def test_a_document_that_needs_too_much_memory_costs_no_other() -> None:
    large = Document("large.jsonl", b'{"text": "a", "x": [' + b"[]," * 7_500_000 + b"[]]}")

    with Parser() as parser:
        found = [get_text(outcomes) for _, outcomes in parser.parse([GOOD, large, GOOD])]

    assert found == ["It rained.", "large.jsonl: can't be read: it needs more than 400 MB of memory", "It rained."]


@needs_proc
def test_a_process_that_is_killed_costs_no_other_document() -> None:
    before = list_children()
    slow = Document("slow.pdf", write_pdf([[Run(72, 700, "It rained.")]] * 2_000))

    with Parser() as parser:
        found = parser.parse([GOOD, slow, slow, GOOD])
        next(found)
        for process in list_children() - before:
            os.kill(process, signal.SIGKILL)
        rest = [get_text(outcomes) for _, outcomes in found]

    assert any("ended with -9" in each for each in rest)
    assert rest[-1] == "It rained."


def test_it_reads_ahead_as_far_as_it_may() -> None:
    taken = threading.Semaphore(0)
    count = 0

    def list_documents() -> Iterator[Document]:
        nonlocal count
        for number in range(AHEAD_DOCUMENTS * 3):
            count += 1
            taken.release()
            yield make(f"{number}.txt")

    with Parser() as parser:
        found = parser.parse(list_documents())
        next(found)
        for _ in range(AHEAD_DOCUMENTS + 1):
            taken.acquire()
        assert count == AHEAD_DOCUMENTS + 1
        assert len(list(found)) == AHEAD_DOCUMENTS * 3 - 1


def test_what_its_documents_raise_is_raised_after_those_before() -> None:
    def list_documents() -> Iterator[Document]:
        yield GOOD
        raise OSError("gone")

    with Parser() as parser:
        found = parser.parse(list_documents())
        assert get_text(next(found)[1]) == "It rained."
        with pytest.raises(OSError, match="gone"):
            next(found)
        assert get_text(next(parser.parse([GOOD]))[1]) == "It rained."


@needs_proc
def test_leaving_early_ends_what_is_going_on() -> None:
    before = list_children()
    slow = Document("slow.pdf", write_pdf([[Run(72, 700, "It rained.")]] * 2_000))
    with Parser() as parser:
        for _ in parser.parse([GOOD, slow, slow, slow]):
            break
        assert list_children() == before

        assert get_text(next(parser.parse([GOOD]))[1]) == "It rained."


SCRIPT = """
import sys
sys.path[:0] = [{tests!r}]
from pdf_files import Run, write_pdf
from assistant.parsing import Parser
from assistant.types import Document

slow = Document("slow.pdf", write_pdf([[Run(72, 700, "It rained.")]] * 2_000), url="https://courier.example")
quick = Document("quick.pdf", write_pdf([[Run(72, 700, "It rained.")]]), url="https://courier.example")
try:
    with Parser() as parser:
        for document, outcomes in parser.parse([quick, slow, slow, slow, slow]):
            [child] = [child._process.pid for child in parser._children if child._process][:1]
            print(child, flush=True)
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals are others there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_its_processes_end_with_it_and_say_nothing(number: signal.Signals) -> None:
    script = textwrap.dedent(SCRIPT.format(tests=str(Path(__file__).parent)))
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parent.parent,
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())

    os.killpg(process.pid, number)
    output, errors = process.communicate()

    assert errors == ""
    assert output == ("stopped\n" if number == signal.SIGINT else "")
    for _ in range(100):  # it looks for its parent from time to time
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            break
        if Path(f"/proc/{child}/stat").exists() and ") Z " in Path(f"/proc/{child}/stat").read_text():
            break
        threading.Event().wait(0.1)
    else:
        pytest.fail("it goes on")


def test_a_reply_that_makes_no_sense_is_a_failure_of_its_document() -> None:
    talker = [
        sys.executable,
        "-c",
        "import sys; sys.stdout.buffer.write(bytes(7) + bytes([2]) + b'{}'); sys.stdin.read()",
    ]
    with subprocess.Popen(talker, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert parsing._exchange(process, b"") == (None, True)
        process.kill()


def test_nothing_is_read_by_a_parser_whose_child_was_ended_for_good() -> None:
    child = parsing._Child()
    child.end()

    with pytest.raises(ArticleError, match="nobody asks for it"):
        child.read(GOOD, 1)
