import inspect
import re

import pytest

import assistant
from assistant import errors
from assistant.errors import AssistantError, ModelError


def draw(error: type[Exception], indent: str = "") -> list[str]:
    """Draw an error and those that are made from it as the module's docstring does."""
    lines = [error.__name__]
    below = error.__subclasses__()
    for child in below:
        is_last = child is below[-1]
        first, *rest = draw(child)
        lines.append(f"{indent}{'└' if is_last else '├'} {first}")
        lines += [f"{indent}{' ' if is_last else '│'} {line}" for line in rest]
    return lines


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    drawn = re.findall(r"^([│├└ ]*\w+Error)\b", errors.__doc__ or "", re.MULTILINE)

    assert drawn == draw(AssistantError)


def test_every_error_of_the_module_is_in_the_tree() -> None:
    classes = [value for value in vars(errors).values() if inspect.isclass(value)]

    assert {error.__name__ for error in classes} == {line.split()[-1] for line in draw(AssistantError)}
    assert all(error.__doc__ for error in classes)


def test_every_error_can_be_imported_from_the_package() -> None:
    assert {line.split()[-1] for line in draw(AssistantError)} <= set(assistant.__all__)


@pytest.mark.parametrize("retryable", [True, False])
def test_a_model_error_says_whether_to_try_again(retryable: bool) -> None:
    error = ModelError("over the limit; wait a minute", retryable=retryable)

    assert error.retryable is retryable
    assert str(error) == "over the limit; wait a minute"
