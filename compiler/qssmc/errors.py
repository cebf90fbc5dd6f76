"""Errors: each kind of failure that a user can meet, with the exit code it ends in."""

from __future__ import annotations


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
