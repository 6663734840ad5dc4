"""A little of fuzzing.py each time, and all that it ever found."""

import pytest
from fuzzing import SEEDS, TARGETS, fuzz


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_damaged_is_read_or_refused(name: str) -> None:
    problem, _ = fuzz(name, number=9, examples=15)

    assert problem is None, problem


@pytest.mark.parametrize(("name", "data"), [(name, data) for name, found in SEEDS.items() for data in found])
def test_what_was_found_once_is_read_or_refused(name: str, data: bytes) -> None:
    TARGETS[name].check(data)
