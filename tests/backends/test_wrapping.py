"""Line wrapping of emitted sources: where lines break, and that nothing but blanks and line ends changes."""

from __future__ import annotations

import re

import pytest

from qssmc.backends.wrapping import COLUMNS, wrapped

NAME = "a_name_of_some_length"


def squeezed(text: str) -> str:
    return re.sub(r"[\s*/]+", "", text)


@pytest.mark.parametrize(
    ("line", "second"),
    [
        (f"    const int32_t x = {NAME}[i] * {NAME * 2}[i] - {NAME * 2}[i] * {NAME}[i];", "        - " + NAME * 2),
        (f"    const int32_t {NAME * 3} = {NAME * 2}[i] * {NAME}[i];", "        " + NAME * 2),
        (f"    call({NAME * 2}, inner({NAME}, {NAME}), {NAME}, {NAME}, {NAME});", f"            {NAME}"),
        (f"    const ap_int<{NAME}, 8> x = f<{NAME}, {NAME}>({NAME * 2}, {NAME});", f"        f<{NAME}"),
        (f'    printf("{"a, b + c " * 11}", {NAME});', f"            {NAME}"),
        (f"/* one {'word ' * 30}*/", " *     word"),
        (f"// one {'word ' * 30}end", "//     word"),
        (f"    int32_t {NAME}[{NAME}]; /* {'word ' * 18}*/", f"    int32_t {NAME}"),
    ],
)
def test_a_long_line_breaks_where_it_reads_best(line: str, second: str) -> None:
    assert len(line) > COLUMNS
    lines = wrapped(line).splitlines()
    assert all(len(part) <= COLUMNS for part in lines)
    assert lines[1].startswith(second), lines
    assert sorted(squeezed("".join(lines))) == sorted(squeezed(line))


def test_what_fits_stays() -> None:
    text = f"{'x' * COLUMNS}\n\n    y = 1;\n#pragma {'z ' * 90}\n".replace(" \n", "\n")
    assert wrapped(text) == text


def test_a_line_of_a_macro_goes_on_at_its_end() -> None:
    """Blanks before the mark give way to a longer name; no part loses the mark."""
    for line in (
        f"    {NAME}[i] = 1;{' ' * 90}\\",
        f"  call({NAME * 2}, inner({NAME}, {NAME}), {NAME}, {NAME}); \\",
    ):
        lines = wrapped(line).splitlines()
        assert all(len(part) == COLUMNS and part.endswith("\\") for part in lines)
        assert "".join("".join(part[:-1].split()) for part in lines) == "".join(line[:-1].split())
