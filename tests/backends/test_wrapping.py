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


@pytest.mark.parametrize("times", [1, 3, 4])
def test_a_line_of_a_macro_goes_on_to_its_end(times: int) -> None:
    statement = f"        {NAME * times}[at + i] = (int64_t)({NAME})[i];"
    text = f"#define COPY(at) \\\n{statement:<118} \\\n    done\n"
    lines = wrapped(text).splitlines()
    assert all(len(line) <= COLUMNS for line in lines)
    assert all(line.endswith("\\") for line in lines[:-1])
    assert squeezed("".join(lines).replace("\\", "")) == squeezed(text.replace("\\", ""))


def test_a_long_macro_breaks_in_lines_that_all_go_on() -> None:
    lines = wrapped(f"    x = {NAME * 2}[i] * {NAME * 2}[i] - {NAME}[i]; \\").splitlines()
    assert len(lines) == 2
    assert all(len(line) == 120 and line.endswith(" \\") for line in lines)
