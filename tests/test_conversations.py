import random
import re
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from answer_records import BEGUN, asked_at, make_answer, make_source
from libraries import add, make_article, opened

from assistant.conversations import CONVERSATIONS_FILE, Conversations
from assistant.errors import (
    AssistantError,
    LibraryDamagedError,
    LibraryError,
    LibraryLockedError,
    LibraryMismatchError,
    SettingsError,
)
from assistant.types import Answer, ArticleHash, ConversationRef, Turn

ID = "2026-01-01-abcd"
OTHER = "2026-01-02-wxyz"
WRITTEN = "openai:tiny"


def keep(folder: Path, *answers: Answer, id: str = ID) -> Conversations:
    conversations = Conversations(folder)
    for number, answer in enumerate(answers):
        conversations.keep(id, answer, asked_at(number))
    return conversations


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def answers_of(conversations: Conversations, id: str = ID) -> list[Answer | None]:
    return [turn.answer for turn in conversations.get(id).turns]


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    answers = [
        make_answer(0),
        make_answer(1, model=WRITTEN),
        replace(make_answer(2), written="half \ud83d", notes=("n",)),
    ]

    keep(tmp_path, *answers)

    conversation = Conversations(tmp_path).get(ID)
    assert conversation.started == asked_at(0)
    assert conversation.turns == tuple(
        Turn(number + 1, asked_at(number), answer.question, answer) for number, answer in enumerate(answers)
    )


def test_an_id_is_short_and_begins_with_the_day_and_nothing_is_written_before_a_turn(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    conversations = Conversations(folder)

    ids = {conversations.start() for _ in range(20)}

    assert len(ids) == 20
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d-[2-9a-z]{4}", id) for id in ids)
    assert conversations.last() is None
    assert conversations.list() == []
    conversations.forget("fox")
    assert not folder.exists()


def test_a_turn_was_asked_as_long_ago_as_it_took_and_times_are_utc(tmp_path: Path) -> None:
    conversations = keep(tmp_path)
    before = datetime.now(BEGUN.tzinfo)
    conversations.keep(ID, replace(make_answer(1), seconds=3600.0))
    conversations.keep(ID, make_answer(2), datetime(2026, 1, 1, 14, tzinfo=timezone(timedelta(hours=2))))

    first, second = conversations.get(ID).turns

    assert timedelta(0) <= first.asked + timedelta(hours=1) - before < timedelta(minutes=1)
    assert second.asked == BEGUN
    assert second.asked.isoformat() == "2026-01-01T12:00:00+00:00"


def test_what_is_no_id_or_unknown_is_said(tmp_path: Path) -> None:
    conversations = keep(tmp_path, make_answer(1))

    for id in ("", "abc", "2026-01-01-abc", "2026-01-01-\ud800bcd", f"{ID}\n"):
        with pytest.raises(SettingsError, match="is no id of a conversation"):
            conversations.keep(id, make_answer(1))
        for work in (conversations.get, conversations.remove):
            with pytest.raises(SettingsError, match="assistant history"):
                work(id)
    with pytest.raises(SettingsError, match=OTHER):
        conversations.get(OTHER)
    assert len(conversations.get(ID).turns) == 1


def test_conversations_are_listed_with_the_last_first_and_searched_by_words(tmp_path: Path) -> None:
    conversations = keep(tmp_path, make_answer(1), make_answer(2))
    keep(tmp_path, make_answer(3), id=OTHER)
    conversations.keep(ID, make_answer(4), asked_at(9))

    assert conversations.last() == ID
    first, second = conversations.list()
    assert first == ConversationRef(ID, asked_at(0), asked_at(9), "Where is ferry number1?", 3)
    assert second == ConversationRef(OTHER, asked_at(0), asked_at(0), "Where is ferry number3?", 1)
    assert [each.id for each in conversations.list(limit=1)] == [ID]
    assert [each.id for each in conversations.list("NUMBER2 harbour")] == [ID]
    assert [each.id for each in conversations.list("where number3")] == [OTHER]
    assert conversations.list("number2 number3") == []
    assert [each.id for each in conversations.list("  ")] == [ID, OTHER]


def test_a_conversation_that_is_removed_leaves_nothing(tmp_path: Path) -> None:
    conversations = keep(tmp_path, make_answer(1), make_answer(2))
    keep(tmp_path, make_answer(3), id=OTHER)

    conversations.remove(ID)

    assert [each.id for each in conversations.list()] == [OTHER]
    assert b"number1" not in bytes_of(tmp_path)
    assert b"number3" in bytes_of(tmp_path)
    conversations.keep(ID, make_answer(5))
    assert answers_of(conversations) == [make_answer(5)]


def test_many_threads_may_keep_and_read(tmp_path: Path) -> None:
    conversations = Conversations(tmp_path)

    def work(first: int) -> None:
        for number in range(first, first + 5):
            conversations.keep(ID, make_answer(number))
            conversations.get(ID)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(0, 40, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    turns = conversations.get(ID).turns
    assert [turn.number for turn in turns] == list(range(1, 21))
    assert {turn.question for turn in turns} == {
        make_answer(first + number).question for first in range(0, 40, 10) for number in range(5)
    }


# Forgetting


def test_what_was_answered_from_an_article_is_forgotten_and_the_question_stays(tmp_path: Path) -> None:
    copy = replace(make_answer(3).citations[0], also_in=(make_source(1).ref,))
    mentions_copy = replace(make_answer(3), citations=(copy,), statements=())
    found_only = replace(make_answer(1), statements=(), citations=(), abstained=True)
    was_shown = replace(make_answer(4), hashes=(ArticleHash("ferry-1", "0"),))
    answers = [make_answer(0), make_answer(1), make_answer(2), mentions_copy, found_only, was_shown]
    conversations = keep(tmp_path, *answers)
    keep(tmp_path, make_answer(7), id=OTHER)

    conversations.forget("ferry-1")

    assert answers_of(conversations) == [make_answer(0), None, make_answer(2), None, None, None]
    assert [turn.question for turn in conversations.get(ID).turns] == [answer.question for answer in answers]
    assert answers_of(conversations, OTHER) == [make_answer(7)]
    left = bytes_of(tmp_path)
    assert b"ferry number1 left" not in left
    assert b"ferry-1" not in left
    assert b"ferry number7 left" in left


def test_what_a_language_model_answered_after_it_is_forgotten_too(tmp_path: Path) -> None:
    answers = [make_answer(0, model=WRITTEN), make_answer(1), make_answer(2, model=WRITTEN), make_answer(3)]
    conversations = keep(tmp_path, *answers)
    keep(tmp_path, make_answer(7, model=WRITTEN), id=OTHER)

    conversations.forget("ferry-1", "unheard of")

    # Quotes are of articles that are there, whatever was asked before.
    assert answers_of(conversations) == [answers[0], None, None, answers[3]]
    assert answers_of(conversations, OTHER) == [make_answer(7, model=WRITTEN)]


def test_who_remembers_what_was_forgotten_may_not_bring_it_back(tmp_path: Path) -> None:
    """Another process goes on with the conversation, with the forgotten answer in its memory and shown to its model."""
    mine = keep(tmp_path, make_answer(1))

    Conversations(tmp_path).forget("ferry-1")
    mine.keep(ID, make_answer(2, model=WRITTEN))
    mine.keep(ID, make_answer(3))
    assert answers_of(Conversations(tmp_path)) == [None, None, make_answer(3)]
    assert b"ferry number2 left" not in bytes_of(tmp_path)

    # It has read what is left, and so shows no more than that.
    mine.get(ID)
    mine.keep(ID, make_answer(4, model=WRITTEN))
    assert answers_of(mine) == [None, None, make_answer(3), make_answer(4, model=WRITTEN)]


def test_an_answer_whose_article_went_while_it_was_given_is_not_kept(tmp_path: Path) -> None:
    gone = {"ferry-1"}
    conversations = Conversations(tmp_path, find_missing=lambda ids: [id for id in ids if id in gone])

    conversations.keep(ID, make_answer(0))
    conversations.keep(ID, make_answer(1))

    assert answers_of(conversations) == [make_answer(0), None]
    assert b"ferry number1 left" not in bytes_of(tmp_path)


def test_bytes_that_a_reader_holds_go_with_what_is_kept_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.conversations.BUSY_SECONDS", 0.1)
    conversations = keep(tmp_path, make_answer(1))
    with closing(sqlite3.connect(tmp_path / CONVERSATIONS_FILE, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM turns").fetchone()

        with pytest.raises(LibraryLockedError, match="still holds the bytes; give the same command again"):
            conversations.forget("ferry-1")
        assert answers_of(conversations) == [None]
        conversations.keep(ID, make_answer(2))  # and that isn't hindered
        assert b"ferry number1 left" in bytes_of(tmp_path)

    conversations.keep(ID, make_answer(3))
    assert b"ferry number1 left" not in bytes_of(tmp_path)
    assert answers_of(conversations) == [None, make_answer(2), make_answer(3)]


def test_a_library_has_answers_forgotten_though_it_was_stopped_in_between(tmp_path: Path) -> None:
    with opened(tmp_path) as library:
        add(library, make_article("ferry-1", 3), make_article("ferry-2", 3))
        conversations = keep(tmp_path, make_answer(1), make_answer(2))
        with library.writing():
            library.remove("ferry-1")  # and then the process is killed
        with library.snapshot() as snapshot:
            assert not snapshot.has_forgotten

        add(library, make_article("ferry-1", 4))  # the next one begins by giving it again

        with library.snapshot() as snapshot:
            assert snapshot.has_forgotten
    assert answers_of(conversations) == [None, make_answer(2)]


# Files that aren't as they are made here


def make_foreign(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")


def make_newer(file: Path) -> None:
    keep(file.parent, make_answer(1))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 2")


def make_trap(file: Path) -> None:
    keep(file.parent, make_answer(1))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TRIGGER t AFTER INSERT ON turns BEGIN DELETE FROM turns; END")


def make_unreadable_row(file: Path) -> None:
    keep(file.parent, make_answer(1))
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("""UPDATE turns SET answer = '{"question": 7}', question = 'x'""")


def cut_off(file: Path) -> None:
    keep(file.parent, *map(make_answer, range(9)))
    file.write_bytes(file.read_bytes()[:9000])


BROKEN: list[tuple[Callable[[Path], object], type[LibraryError], str]] = [
    (lambda file: file.write_bytes(b"nonsense" * 1_000), LibraryDamagedError, "damaged (file is not a database)"),
    (make_foreign, LibraryDamagedError, "not conversations of this program"),
    (make_newer, LibraryMismatchError, "made by a newer version of the assistant (format 2, this one reads 1)"),
    (make_trap, LibraryDamagedError, "its tables aren't those that are made here"),
    (cut_off, LibraryDamagedError, "damaged"),
    (lambda file: file.mkdir(), LibraryError, "can't be used"),
]


@pytest.mark.parametrize(("break_file", "kind", "what"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_a_file_that_is_not_ours_is_one_line_and_left_alone(
    tmp_path: Path, break_file: Callable[[Path], object], kind: type[LibraryError], what: str
) -> None:
    file = tmp_path / CONVERSATIONS_FILE
    break_file(file)
    before = file.read_bytes() if file.is_file() else None
    conversations = Conversations(tmp_path)

    for work in (
        conversations.start,
        conversations.last,
        conversations.list,
        lambda: conversations.get(ID),
        lambda: conversations.keep(ID, make_answer(2)),
        lambda: conversations.forget("ferry-1"),
        lambda: conversations.remove(ID),
        conversations.examine,
    ):
        with pytest.raises(kind) as raised:
            work()
        message = str(raised.value)
        assert message.startswith(str(file))
        assert what in message
        assert "\n" not in message
        assert "untouched" in message or "upgrade" in message

    assert before is None or file.read_bytes() == before


def test_a_row_that_can_not_be_read_is_damage(tmp_path: Path) -> None:
    make_unreadable_row(tmp_path / CONVERSATIONS_FILE)
    conversations = Conversations(tmp_path)

    for work in (conversations.list, lambda: conversations.get(ID)):
        with pytest.raises(LibraryDamagedError, match="a row holds garbage"):
            work()


def test_any_damage_is_an_error_of_ours_or_does_no_harm(tmp_path: Path) -> None:
    file = tmp_path / CONVERSATIONS_FILE
    conversations = keep(tmp_path, *map(make_answer, range(6)))
    whole = file.read_bytes()
    chance = random.Random(5)
    for _ in range(60):
        place = chance.randrange(len(whole))
        length = chance.choice((1, 16, 4096))
        file.write_bytes(whole[:place] + chance.randbytes(length) + whole[place + length :])
        for suffix in ("-wal", "-shm"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)
        for work in (
            conversations.list,
            lambda: conversations.list("harbour"),
            lambda: conversations.get(ID),
            lambda: conversations.forget("ferry-3"),
            lambda: conversations.keep(ID, make_answer(9)),
        ):
            with suppress(AssistantError):
                work()
    file.write_bytes(whole)
    assert len(conversations.get(ID).turns) == 6


def test_an_empty_file_is_none(tmp_path: Path) -> None:
    (tmp_path / CONVERSATIONS_FILE).touch()  # as a process leaves it that is killed before it made it

    conversations = keep(tmp_path, make_answer(1))

    assert answers_of(conversations) == [make_answer(1)]


def test_another_program_s_lock_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.conversations.BUSY_SECONDS", 0.1)
    conversations = keep(tmp_path, make_answer(1))
    with closing(sqlite3.connect(tmp_path / CONVERSATIONS_FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(LibraryLockedError, match="another program has locked it"):
            conversations.keep(ID, make_answer(2))
        assert answers_of(conversations) == [make_answer(1)]


@pytest.mark.parametrize(
    "break_file", [broken[0] for broken in BROKEN[:4]], ids=["garbage", "foreign", "newer", "trap"]
)
def test_conversations_that_can_not_be_used_cost_the_library_nothing(
    tmp_path: Path, break_file: Callable[[Path], object]
) -> None:
    file = tmp_path / CONVERSATIONS_FILE
    with opened(tmp_path) as library:
        add(library, make_article("ferry-1", 3), make_article("fox", 3))
        break_file(file)

        with library.writing():
            library.remove("ferry-1")
            library.publish()
        add(library, make_article("jill", 3))

        with library.snapshot() as snapshot:
            assert [ref.id for ref in snapshot.articles()] == ["fox", "jill"]
            assert snapshot.is_published
            assert not snapshot.has_forgotten  # for there may be words of it in there
        file.unlink()
        for suffix in ("-wal", "-shm"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)
        with library.writing():
            library.publish()
        with library.snapshot() as snapshot:
            assert snapshot.has_forgotten
    assert b"ferry-1" not in bytes_of(tmp_path)
