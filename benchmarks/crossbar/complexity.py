"""Complexity: effort and size of a compiled model on arrays, beside what QS4D reports for its designs, as Markdown.

    qssmc compile examples/s4d16_mnist.pt --target crossbar -o out && python -m benchmarks.crossbar.complexity out

The arrays are laid again from the folder's proven IR, for each choice of matrices and cells; no sequence is run.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from qssmc.artifact.manifest import read_manifest
from qssmc.crossbar import CrossbarOptions
from qssmc.ir import Graph, parse
from qssmc.passes.fuse import Fuse
from qssmc.passes.map_arrays import MapArrays
from qssmc.passes.prove import prove
from qssmc.report import effort_report

# Bits of a signed cell pair, of every column's ADC, and of every row's DAC: None is as many as the codes have.
_CHOICES = ((4, 8, None), (4, 6, None), (8, 8, None), (8, 6, None), (8, 8, 8))
_PUBLISHED = "| QS4D, published (arXiv 2507.06079) | | | 130 | 12.2 | 10.8 |"
_HEAD = (
    "| design | multiply-accumulates | columns | ACE × less | size × less | ADC effort × less |\n"
    "|---|---|---|---|---|---|"
)


def main() -> None:
    """Print the table of one folder."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crossbar.complexity", description=__doc__)
    parser.add_argument("folder", type=Path, help="written by qssmc compile")
    folder = parser.parse_args().folder
    files = read_manifest(folder)["files"]
    model, proved = (
        parse((folder / next(name for name in files if name.endswith(f"_{stage}.ir"))).read_text())
        for stage in ("float", "prove")
    )
    size = json.loads((folder / "report/storage.json").read_text())["times_smaller"]
    print("\n".join((_HEAD, *_rows(model, proved, size), _PUBLISHED)))


def _rows(model: Graph, proved: Graph, size: float) -> Iterator[str]:
    digital = effort_report(proved, model)
    yield (
        f"| every matrix its own operation, accumulators converted at once | {digital['macs']:,} | "
        f"{digital['conversions']:,} | {digital['ace_times_less']} | {size} | {digital['adc_times_less']} |"
    )
    for dense in (False, True):
        for cells, adc, dac in _CHOICES:
            options = CrossbarOptions(weight_bits=cells, adc_bits=None, dac_bits=dac, dense=dense)
            arrays = prove(MapArrays(options)(prove(Fuse(options.form, options.dense)(proved))))
            found = effort_report(arrays, model)
            columns, ideal = found["arrays"]["conversions"], found["arrays"]["adc_bits"]
            times = found["float32"]["adc_bits"] / (found["adc_bits"] - ideal + columns * adc)
            yield (
                f"| {'all matrices' if dense else 'SSM kernels'} on arrays, {cells}-bit cells, {adc}-bit ADCs, "
                f"{f'{dac}-bit' if dac else 'ideal'} DACs | {found['macs']:,} | {columns:,} | "
                f"{found['ace_times_less']} | {size} | {times:.2f} |"
            )


if __name__ == "__main__":
    main()
