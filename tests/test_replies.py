import random
import sqlite3
from pathlib import Path

import pytest

from assistant.replies import MAX_REPLIES, REPLIES_FILE, Reply, ReplyCache

REPLY = Reply("Mary had a lamb [1].", 100, None)


def yes() -> bool:
    return True


def test_a_reply_is_kept_by_its_key(tmp_path: Path) -> None:
    ReplyCache(tmp_path).put("one", REPLY, is_current=yes)

    assert ReplyCache(tmp_path).get("one") == REPLY
    assert ReplyCache(tmp_path).get("two") is None


def test_reading_writes_nothing(tmp_path: Path) -> None:
    assert ReplyCache(tmp_path).get("one") is None
    assert list(tmp_path.iterdir()) == []


def test_clearing_leaves_no_file(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path)
    cache.put("one", REPLY, is_current=yes)

    cache.clear()
    cache.clear()

    assert list(tmp_path.iterdir()) == []
    assert cache.get("one") is None


def test_what_is_no_longer_current_is_forgotten(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path)
    cache.put("one", REPLY, is_current=yes)

    cache.put("two", REPLY, is_current=lambda: False)

    assert list(tmp_path.iterdir()) == []


def test_the_oldest_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.replies.MAX_REPLIES", 3)
    cache = ReplyCache(tmp_path)

    for number in range(5):
        cache.put(str(number), REPLY, is_current=yes)

    assert MAX_REPLIES > 3
    assert [cache.get(str(number)) for number in range(5)] == [None, None, REPLY, REPLY, REPLY]


def test_where_nothing_can_be_kept_there_is_no_cache(tmp_path: Path) -> None:
    nowhere = ReplyCache(tmp_path / "gone")
    nowhere.put("one", REPLY, is_current=yes)
    assert nowhere.get("one") is None

    (tmp_path / REPLIES_FILE).write_bytes(b"nonsense" * 1_000)
    damaged = ReplyCache(tmp_path)
    damaged.put("one", REPLY, is_current=yes)
    assert damaged.get("one") is None


FOREIGN_VIEW = """
DROP TABLE replies;
CREATE VIEW replies AS WITH RECURSIVE every(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM every)
    SELECT 'x' AS key, 't' AS text, 1 AS prompt_tokens, 1 AS completion_tokens FROM every
"""


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE replies SET text = x'68656c6c6f'",
        "UPDATE replies SET prompt_tokens = 'many'",
        "ALTER TABLE replies ADD COLUMN more TEXT DEFAULT 'x'",
        "CREATE TRIGGER t AFTER INSERT ON replies BEGIN SELECT 1; END",
        FOREIGN_VIEW,
    ],
)
def test_what_somebody_else_made_of_the_file_is_no_cache(tmp_path: Path, change: str) -> None:
    cache = ReplyCache(tmp_path)
    cache.put("one", REPLY, is_current=yes)
    connection = sqlite3.connect(tmp_path / REPLIES_FILE)
    connection.executescript(change)
    connection.close()

    assert cache.get("one") is None
    cache.put("two", REPLY, is_current=yes)
    cache.clear()
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_damaged_bytes_or_of_any_size_is_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = ReplyCache(tmp_path)
    cache.put("one", REPLY, is_current=yes)
    file = tmp_path / REPLIES_FILE
    whole = file.read_bytes()
    chance = random.Random(1)
    for place in range(0, len(whole), 512):
        file.write_bytes(whole[:place] + chance.randbytes(len(whole) - place))
        assert cache.get("one") in (None, REPLY)

    file.write_bytes(whole)
    assert cache.get("one") == REPLY
    monkeypatch.setattr("assistant.replies.MAX_BYTES", len(whole) - 1)
    assert cache.get("one") is None


def test_a_folder_in_its_place_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / REPLIES_FILE).mkdir()
    cache = ReplyCache(tmp_path)

    cache.put("one", REPLY, is_current=lambda: False)
    cache.clear()

    assert cache.get("one") is None
    assert (tmp_path / REPLIES_FILE).is_dir()
