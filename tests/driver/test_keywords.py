"""Keywords: those of qssmc.compile are the fields of the records of options; --update-golden writes them anew."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from qssmc.driver import keywords
from qssmc.driver.options import Choice, choices

HEAD = '''"""Keywords: the options of qssmc.compile with their types, made from the records of qssmc.driver.options.

pytest tests/driver/test_keywords.py --update-golden writes this file anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypedDict


class Keywords(TypedDict, total=False):
    """What qssmc.compile takes beside model and data; None stands for the default that `qssmc compile --help` tells."""

'''


def annotation(choice: Choice) -> str:
    if choice.choices is not None:
        return f"Literal[{', '.join(repr(text).replace(chr(39), chr(34)) for text in choice.choices)}] | None"
    if choice.parse is not None:
        return "Any"
    return f"{'Path | str' if choice.kind is Path else choice.kind.__name__} | None"


def made() -> str:
    fields = []
    for choice in choices():
        fields += textwrap.wrap(f"# {choice.help}", 116, subsequent_indent="# ", break_on_hyphens=False)
        fields.append(f"{choice.keyword}: {annotation(choice)}")
    return HEAD + textwrap.indent("\n".join(fields), "    ") + "\n"


def test_the_typed_keywords_are_those_of_the_records(request: pytest.FixtureRequest) -> None:
    path = Path(keywords.__file__)
    if request.config.getoption("--update-golden"):
        path.write_text(made(), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == made(), "the options changed: run pytest with --update-golden"
