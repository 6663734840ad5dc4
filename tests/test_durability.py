"""What a library promises whatever happens to it: to its process, its disk, its files and its neighbours.

What Chroma was measured to do in each case (the rows), and the test that holds our promise: here, or in the module
that is named. "Never:" is a row that our design can't reach any more.

kill -9 at any time               test_nothing_is_lost_by_kills[anywhere]
kill -9 while Chroma writes       test_nothing_is_lost_by_kills[flush]
kill -9 of a chat                 test_a_conversation_is_resumed_identical_whenever_it_is_killed
kill -9 of a removal, an import   test_a_removal_is_whole_whenever_it_is_killed,
                                  test_an_import_is_whole_whenever_it_is_killed
power cut                         simulated by test_a_log_that_was_cut_off_holds_whole_articles and
                                  test_a_generation_is_on_the_disk_before_it_is_used
two writers                       test_a_second_writer_is_told_who_writes, test_a_killed_writer_holds_no_lock,
                                  test_two_writers_take_turns
reader while a writer writes      test_every_question_sees_what_was_committed_before_it
another holds SQLite's lock       test_another_program_s_lock_is_no_silence
fork after open                   test_a_fork_can_ask
many threads                      test_asyncio_may_ask_in_threads,
                                  test_library: test_many_threads_read_while_one_writes
disk full                         test_a_full_disk, test_every_page_that_has_no_room,
                                  test_every_size_that_a_file_may_not_exceed
read-only folder                  test_a_read_only_index_answers
segment file missing, short,      test_any_damage_to_a_generation
  zeroed, garbled, bytes flipped  With its size and time put back, a byte is for doctor, which compares hashes.
link_lists.bin cut off, hangs     the same: what is damaged is opened and copied by nobody, so nothing can hang
chroma.sqlite3 damaged or gone    the same
library cut off, garbled          test_garbage_in_the_library_is_damage_or_does_no_harm. Where SQLite can't
                                  tell it from content, it is for doctor too.
library empty or deleted          test_a_library_that_went_missing_is_not_begun_anew
wrong dimension, other model      test_library: test_another_embedding_model_of_the_same_dimension_is_refused
embedding function conflict       Never: none is given; test_vectors: test_a_stored_embedding_function_is_never_made
other distance silently kept      Never: a generation is created, not got or created
add() of an existing id           Never: upsert only, of ids that are never used twice
upsert merges metadata            Never: a generation holds none
update, delete of a missing id    test_library: test_removing_what_is_not_there_says_so
shrunken article                  test_a_shorter_article_leaves_nothing_of_the_longer_one
NaN or zero vector                test_models: refused from an endpoint. In a damaged file: library garbled
numbers, None, {} in metadata     Never: a generation holds none
lone surrogate, NUL               test_ingest and test_library: refused in articles, harmless in questions
1 MB article, unicode path        test_a_folder_of_any_name_and_a_long_article
collection name                   Never: it is always the same
$contains is case-sensitive       Never: it is SQLite that finds words;
                                  test_library: test_full_text_finds_text_title_outlet_and_date
more results than there are       test_vectors: test_a_generation_gives_all_it_has_when_asked_for_more
use after close                   test_library: test_closing_twice_is_fine_and_what_is_closed_stays_closed
second client, other settings     test_library: test_two_assistants_in_one_process_do_not_close_each_other
delete_collection leaves folders  test_library: test_generations_do_not_pile_up

SQLite's own calls to fsync can't be made to fail without a library of C in front of them; ours are, one by one.
"""

import asyncio
import errno
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import answer_records
import durability
import numpy as np
import pytest
from answer_records import asked_at
from durability import WORDS, Content, add, ask, check, content_of, make_article, make_embedder, opened
from earlier_versions import to_version_1
from fakes import WordEmbedder

from assistant import ingest
from assistant.cli import main
from assistant.conversations import CONVERSATIONS_FILE, Conversations
from assistant.errors import (
    AssistantError,
    LibraryDamagedError,
    LibraryError,
    LibraryLockedError,
    ModelError,
    SettingsError,
)
from assistant.exporting import export_library
from assistant.library import CHROMA_FOLDER, Library
from assistant.schema import PassageFilter
from assistant.settings import LIBRARY_FILE, load_settings
from assistant.types import Article, Conversation, Turn
from assistant.vectors import DATABASE_FILE

NUMBERS = range(60)  # articles, of some three passages each: enough for Chroma to write its segment files
BATCH = 12
FEW = range(5)
KILLS = 25  # of each kind
TURNS = 200  # of a conversation
CHAT_KILLS = 15
CHAT = "2026-01-01-abcd"
FEW_KILLS = 5  # of each removal and import
FIRST = dict.fromkeys(range(1000), (0,))

# Children come from a process that has loaded everything and started nothing, for a hundred of them must be cheap.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    [
        *("pytest", "hypothesis.strategies", "assistant.ingest", "assistant.library", "assistant.retrieval"),
        *("chromadb.api.rust", "chromadb.telemetry.product.posthog", "chromadb_rust_bindings"),
    ]
)


@contextmanager
def running(work: Callable[..., None], *arguments: object) -> Iterator[tuple[BaseProcess, Connection]]:
    """Run something in another process, to which its last argument is a pipe."""
    ours, theirs = multiprocessing.Pipe()
    process = PROCESSES.Process(target=work, args=(*arguments, theirs))
    process.start()
    theirs.close()
    try:
        yield process, ours
    finally:
        if process.is_alive():
            process.kill()
        process.join(timeout=60)
        process.close()
        ours.close()


def hear(talk: Connection, *, seconds: float = 60) -> Any:
    assert talk.poll(seconds), "nothing was said"
    return talk.recv()


def run(work: Callable[..., None], *arguments: object) -> Any:
    """Run something in another process, and say what it says."""
    with running(work, *arguments) as (_, talk):
        return hear(talk)


def failure_of(work: Callable[[], object]) -> AssistantError | None:
    try:
        work()
    except AssistantError as error:
        return error
    return None


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Content]:
    """The content of a library that nothing ever happened to, by the version of its articles."""
    folder = tmp_path_factory.mktemp("undisturbed") / "index"
    content = {}
    for version in (0, 1):
        add(folder, [make_article(number, version=version) for number in NUMBERS])
        content[version] = content_of(folder)
    return content


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a library; copy it before you touch it."""
    folder = tmp_path_factory.mktemp("large") / "index"
    add(folder, [make_article(number) for number in NUMBERS])
    return folder


@pytest.fixture
def copied(large: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(large, tmp_path / "copy"))


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Content:
    """The content of a library of a few articles that nothing ever happened to."""
    folder = tmp_path_factory.mktemp("few") / "index"
    add(folder, [make_article(number) for number in FEW])
    return content_of(folder)


# Kills ---------------------------------------------------------------------------------------------------------------


def survive_kills(root: Path, undisturbed: dict[int, Content], *, kills: int, seed: int, at_flush: bool) -> int:
    """Kill an ingest again and again, check after each kill, and let it finish; returns how many died."""
    chance = random.Random(seed)
    died = 0
    for place in range(10_000):
        folder, ledger = root / f"index-{place}", root / f"ledger-{place}"
        ledger.touch()
        for version in (0, 1):
            allowed = dict.fromkeys(NUMBERS, tuple(range(version + 1)))
            is_done = False
            while not is_done:
                process = PROCESSES.Process(
                    target=durability.ingest_batches, args=(folder, ledger, NUMBERS, BATCH, version)
                )
                process.start()
                if died < kills:
                    _kill(process, folder, chance, at_flush=at_flush)
                process.join(timeout=60)
                assert process.exitcode in (0, -signal.SIGKILL)
                is_done = process.exitcode == 0
                process.close()
                died += not is_done
                acknowledged = dict(map(int, line.split()) for line in ledger.read_text().splitlines())
                there = check(folder, allowed, acknowledged)
            assert there == set(NUMBERS)
            assert content_of(folder) == undisturbed[version]
        if died >= kills:
            return died
    return died


def _kill(process: BaseProcess, folder: Path, chance: random.Random, *, at_flush: bool) -> None:
    if not at_flush:
        process.join(timeout=chance.uniform(0, 0.3))
        process.kill()
        return
    seen: dict[Path, tuple[int, int]] = {}
    durability.watch_flush(folder, seen)
    flushes = chance.choice((1, 1, 2, 3, 5, 8))
    while process.is_alive() and flushes:
        flushes -= durability.watch_flush(folder, seen)
        time.sleep(0.0003)
    time.sleep(chance.uniform(0, 0.006))
    process.kill()


@pytest.mark.parametrize("at_flush", [False, True], ids=["anywhere", "flush"])
def test_nothing_is_lost_by_kills(tmp_path: Path, undisturbed: dict[int, Content], at_flush: bool) -> None:
    assert survive_kills(tmp_path, undisturbed, kills=KILLS, seed=3, at_flush=at_flush) == KILLS


def kill_often(work: Callable[..., None], *arguments: object, seed: int) -> Iterator[bool]:
    """Run something again and again, killed at any time but the last; says after each whether that was the last."""
    chance = random.Random(seed)
    for kills_left in reversed(range(FEW_KILLS + 1)):
        process = PROCESSES.Process(target=work, args=arguments)
        process.start()
        if kills_left:
            process.join(timeout=chance.uniform(0, 0.25))
            process.kill()
        process.join(timeout=60)
        assert process.exitcode in (0, -signal.SIGKILL)
        process.close()
        yield not kills_left


def test_a_removal_is_whole_whenever_it_is_killed(large: Path, tmp_path: Path) -> None:
    removed = NUMBERS[2:9]
    kept = dict.fromkeys(set(NUMBERS) - set(removed), 0)
    rest = tmp_path / "rest"
    add(rest, [make_article(number) for number in kept])

    for seed in range(3):
        folder = Path(shutil.copytree(large, tmp_path / f"index-{seed}"))
        for is_last in kill_often(durability.remove_all, folder, removed, seed=seed):
            there = check(folder, FIRST, kept)
            assert not is_last or there == set(kept)
        assert content_of(folder) == content_of(rest)
        everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
        assert all(make_article(number).text.encode() not in everything for number in removed)
        assert all(make_article(number).text.encode() in everything for number in kept)


def test_an_import_is_whole_whenever_it_is_killed(large: Path, undisturbed: dict[int, Content], tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    with opened(large) as library:
        export_library(file, library=library)

    for seed in range(3):
        folder = tmp_path / f"index-{seed}"
        for is_last in kill_often(durability.import_all, folder, file, seed=seed):
            there = check(folder, FIRST, {})
            assert not is_last or there == set(NUMBERS)
        assert content_of(folder) == undisturbed[0]


def test_a_conversation_is_resumed_identical_whenever_it_is_killed(tmp_path: Path) -> None:
    chance = random.Random(7)
    folder, ledger = tmp_path / "index", tmp_path / "ledger"
    ledger.touch()
    turns: list[Turn] = []
    died = 0
    while len(turns) < TURNS:
        numbers = range(len(turns), TURNS)
        process = PROCESSES.Process(target=durability.keep_turns, args=(folder, CHAT, ledger, numbers))
        process.start()
        if died < CHAT_KILLS:
            # While the file is made, then after some more turns, at any time within one.
            more = chance.randrange(10) if died else 0
            while process.is_alive() and ledger.read_text().count("\n") < len(turns) + more:
                time.sleep(0.0003)
            process.join(timeout=chance.uniform(0, 0.005 if died else 0.02))
            process.kill()
        process.join(timeout=60)
        died += process.exitcode == -signal.SIGKILL
        process.close()

        acknowledged = len(ledger.read_text().splitlines())
        conversations = Conversations(folder)
        turns = list(conversations.get(CHAT).turns) if conversations.last() else []
        # What was being kept when it died may be there, acknowledged or not; whoever goes on, does so after it.
        assert turns == [make_turn(number) for number in range(len(turns))]
        assert acknowledged <= len(turns)
        ledger.write_text("x\n" * len(turns))
    assert died == CHAT_KILLS
    assert conversations.get(CHAT) == Conversation(CHAT, asked_at(0), tuple(map(make_turn, range(TURNS))))
    with closing(sqlite3.connect(folder / CONVERSATIONS_FILE)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def make_turn(number: int) -> Turn:
    answer = answer_records.make_answer(number)
    return Turn(number + 1, asked_at(number), answer.question, answer)


def test_processes_that_keep_at_once_lose_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    shares = [range(start, 60, 3) for start in range(3)]
    keepers = [
        PROCESSES.Process(target=durability.keep_turns, args=(folder, CHAT, tmp_path / f"ledger-{share.start}", share))
        for share in shares
    ]
    for keeper in keepers:
        keeper.start()
    for keeper in keepers:
        keeper.join(timeout=60)
        assert keeper.exitcode == 0

    turns = Conversations(folder).get(CHAT).turns
    assert [turn.number for turn in turns] == list(range(1, 61))
    kept = [turn.answer for turn in turns]
    for share in shares:  # each in its own order, whoever was between
        own = [answer_records.make_answer(number) for number in share]
        assert [answer for answer in kept if answer in own] == own


def test_a_conversation_in_a_read_only_folder_is_read(public: Path) -> None:
    folder = public / "index"
    durability.keep_turns(folder, CHAT, public / "ledger", FEW)
    make_read_only(folder)

    kind, message = run(durability.resume_as_nobody, folder, CHAT, len(FEW))

    assert kind == "LibraryError"
    assert "so no conversation is kept; the articles are untouched" in message


def test_a_conversation_that_has_no_room_keeps_what_it_has(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    for limit in (20_000, 60_000, 150_000):
        with running(durability.keep_with_limit, folder, CHAT, range(200), limit) as (_, talk):
            kind, message = hear(talk)
            kept = hear(talk)

        assert kind == "LibraryError"
        assert CONVERSATIONS_FILE in message
        conversations = Conversations(folder)
        there = conversations.get(CHAT).turns if conversations.last() else ()
        assert tuple(turn.answer for turn in there) == tuple(map(answer_records.make_answer, range(kept)))
        if there:
            conversations.remove(CHAT)


def test_a_killed_writer_holds_no_lock(copied: Path) -> None:
    with running(durability.hold_writer_lock, copied) as (process, talk):
        assert hear(talk) == "holding"
        with pytest.raises(LibraryLockedError, match=f"process {process.pid} is writing"):
            add(copied, [make_article(99)], wait=0)
        process.kill()
        process.join()

        add(copied, [make_article(99)], wait=0)

    assert check(copied, FIRST, {99: 0}) == {*NUMBERS, 99}


def test_a_log_that_was_cut_off_holds_whole_articles(tmp_path: Path) -> None:
    """What a power cut leaves of SQLite's log: all that it was told to write to the disk, and any part of the rest."""
    folder = tmp_path / "index"
    with running(durability.leave_log, folder, FEW) as (process, talk):
        hear(talk)
        process.kill()
        process.join()
        log = (folder / f"{LIBRARY_FILE}-wal").read_bytes()
    assert len(log) > 100_000

    seen = set()
    for size in [*range(0, len(log), len(log) // 20), len(log)]:
        for rest in (b"", bytes(5000), b"\xa5" * 5000):
            broken = Path(shutil.copytree(folder, tmp_path / "broken", ignore=shutil.ignore_patterns("*-shm")))
            (broken / f"{LIBRARY_FILE}-wal").write_bytes(log[:size] + rest)
            there = check(broken, FIRST, {})
            assert there == set(range(len(there)))
            seen.add(len(there))
            shutil.rmtree(broken)
    assert seen == set(range(len(FEW) + 1))


def test_a_generation_is_on_the_disk_before_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: dict[str, os.stat_result] = {}
    sync = os.fsync

    def remember(descriptor: int) -> None:
        sync(descriptor)
        synced[str(Path(f"/proc/self/fd/{descriptor}").readlink())] = os.fstat(descriptor)

    if not Path("/proc/self/fd").exists():
        pytest.skip("which file is synchronised can't be told here")
    monkeypatch.setattr(os, "fsync", remember)
    add(tmp_path / "index", [make_article(number) for number in NUMBERS])

    (generation,) = (tmp_path / "index" / CHROMA_FOLDER).iterdir()
    files = [path for path in generation.rglob("*") if path.is_file()]
    assert len(files) > 4
    for path in files:
        last, now = synced[str(path)], path.stat()
        assert (last.st_ino, last.st_size, last.st_mtime_ns) == (now.st_ino, now.st_size, now.st_mtime_ns)
    assert {str(tmp_path), str(tmp_path / "index"), str(generation), str(generation.parent)} <= set(synced)
    with opened(tmp_path / "index") as library, library.connection() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL: each commit is on the disk
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


# One failure after another -------------------------------------------------------------------------------------------


def test_every_embedding_that_fails(tmp_path: Path, few: Content, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BATCH_PASSAGES", 4)
    articles = [make_article(number) for number in FEW]
    counts = []
    for fail_at in range(1, 1000):
        folder = tmp_path / f"index-{fail_at}"
        failure = failure_of(partial(add, folder, articles, embedder=make_embedder(fail_at)))
        if failure is None:
            break
        assert isinstance(failure, ModelError)
        there = check(folder, FIRST, {})
        assert there == set(range(len(there)))
        counts.append(len(there))
        if fail_at % 10 == 0:
            add(folder, articles)
            assert content_of(folder) == few

    assert content_of(folder) == few
    assert len(counts) > len(FEW)
    assert counts == sorted(counts)
    # The vectors of what was taken in were not asked for again.
    embedder = make_embedder()
    add(folder, articles, embedder=embedder)
    assert embedder.embedded == []


def test_every_fsync_that_fails(tmp_path: Path, few: Content, monkeypatch: pytest.MonkeyPatch) -> None:
    articles = [make_article(number) for number in FEW]
    sync, left = os.fsync, [0]

    def fail_at_last(descriptor: int) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise OSError(errno.EIO, "Input/output error")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fail_at_last)
    for fail_at in range(1, 1000):
        folder = tmp_path / f"index-{fail_at}"
        left[0] = fail_at
        failure = failure_of(partial(add, folder, articles))
        if failure is not None:
            assert isinstance(failure, LibraryError)
            assert "Input/output error" in str(failure)
            check(folder, FIRST, {})
            add(folder, articles)
        assert content_of(folder) == few
        if left[0] > 0:
            break

    assert fail_at > 5


class SmallLibrary(Library):
    """A library whose file may have so many pages and no more."""

    page_count = 0

    def _connect_to(self, path: Path, mode: str) -> sqlite3.Connection:
        connection = super()._connect_to(path, mode)
        connection.execute(f"PRAGMA max_page_count = {self.page_count}")
        return connection


def test_every_page_that_has_no_room(
    tmp_path: Path, undisturbed: dict[int, Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BATCH_PASSAGES", 12)
    articles = [make_article(number) for number in NUMBERS]
    folder = tmp_path / "index"
    there: set[int] = set()
    failures = 0
    for page_count in range(1, 1000):
        library = SmallLibrary(folder, embedding_model="words")
        library.page_count = page_count
        failure = failure_of(partial(ingest.add_sources, articles, library=library, embedder=make_embedder()))
        library.close()
        there = check(folder, FIRST, dict.fromkeys(there, 0))
        if failure is None:
            break
        assert isinstance(failure, LibraryError)
        assert "database or disk is full" in str(failure)
        assert str(folder) in str(failure)
        assert "bytes are free" in str(failure)
        failures += 1

    assert failures > 5
    assert content_of(folder) == undisturbed[0]


@pytest.mark.parametrize("stored", [False, True], ids=["while it stores", "while Chroma indexes"])
def test_every_size_that_a_file_may_not_exceed(
    tmp_path: Path, large: Path, few: Content, undisturbed: dict[int, Content], stored: bool
) -> None:
    """A disk that fills up at any point, in any file: SQLite's, Chroma's or the lock's."""
    numbers, content = (NUMBERS, undisturbed[0]) if stored else (FEW, few)
    messages = []
    for limit in [0, 1, 100, 4096, *range(16_384, 2_000_000, 4 * 16_384)]:
        folder = tmp_path / f"index-{limit}"
        if stored:
            shutil.copytree(large, folder, ignore=shutil.ignore_patterns(CHROMA_FOLDER))
        outcome = run(durability.ingest_with_limit, folder, numbers, limit)
        if outcome is None:
            break
        kind, message = outcome
        assert kind == "LibraryError"
        assert str(folder) in message
        assert f"bytes are free there, and no file may have more than {limit:,}" in message
        messages.append(message)
        there = check(folder, FIRST, dict.fromkeys(numbers, 0) if stored else {})
        assert there in (set(), set(numbers))  # one batch: one transaction
        if stored:
            assert not any((folder / CHROMA_FOLDER).glob("*/*"))  # which makes room again
        add(folder, [make_article(number) for number in numbers])
        assert content_of(folder) == content

    assert outcome is None
    assert content_of(folder) == content
    assert any("can be asked about, but Chroma's index" in message for message in messages) == stored


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if os.getuid() != 0 or mount is None or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("a small disk can only be mounted by root")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk(small_disk: Path) -> None:
    folder = small_disk / "index"
    assert run(durability.ingest_with_limit, folder, FEW, None) is None
    known = len(FEW)
    for filler in (b"x" * (1 << 16), b"x" * 512):  # first there is room for a little, then for nothing
        ballast = small_disk / f"ballast-{len(filler)}"
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(filler) == len(filler):
                pass
        if len(filler) > 512:
            os.truncate(ballast, ballast.stat().st_size - 200_000)

        kind, message = run(durability.ingest_with_limit, folder, range(500), None)

        assert kind == "LibraryError"
        assert str(folder) in message
        assert "full" in message or "No space left on device" in message
        assert "bytes are free there" in message
        there = check(folder, FIRST, dict.fromkeys(range(known), 0))
        known = len(there)
        assert there == set(range(known))
        assert run(durability.ask_all, folder, [0, 3, known - 1]) == "answered"
    for ballast in small_disk.glob("ballast-*"):
        ballast.unlink()

    assert run(durability.ingest_with_limit, folder, range(known + 2), None) is None

    assert check(folder, FIRST, dict.fromkeys(range(known + 2), 0)) == set(range(known + 2))


# Folders that can't be written, and files that are not what they were ------------------------------------------------


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder where everyone may read; pytest's own are for their owner only."""
    place = Path(tempfile.mkdtemp(dir=tempfile.gettempdir(), prefix="assistant-test-"))
    place.chmod(0o755)
    yield place
    for path in (place, *place.rglob("*")):
        path.chmod(0o755)
    shutil.rmtree(place)


def make_read_only(folder: Path) -> None:
    for path in folder.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    folder.chmod(0o555)


def test_a_clean_close_leaves_no_log(copied: Path) -> None:
    add(copied, [make_article(99)])

    assert [path.name for path in copied.glob(f"{LIBRARY_FILE}*")] == [LIBRARY_FILE]


@pytest.mark.parametrize("left", ["nothing", "an earlier version", "log", "log and its index"])
def test_a_read_only_index_answers(large: Path, public: Path, left: str) -> None:
    """It may have been closed well, also by an earlier version, or its writer was killed, or its -shm file is gone."""
    folder = public / "index"
    if left in ("nothing", "an earlier version"):
        shutil.copytree(large, folder)
        numbers = list(NUMBERS)
        if left == "an earlier version":
            connection = sqlite3.connect(folder / LIBRARY_FILE, isolation_level=None)
            to_version_1(connection)
            connection.close()
    else:
        numbers = list(FEW)
        with running(durability.leave_log, folder, numbers) as (process, talk):
            hear(talk)
            process.kill()
            process.join()
        if left == "log":
            (folder / f"{LIBRARY_FILE}-shm").unlink()
    make_read_only(folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}

    kind, message = run(durability.ask_as_nobody, folder, numbers)

    assert kind == "LibraryError"
    assert "can't be written" in message
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert not list(Path(tempfile.gettempdir()).glob("assistant-[!t]*"))


@pytest.mark.parametrize("damage", ["deleted", "empty", "log left"])
def test_a_library_that_went_missing_is_not_begun_anew(copied: Path, damage: str) -> None:
    path = copied / LIBRARY_FILE
    path.unlink()
    if damage == "empty":
        path.touch()
    if damage == "log left":
        shutil.rmtree(copied / CHROMA_FOLDER)
        (copied / f"{LIBRARY_FILE}-wal").write_bytes(b"what was written last")
    before = {each: each.stat().st_mtime_ns for each in copied.rglob("*") if each.is_file()}
    advice = rf"{LIBRARY_FILE}: (missing|empty), though .*; restore it from a copy, or remove {copied} and index"

    with opened(copied) as library:
        with pytest.raises(LibraryDamagedError, match=advice), library.snapshot():
            pass
        with pytest.raises(LibraryDamagedError, match=advice):
            ingest.add_sources(make_article(1), library=library, embedder=make_embedder())

    after = {each: each.stat().st_mtime_ns for each in copied.rglob("*") if each.is_file()}
    assert {each: time for each, time in after.items() if each.name != "writer.lock"} == {
        each: time for each, time in before.items() if each.name != "writer.lock"
    }


def read_all(library: Library) -> None:
    query = make_embedder().embed_questions(["the ferry"])[0]
    with library.snapshot() as snapshot:
        for ref in snapshot.articles():
            snapshot.article(ref.id)
            snapshot.passages(ref.id)
        snapshot.load([id for id, _ in snapshot.match(WORDS, limit=1000)])
        assert np.isfinite([cosine for _, cosine in snapshot.nearest(query, limit=10)]).all()
        found = snapshot.nearest(query, limit=1000, filter=PassageFilter(outlet="Outlet 1"))
        assert np.isfinite([cosine for _, cosine in found]).all()


def test_garbage_in_the_library_is_damage_or_does_no_harm(copied: Path, large: Path) -> None:
    whole = (large / LIBRARY_FILE).read_bytes()
    chance = random.Random(5)
    outcomes = []
    for place in range(0, len(whole) - 4096, 3 * 4096):
        if not any(whole[place : place + 4096]):
            continue  # room in a table, which nothing has been written to
        garbage = chance.choice((b"\xff" * 4096, bytes(4096), chance.randbytes(4096)))
        (copied / LIBRARY_FILE).write_bytes(whole[:place] + garbage + whole[place + 4096 :])
        with opened(copied) as library:
            failure = failure_of(partial(read_all, library))
        if failure is not None:
            assert isinstance(failure, LibraryDamagedError)
            assert "restore it from a copy" in str(failure) or "not a library" in str(failure)
            assert "\n" not in str(failure)
        outcomes.append(failure is not None)

    assert sum(outcomes) > len(outcomes) // 3


NAMES = (DATABASE_FILE, "data_level0.bin", "header.bin", "index_metadata.pickle", "length.bin", "link_lists.bin")


@pytest.mark.parametrize("damage", ["missing", "short", "empty", "zeroed", "garbled"])
@pytest.mark.parametrize("name", NAMES)
def test_any_damage_to_a_generation(copied: Path, name: str, damage: str) -> None:
    """Questions are answered as before, and the next ingest mends it without an embedding."""
    path = next((copied / CHROMA_FOLDER).rglob(name))
    data = path.read_bytes()
    path.unlink()
    if damage != "missing":
        middle = len(data) // 3
        path.write_bytes(
            {
                "short": data[: len(data) // 2],
                "empty": b"",
                "zeroed": bytes(len(data)),
                "garbled": data[:middle] + b"\xff" * middle + data[2 * middle :],
            }[damage]
        )

    embedder = make_embedder()
    with opened(copied) as library:
        ask(library, 30)
    with opened(copied) as library:
        ingest.add_sources(make_article(0), library=library, embedder=embedder)
        ask(library, 30)
    assert embedder.embedded == []
    with opened(copied) as library, library.snapshot() as snapshot:
        assert snapshot.is_published
        assert snapshot.published is not None
        assert library._open_generation(snapshot.published) is not None


# Neighbours ----------------------------------------------------------------------------------------------------------


def test_a_second_writer_is_told_who_writes(copied: Path) -> None:
    with running(durability.hold_writer_lock, copied) as (process, talk):
        hear(talk)
        started = time.monotonic()
        with pytest.raises(LibraryLockedError, match=f"process {process.pid} is writing; .*--wait"):
            add(copied, [make_article(99)])
        assert time.monotonic() - started < 2

        # One that waits goes on when the other is done.
        threading.Timer(0.3, lambda: talk.send("enough")).start()
        add(copied, [make_article(99)], wait=30)

    assert check(copied, FIRST, {99: 0}) == {*NUMBERS, 99}


def test_two_writers_take_turns(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    writers = [
        PROCESSES.Process(target=durability.ingest_in_turns, args=(folder, range(start, 40, 2), 4)) for start in (0, 1)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)
        assert writer.exitcode == 0

    content_of(folder)
    assert check(folder, FIRST, dict.fromkeys(range(40), 0)) == set(range(40))
    with opened(folder) as library:
        for number in range(40):
            ask(library, number)


def test_every_question_sees_what_was_committed_before_it(tmp_path: Path) -> None:
    folder, ledger = tmp_path / "index", tmp_path / "ledger"
    ledger.touch()
    process = PROCESSES.Process(target=durability.ingest_batches, args=(folder, ledger, NUMBERS, 4, 0))
    process.start()
    counts = []
    with opened(folder) as library:
        while not counts or counts[-1] < len(NUMBERS):
            is_alive = process.is_alive()
            known = [int(line.split()[0]) for line in ledger.read_text().splitlines()]
            with library.snapshot() as snapshot:
                there = len(snapshot.articles())
            assert there >= len(known)
            assert there % 4 == 0  # whole batches
            if known:
                ask(library, known[-1])
            counts.append(there)
            assert is_alive or there == len(NUMBERS)
        process.join(timeout=60)
        assert process.exitcode == 0
    process.close()

    assert counts == sorted(counts)
    assert len(set(counts)) > 3


@pytest.mark.parametrize("what", ["library", "generation"])
def test_another_program_s_lock_is_no_silence(copied: Path, what: str) -> None:
    path = copied / LIBRARY_FILE if what == "library" else next((copied / CHROMA_FOLDER).rglob(DATABASE_FILE))
    with running(durability.hold_database_lock, path) as (process, talk):
        hear(talk)
        started = time.monotonic()
        with opened(copied) as library:
            ask(library, 7)
        assert time.monotonic() - started < 5

        started = time.monotonic()
        if what == "library":
            named = f"process {process.pid}" if Path("/proc/locks").exists() else "another program"
            with pytest.raises(LibraryLockedError, match=f"{named} has locked it; close that or try again"):
                add(copied, [make_article(99)])
        else:
            add(copied, [make_article(99)])  # with a generation made anew
        assert time.monotonic() - started < 5
        talk.send("enough")
    add(copied, [make_article(99)])

    assert check(copied, FIRST, {99: 0}) == {*NUMBERS, 99}


def test_a_fork_can_ask(copied: Path) -> None:
    with running(durability.ask_after_fork, copied, 7) as (_, talk):
        # What is added is stored; Chroma can't be told, for its threads are the parent's.
        kind, message = hear(talk)
        assert kind == "LibraryError"
        assert "Chroma can't be used after a fork" in message
        assert hear(talk) == 0

    assert check(copied, FIRST | {77: (0,)}, {77: 0}) == {*NUMBERS, 77}


def test_asyncio_may_ask_in_threads(large: Path) -> None:
    async def ask_many(library: Library) -> None:
        await asyncio.gather(*(asyncio.to_thread(ask, library, number) for number in range(16)))

    with opened(large) as library:
        asyncio.run(ask_many(library))


# The rest of what Chroma does on its own -----------------------------------------------------------------------------


def test_a_shorter_article_leaves_nothing_of_the_longer_one(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    long = Article("a", "Storm", "The storm came. " * 30 + "The lighthouse fell into the sea.")
    add(folder, [long, make_article(1)])
    add(folder, [Article("a", "Storm", "The storm came.")])

    with opened(folder) as library, library.snapshot() as snapshot:
        query = make_embedder().embed_questions(["lighthouse fell into the sea"])[0]
        assert snapshot.match(["lighthouse"], limit=10) == []
        found = snapshot.nearest(query, limit=100)
        loaded = snapshot.load([id for id, _ in found])
        assert len(found) == len(loaded) == snapshot.passage_count
        assert not any("lighthouse" in each.passage.text for each in loaded)


@pytest.mark.parametrize("wait", ["-1", "nan", "inf"])
def test_a_wait_that_is_no_time_is_refused(wait: str) -> None:
    with pytest.raises(SettingsError, match="no number of seconds"):
        load_settings("index", environment={}, wait=float(wait))


def test_the_command_line_waits_for_another_writer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "storm.txt").write_text("The storm took the roof of the tram depot.")

    def assistant(*arguments: str) -> tuple[object, str]:
        monkeypatch.setattr(sys, "argv", ["assistant", *arguments, "--index", str(tmp_path / "index")])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code, capsys.readouterr().err

    assert assistant("index", str(tmp_path / "storm.txt"))[0] == 0
    (tmp_path / "storm.txt").write_text("The storm took the roof of the tram depot, and two trams.")
    with running(durability.hold_writer_lock, tmp_path / "index") as (process, talk):
        hear(talk)
        status, said = assistant("index", str(tmp_path / "storm.txt"), "--wait", "0")
        assert (status, f"process {process.pid} is writing" in said) == (2, True)
        threading.Timer(0.3, lambda: talk.send("enough")).start()
        assert assistant("index", str(tmp_path / "storm.txt"), "--wait", "30")[0] == 0

    # A question says so where Chroma can't help, and what mends it.
    assert "Chroma's index" not in assistant("ask", "What did the storm take?")[1]
    shutil.rmtree(tmp_path / "index" / CHROMA_FOLDER)
    status, said = assistant("ask", "What did the storm take?")
    assert (status, said.count("`assistant doctor --repair` builds it again")) == (0, 1)


def test_a_folder_of_any_name_and_a_long_article(tmp_path: Path) -> None:
    folder = tmp_path / "Ünïcode ☃ %41 ?#&'\" folder" / "新聞"
    text = " ".join(f"The harbour was calm on day {day} of {day % 17}." for day in range(30_000))
    assert len(text) > 1_000_000
    embedder = WordEmbedder(dimension=durability.DIMENSION, max_tokens=500)
    add(folder, [Article("long", "Long", text), make_article(1)], embedder=embedder)

    with opened(folder) as library, library.snapshot() as snapshot:
        article = snapshot.article("long")
        assert article is not None
        assert article.text == text
        assert snapshot.is_published
    with opened(folder) as library:
        ask(library, 1)
