"""Environment: the hand-written texts of a target, ready to be rendered; each is compiled once a process."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def environment(folder: str, comment: tuple[str, str] = ("{#", "#}")) -> Environment:
    """Those of a folder of qssmc_templates. A name that a view lacks is an error. comment: opens and closes one."""
    return Environment(
        loader=PackageLoader("qssmc_templates", folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        comment_start_string=comment[0],
        comment_end_string=comment[1],
    )
