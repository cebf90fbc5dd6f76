"""Crossbar arrays: how full they get under each packing, and that fused kernels lose nothing."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.array_layout import lay_out
from qssmc.analysis.ssm_layers import ssm_layers
from qssmc.crossbar import CrossbarOptions
from qssmc.crossbar.options import Form, Packing
from qssmc.data import load_split
from qssmc.driver.compile import compile_checkpoint, file_sha256
from qssmc.driver.compile_options import CompileOptions
from qssmc.errors import VerificationError
from qssmc.ir import Graph, parse, print_graph
from qssmc.models import load_checkpoint
from qssmc.passes.fuse import Fuse
from qssmc.passes.fuse.forms import RULES
from qssmc.passes.map_arrays import MapArrays
from qssmc.passes.methods import Methods
from qssmc.passes.prove import prove
from qssmc.passes.quantise import QuantiseOptions
from qssmc.report import arrays_report
from qssmc_sim import run

_SEQUENCES = 2


@dataclass(frozen=True)
class Layout:
    """A model with so many states a head (None: what the default pruning leaves), and its arrays."""

    title: str
    model: str
    data: str
    methods: Methods
    weight_bits: int = 4
    reads: int = 1
    packing: Packing = "shared"
    size: int = 64


_PRUNED = Methods(states=6.0, fill=1, bits_by="mixed", input_bits=6, place=True, refit=True, clip=True)
_S4D16 = ("S4D-16, 6 states", "s4d16_mnist.pt", "mnist", _PRUNED)
_THREE = (
    "zero or one, 14 states",
    "s4d3_zero_one.pt",
    "zero-one",
    Methods(fill=1, input_bits=8, refit=True, clip=True),
)
LAYOUTS = (
    Layout(*_S4D16, packing="one-head"),
    Layout(*_S4D16),
    *(Layout(*_S4D16, reads=reads) for reads in (4, 16, 96)),
    *(Layout(*_S4D16, weight_bits=bits, reads=96) for bits in (6, 8)),
    *(Layout(*_THREE, weight_bits=8, packing=packing) for packing in ("one-head", "shared")),
    Layout(*_THREE, weight_bits=8, reads=42),
    Layout(*_THREE, weight_bits=8, reads=42, size=32),
)


def layouts(work: Path) -> list[dict[str, Any]]:
    """What every layout reports of its arrays."""
    return [_kept(work, f"layout {layout}", partial(_layout, layout, work)) for layout in LAYOUTS]


def same(form: Form, work: Path) -> dict[str, Any]:
    """What of the fused products the arrays of a form give exactly. Raises VerificationError if not all of it."""
    return _kept(work, f"same {form} {_SEQUENCES}", partial(_same, form, work))


def _kept(work: Path, what: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A record, read back where it is there."""
    path = work / f"arrays_{hashlib.sha256(what.encode()).hexdigest()[:12]}.json"
    if not path.is_file():
        path.write_text(json.dumps(make()))
        print(what, flush=True)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def _layout(layout: Layout, work: Path) -> dict[str, Any]:
    proven, source = _stages(work, layout.model, layout.data, layout.methods)
    options = CrossbarOptions(
        size=(layout.size, layout.size), weight_bits=layout.weight_bits, reads=layout.reads, packing=layout.packing
    )
    report = arrays_report(lay_out(prove(Fuse(options.form)(proven)), options), source)
    named = {name: value for name, value in vars(layout).items() if name != "methods"}
    return {**named, "allowed": layout.reads, **report}


def _same(form: Form, work: Path) -> dict[str, Any]:
    """Run S4D-16 through the stages and count the values that are the same. Raises VerificationError if any is not.

    Arrays with ideal converters beside fused products, every value of every op that both have, at every step; and, if y
    is late, fused beside unfused outputs.
    """
    proven, _ = _stages(work, *_S4D16[1:])
    fused = prove(Fuse(form)(proven))
    arrays = prove(MapArrays(CrossbarOptions(adc_bits=None, form=form))(fused))
    samples = load_split("mnist", "test").take(_SEQUENCES).samples.astype(np.int64)
    first, second = _Digests(samples.shape[1]), _Digests(samples.shape[1])
    outputs = run(fused, samples, first.see).outputs
    found = run(arrays, samples, second.see).outputs
    both = first.found.keys() & second.found.keys()
    late = len(ssm_layers(proven)) if RULES[form].late else 0
    faults = sorted(name for name in both if first.found[name].digest() != second.found[name].digest())
    for wanted in (found, run(proven, samples).outputs if late else {}):
        faults += [name for name, values in wanted.items() if not np.array_equal(values, outputs[name])]
    if faults or not both:
        raise VerificationError(f"form {form}: %{', %'.join(faults)} differ")
    return {
        "form": form, "late": late, "sequences": len(samples), "steps": samples.shape[1], "ops": len(both),
        "arrays": sum(first.counts[name] for name in both), "unfused": sum(v.size for v in outputs.values()),
    }  # fmt: skip


class _Digests:
    """A hash of all values of each op in so many steps, and how many there were; after the last come the outputs."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.found: dict[str, Any] = {}
        self.counts: Counter[str] = Counter()

    def see(self, t: int, values: Mapping[str, NDArray[Any]]) -> None:
        """One step of all sequences."""
        if t >= self.steps:
            return
        for name, value in values.items():
            self.found.setdefault(name, hashlib.sha256()).update(np.ascontiguousarray(value, np.int64).tobytes())
            self.counts[name] += value.size


def _stages(work: Path, model: str, data: str, methods: Methods) -> tuple[Graph, Graph]:
    """The proven graph of a model and its float graph, kept in work."""
    folder = work / f"{Path(model).stem}_{hashlib.sha256(repr(methods).encode()).hexdigest()[:8]}"
    if not (folder / "source.ir").is_file():
        path = Path("examples") / model
        quantise = QuantiseOptions(
            weight_bits=4 if data == "mnist" else 8, activation_bits=6 if data == "mnist" else 8, state_bits=9,
            a_bits=9, dither=True, max_steps=5120,
        )  # fmt: skip
        options = CompileOptions("design", quantise, calib=f"{data}:112", vectors=1, methods=methods)
        made = compile_checkpoint(load_checkpoint(path), file_sha256(path), options, data=None, say=lambda _: None)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "proven.ir").write_text(print_graph(made.stages["prove"]))
        (folder / "source.ir").write_text(print_graph(made.stages["canonicalise"]))
    return parse((folder / "proven.ir").read_text()), parse((folder / "source.ir").read_text())
