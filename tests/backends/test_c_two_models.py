"""Two emitted models in one program, and the README's example as it stands: real programs around the emitted files."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from qssmc.cli import main
from qssmc.data import load_split
from qssmc.evaluation.accuracy import evaluate
from support.emitted import SANITIZE, STRICT
from support.tiny import LENGTH, tiny_model

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# Steps of both models alternate, so that any memory that they share shows.
BOTH = """
#include <inttypes.h>
#include <stdio.h>
#include "one.h"
#include "two.h"

static one_state s;
static two_state t[2];

int main(void)
{
    %(one)s a[ONE_OUTPUT_Y];
    %(two)s b[TWO_OUTPUT_Y];
    one_init(&s);
    two_init(&t[0]);
    two_init(&t[1]);
    for (int n = 0; n < %(length)d; n++) {
        const uint8_t x[3] = {(uint8_t)(7 * n), (uint8_t)(11 * n + 3), (uint8_t)(n * n)};
        one_step(&s, x);
        for (int k = 0; k < 2; k++) {
            two_step(&t[k], x, b);
        }
    }
    one_last(&s, a);
    for (int i = 0; i < ONE_OUTPUT_Y; i++) {
        printf("%%" PRId64 "\\n", (int64_t)a[i]);
    }
    for (int i = 0; i < TWO_OUTPUT_Y; i++) {
        printf("%%" PRId64 "\\n", (int64_t)b[i]);
    }
    return 0;
}
"""


def compiled(folder: Path, name: str, calibration: np.ndarray, **config: object) -> Path:
    np.save(folder / f"{name}.npy", calibration)
    model = tiny_model(folder, f"{name}.pt", **config)
    flags = ["--calib", str(folder / f"{name}.npy"), "--name", name, "--max-steps", "784"]
    assert main(["-q", "compile", str(model), "-o", str(folder / name), *flags]) == 0
    return folder / name


def output_type(design: Path, name: str) -> str:
    found = re.search(r"(\w+) \*restrict out", (design / "c" / f"{name}.h").read_text())
    assert found
    return found[1]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two designs, and the samples that the program makes as their vectors."""
    folder = tmp_path_factory.mktemp("pair")
    steps = np.arange(LENGTH)
    samples = np.stack([7 * steps, 11 * steps + 3, steps * steps], axis=-1)[None] & 255
    one = compiled(folder, "one", samples[..., :1], norm="layer", n_layers=2)
    return one, compiled(folder, "two", samples, d_input=3, output="step", d_output=2, norm="layer")


@pytest.mark.parametrize("cc", ["gcc", "clang"])
@pytest.mark.parametrize("files", [("one.c", "two.c", "both.c"), ("unity.c",)], ids=["linked", "one unit"])
def test_two_models_in_one_program(files: tuple[str, ...], cc: str, pair: tuple[Path, Path], tmp_path: Path) -> None:
    one, two = pair
    src = tmp_path / "src"
    src.mkdir()
    for design, name in ((one, "one"), (two, "two")):
        for file in (f"{name}.c", f"{name}.h", f"{name}_tables.h", "qssm_kernels.h"):
            shutil.copy(design / "c" / file, src / file)
    types = {"one": output_type(one, "one"), "two": output_type(two, "two")}
    (src / "both.c").write_text(BOTH % {**types, "length": LENGTH})
    (src / "unity.c").write_text('#include "one.c"\n#include "two.c"\n#include "both.c"\n')
    subprocess.run([cc, *STRICT, *SANITIZE, "-o", "both", *files], cwd=src, check=True)
    printed = subprocess.run([src / "both"], capture_output=True, text=True, check=True).stdout
    wanted = [*np.load(one / "vectors/y.npy")[0], *np.load(two / "vectors/y.npy")[0, -1]]
    assert [int(line) for line in printed.split()] == wanted


def test_no_symbol_but_those_of_the_prefix_leaves_the_object(pair: tuple[Path, Path], tmp_path: Path) -> None:
    source = pair[0] / "c" / "one.c"
    subprocess.run(["gcc", *STRICT, "-O2", "-c", str(source)], cwd=tmp_path, check=True)
    listed = subprocess.run(["nm", "-g", "one.o"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    defined = {line.split()[-1] for line in listed.splitlines() if " U " not in line}
    needed = {line.split()[-1] for line in listed.splitlines() if " U " in line}
    assert defined == {"one_init", "one_reset", "one_step", "one_last"}
    assert needed <= {"memset", "memcpy"}


def test_the_example_of_the_readme_runs(tmp_path: Path) -> None:
    (snippet,) = re.findall(r"```c\n(.*?)```", README, re.DOTALL)
    data = load_split("digits28", "test").take(5)
    design = tmp_path / "out"
    shipped = ROOT / "examples" / "s4d16_mnist.pt"
    assert main(["-q", "compile", str(shipped), "-o", str(design), "--calib", "digits28:4"]) == 0
    program = (
        f"{snippet}\n#include <stdio.h>\n\nint main(void)\n{{\n    static uint8_t pixel[784];\n"
        "    while (fread(pixel, 1, sizeof pixel, stdin) == sizeof pixel) {\n"
        '        printf("%d\\n", classify(pixel));\n    }\n    return 0;\n}\n'
    )
    strict = program.replace("int classify(", "int classify(const uint8_t pixel[784]);\n\nint classify(", 1)
    (design / "c" / "example.c").write_text(strict)
    subprocess.run(
        ["gcc", *STRICT, *SANITIZE, "-o", "example", "example.c", "s4d16_mnist.c"], cwd=design / "c", check=True
    )
    (design / "c" / "example.c").unlink()
    ran = subprocess.run([design / "c" / "example"], input=data.samples.tobytes(), capture_output=True, check=True)
    assert [int(line) for line in ran.stdout.split()] == evaluate(design, "golden", data).predictions.tolist()
