"""The stand-in for the vendor's headers: exact against Python's integers, and equal to the open ap_int headers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from support.emitted_hls import ap_types, compare_every_op, csim, write
from support.graphs import random_s4d

STANDIN = Path(__file__).parents[2] / "templates" / "qssmc_templates" / "hls" / "standin"
OPERATORS = ("+", "-", "*", "/", "%", "&", "|", "^", "<", "<=", "==")


def wrapped(value: int, width: int, signed: bool) -> int:
    value %= 1 << width
    return value - (1 << width) if signed and value >> (width - 1) else value


def ap(width: int, signed: bool) -> str:
    return f"ap_{'' if signed else 'u'}int<{width}>"


def number(value: int) -> str:
    return f"(-{(1 << 63) - 1}LL - 1)" if value == -(1 << 63) else f"{value}{'ULL' if value >> 63 else 'LL'}"


def exact(operator: str, a: int, b: int) -> int:
    """As C++ defines them on mathematical integers: division truncates."""
    if operator in "/%":
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        return quotient if operator == "/" else a - b * quotient
    return int(eval(f"a {operator} b", {"a": a, "b": b}))


def cases(seed: int, count: int) -> list[tuple[str, int]]:
    """C++ expressions on random types and extreme values, and what they must print."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        types = [(int(random.integers(1, 63)), bool(random.integers(2))) for _ in range(3)]
        values = []
        for width, signed in types[:2]:
            low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
            plain = int(random.integers(low, high, endpoint=True))
            values.append(int(random.choice(np.array([low, high, max(low, -1), plain, plain], object))))
        a, b = (f"{ap(*t)}({number(v)})" for t, v in zip(types[:2], values, strict=True))
        operator = str(random.choice(OPERATORS))
        if operator in "/%" and values[1] == 0:
            continue
        result = exact(operator, *values)
        found.append((f"{ap(*types[2])}({a} {operator} {b})", wrapped(result, *types[2])))
        shift = int(random.integers(0, 70))
        found.append((f"{ap(63, True)}({a} >> {shift})", values[0] >> shift))
        found.append((f"{ap(64, True)}({a} << {shift})", wrapped(wrapped(values[0] << shift, *types[0]), 64, True)))
        found.append((f"ap_int<64>(-{a} + 3)", -values[0] + 3))
        compound = f"[] {{ {ap(*types[2])} x = {a}; x += {b}; return x; }}()"
        found.append((compound, wrapped(wrapped(values[0], *types[2]) + values[1], *types[2])))
    return found


def run(found: list[tuple[str, int]], include: Path, folder: Path, cxx: str = "g++") -> list[str]:
    """What a C++ program prints for the expressions."""
    lines = [f'    std::printf("%lld\\n", static_cast<long long>(({text}).to_int64()));' for text, _ in found]
    source = folder / "cases.cpp"
    body = "\n".join(lines)
    source.write_text(f"#include <cstdio>\n#include <ap_int.h>\nint main()\n{{\n{body}\n}}\n")
    flags = ["-std=c++14", "-O0", "-fsanitize=undefined", "-fno-sanitize-recover=all"]
    if include == STANDIN:
        flags += ["-Wall", "-Wextra", "-Werror"]
    else:
        flags = ["-std=c++14", "-O0", "-w"]
    how = "-I" if include == STANDIN else "-isystem"
    subprocess.run([cxx, *flags, how, str(include), "-o", str(folder / "cases"), str(source)], check=True)
    return subprocess.run([str(folder / "cases")], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("cxx", ["g++", "clang++"])
def test_random_operations_are_exact(cxx: str, tmp_path: Path) -> None:
    found = cases(1, 40)
    assert run(found, STANDIN, tmp_path, cxx) == [str(value) for _, value in found]


def test_random_operations_equal_the_open_headers(tmp_path: Path) -> None:
    found = cases(2, 60)
    theirs = run(found, ap_types(), tmp_path)
    assert theirs == run(found, STANDIN, tmp_path)
    assert theirs == [str(value) for _, value in found]


@pytest.mark.parametrize("cxx", ["g++", "clang++"])
def test_models_give_the_same_with_the_open_headers(cxx: str, tmp_path: Path) -> None:
    headers = ap_types()
    graph = random_s4d([3, 0, 5, 2], seed=3, norm=True, multiplier=True)
    compare_every_op(graph, tmp_path, lanes=2, cxx=cxx, level="-w", ap_types=headers)
    samples = np.random.default_rng(0).integers(0, 256, (3, 9, 1))
    result = csim(write(graph, tmp_path / "csim", samples, lanes=2), cxx=cxx, AP_TYPES=str(headers))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "3 sequences of 9 samples: every output is as expected" in result.stdout


def test_reading_an_empty_stream_ends_the_program(tmp_path: Path) -> None:
    source = tmp_path / "empty.cpp"
    source.write_text(
        '#include <hls_stream.h>\nint main() { hls::stream<int> s("s"); s.write(1); s.read(); s.read(); }\n'
    )
    subprocess.run(["g++", "-I", str(STANDIN), "-o", str(tmp_path / "empty"), str(source)], check=True)
    result = subprocess.run([str(tmp_path / "empty")], capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "stream s is read while it is empty" in result.stderr
