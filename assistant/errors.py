"""Every error that the assistant raises on purpose; its message is one line that says what to do.

AssistantError
├ SettingsError             an unknown or impossible setting
├ ArticleError              unreadable, empty, too large or refused; names the source
│ ├ KindError               a kind of document that isn't read; `what` names it
│ └ FetchError              an address that gives no page; `status` is what its server said, if it said anything
├ AnswerError               a file of answers that can't be read, or holds something else; names the place
├ PromptError               a prompt's file is missing, or its placeholders aren't the expected ones
├ LibraryError
│ ├ LibraryLockedError      another process is writing; names it
│ ├ LibraryMismatchError    made by another embedding model or a newer version
│ ├ LibraryDamagedError     what is damaged
│ └ LibraryGoneError        a shared library that was deleted since it was found
├ ModelError                a model that is missing, unreachable or refused; `retryable` says whether to try again
└ EvaluationError           cases or results that can't be read or don't fit; `mistakes` are all of them, a line each

"The articles don't answer" is data (`Answer.abstained`), not an error.
"""


class AssistantError(Exception):
    """The root of the tree: catch this to catch them all."""


class SettingsError(AssistantError):
    """A setting, an option or a question that can't be worked with."""


class ArticleError(AssistantError):
    """A source that can't become an article."""


class KindError(ArticleError):
    """A document of a kind that isn't read; `what` is what it is, in the singular: "image"."""

    def __init__(self, message: str, *, what: str) -> None:
        super().__init__(message)
        self.what = what


class FetchError(ArticleError):
    """An address that gives no page; `status` is HTTP's, or None where no server answered.

    `is_private` says that none was asked, for the address itself isn't public; `is_final`, that asking again is of no
    use while nobody changes what is allowed.
    """

    def __init__(
        self, message: str, *, status: int | None = None, is_private: bool = False, is_final: bool = False
    ) -> None:
        super().__init__(message)
        self.status = status
        self.is_private = is_private
        self.is_final = is_final or is_private


class AnswerError(AssistantError):
    """A file of answers that can't be read, or isn't one."""


class PromptError(AssistantError):
    """A prompt's file that is missing or can't be used."""


class LibraryError(AssistantError):
    """The library can't be opened, read or written."""


class LibraryLockedError(LibraryError):
    """Another process is writing to the library."""


class LibraryMismatchError(LibraryError):
    """The library was made by another embedding model or a newer version of the assistant."""


class LibraryDamagedError(LibraryError):
    """The library's own file is damaged."""


class LibraryGoneError(LibraryError):
    """A shared library that was deleted since it was found."""


class ModelError(AssistantError):
    """A language or embedding model that is missing, unreachable or refuses.

    `retryable` says whether the same again may work, `is_too_long` whether less text would.
    """

    def __init__(self, message: str, *, retryable: bool = False, is_too_long: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.is_too_long = is_too_long


class EvaluationError(AssistantError):
    """Cases or results that can't be read or don't fit together; `mistakes` are all that is wrong, a line each."""

    def __init__(self, *mistakes: str) -> None:
        more = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
        super().__init__(f"{mistakes[0]}{more}")
        self.mistakes = mistakes
