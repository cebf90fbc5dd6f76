"""Errors: each kind of failure that a user can meet, with the exit code it ends in."""

from __future__ import annotations


def brief(error: BaseException) -> str:
    """The first line of what an exception of a library says, or its kind, for a message of ours.

    >>> brief(ValueError("bad shape\\nat line 3"))
    'bad shape'
    >>> brief(RecursionError())
    'RecursionError'
    """
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def shown(value: object) -> str:
    """A value of a file as it may stand in a message: on one line, and of 80 characters at most.

    >>> shown("x"), len(shown([1] * 100))
    ("'x'", 80)
    """
    try:
        text = " ".join(repr(value).split())
    except (ValueError, RecursionError):  # an integer of thousands of digits, lists in lists without end
        return f"that {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:79]}…"


class QssmcError(Exception):
    """A failure told in one clear sentence: what, where, what to do."""

    exit_code = 5


class VerificationError(QssmcError):
    """Two things that must be equal are not."""

    exit_code = 1


class UsageError(QssmcError):
    """A flag, a config value or a path that cannot be used as given."""

    exit_code = 2


class MalformedInputError(QssmcError):
    """A file whose content is not what its format promises."""

    exit_code = 2


class UnsupportedModelError(QssmcError):
    """A sound model that this compiler cannot take; the message lists every reason."""

    exit_code = 3


class ToolError(QssmcError):
    """An external program that is missing or failed; the message names the package that installs it."""

    exit_code = 4
