from pathlib import Path

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


def test_the_oldest_go_first(tmp_path: Path, monkeypatch) -> None:
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
