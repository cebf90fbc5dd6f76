"""Emit: the Verilog of an integer graph as texts by path; the same graph and options give the same bytes."""

from __future__ import annotations

import json
from typing import Any

from qssmc.analysis.bounds import bounds
from qssmc.analysis.output_meaning import output_facts
from qssmc.analysis.step_limit import step_limit, steps_text
from qssmc.backends.environment import environment
from qssmc.backends.verilog.circuit import Circuit
from qssmc.backends.verilog.design import VerilogDesign, VerilogOptions, design
from qssmc.backends.verilog.estimate import ESTIMATE, estimate
from qssmc.backends.verilog.library import library, modules_of
from qssmc.backends.verilog.text import commented, instances, joined
from qssmc.crossbar.map import CrossbarMap
from qssmc.ir.graph import Graph

FOLDER = "verilog"


def emit(graph: Graph, options: VerilogOptions | None = None, crossbar: CrossbarMap | None = None) -> dict[str, str]:
    """All files of the Verilog target: {path: text}: the top, the library modules it uses, tables and a test bench;
    and what it is expected to take.

    crossbar: the map of arrays whose reads leave the core, which then drives a model of each array.
    """
    options = options or VerilogOptions()
    made = design(graph, options, crossbar)
    view = _view(graph, made)
    name = view["name"]
    templates = {f"{name}_top.v": "top.v.j2", f"sim/{name}_tb.v": "tb.v.j2", "sim/main.cpp": "main.cpp.j2"}
    templates |= {"Makefile": "sim.mk.j2", "sim/run.py": "run.py.j2", f"sim/bench_{name}.py": "bench.py.j2"}
    if len(made.circuit.ports) == 1:  # a serial line carries one output
        templates[f"{name}_board.v"] = "board.v.j2"
    texts = {path: environment("verilog").get_template(template).render(**view) for path, template in templates.items()}
    used = modules_of(text for path, text in texts.items() if path.endswith(".v"))
    texts |= {f"rtl/{module}.v": library()[module] for module in used}
    texts |= {f"mem/{file}": memory.text() for file, memory in made.circuit.memories().items()}
    texts["design.json"] = json.dumps(_facts(graph, made, view, argmax=options.argmax), indent=1) + "\n"
    found = {f"{FOLDER}/{path}": text for path, text in texts.items()}
    if crossbar is None:
        period = options.pace.clock_period if options.pace else None
        found[ESTIMATE] = json.dumps(estimate(made, period), indent=1) + "\n"
    return found


def _view(graph: Graph, made: VerilogDesign) -> dict[str, Any]:
    """What the templates print."""
    circuit = made.circuit
    wires, found = instances(circuit)
    saturated = [f"{cell.name}_saturated" for cell in circuit.cells if cell.saturates]
    ports = [
        {
            "name": port.name,
            "prefix": "m" if len(circuit.ports) == 1 else f"m_{port.name}",
            "net": port.cell.outputs["m"].name,
            "width": port.width,
            "bytes": _bytes(port.width),
            "fill": 8 * _bytes(port.width) - port.width - 1,
            "about": f"output {port.name}, {counted(port.extent, 'signed number')} "
            + ("after the last sample" if port.last else "a sample"),
        }
        for port in circuit.ports
    ]
    closing = next((p for p, port in zip(ports, circuit.ports, strict=True) if port.last), ports[0])
    (entrance,) = graph.inputs
    width = entrance.type.width
    assert width is not None
    limit = step_limit(graph, bounds(graph))
    kind = str(entrance.type).partition("[")[0]
    return {
        "name": graph.name,
        "about": about(
            graph.name, made, f"{counted(circuit.sample.extent, 'number')} a sample, each {kind}", ports, limit
        ),
        "max_steps": limit,
        "sample": {
            "width": width,
            "bytes": _bytes(width),
            "word_top": 8 * _bytes(width) - 1,
            "sign": f"s_data[{width - 1}]" if entrance.type.signed else "1'b0",
            "wide": circuit.sample.width,
            "count": circuit.sample.extent,
        },
        "ports": ports,
        "closing": closing["prefix"],
        "wires": wires,
        "traced": sorted({net.name for value in circuit.values for net in value.nets}),
        "instances": found,
        "saturated": joined(saturated, 12),
        "saturating": max(1, len(saturated)),
    }


def about(
    name: str, made: VerilogDesign, sample: str, ports: list[dict[str, Any]], limit: int | None
) -> tuple[str, ...]:
    """The comment on top of a core: what it is, what goes in and out, and how its wires are named.

    limit: the most steps of a sequence, if it has any.
    """
    lines = [
        f"{name}_top: a streaming core emitted by qssmc from graph {name}, {counted(made.lanes, 'lane')}.",
        f"{counted(made.schedule.interval, 'clock')} a sample. s: {sample}; s_last with a sequence's last",
        "s_data is exactly as wide as the format of a sample, so none lies beyond it; clamp what is wider before.",
        *(f"{port['prefix']}: {port['about']}" for port in ports),
        steps_text(limit),
        "Names: x_data, x_valid and x_ready are the stream of the op x of the graph; x_end is x after the last sample "
        "of a sequence; x__y_p goes from x to port p of y, x__y_p_q behind a queue, _s behind a register in both "
        "directions, _w in another width. token goes with every sample and tells whether it is the last.",
    ]
    return commented("\n".join(lines))


def counted(count: int, thing: str) -> str:
    """1 lane, 2 lanes."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _bytes(width: int) -> int:
    """Bytes of an element and of the bit that closes a sequence."""
    return -(-(width + 1) // 8)


def _facts(graph: Graph, made: VerilogDesign, view: dict[str, Any], *, argmax: bool) -> dict[str, Any]:
    """What a simulator's driver and the reports need to know."""
    cells = [cell for cell in made.circuit.cells if cell.work]
    (entrance,) = graph.inputs
    outputs = {output.name: output for output in graph.outputs}
    return {
        "top": f"{view['name']}_top",
        "lanes": made.lanes,
        "sample": {
            "width": entrance.type.width,
            "signed": entrance.type.signed,
            "count": made.circuit.sample.extent,
            "bytes": view["sample"]["bytes"],
        },
        "max_steps": view["max_steps"],
        "outputs": [
            {
                "name": port.name,
                "prefix": shown["prefix"],
                "width": port.width,
                "count": port.extent,
                "when": "last" if port.last else "step",
                "complex": graph[outputs[port.name].value].type.complex,
                "argmax": argmax,
                "meaning": output_facts(graph, outputs[port.name]),
            }
            for port, shown in zip(made.circuit.ports, view["ports"], strict=True)
        ],
        "values": [
            {
                "op": value.op,
                "when": "last" if value.last else "step",
                "nets": [{"name": net.name, "width": net.width, "count": net.extent} for net in value.nets],
            }
            for value in made.circuit.values
        ],
        "expected": {
            "interval": made.schedule.interval,
            "latency": made.schedule.latency,
            "multipliers": sum(cell.multipliers - cell.soft for cell in cells),
            "multipliers_of_adders": sum(cell.soft for cell in cells),
            "multiplications": sum(cell.work for cell in cells),
            "rom_bits": sum(memory.bits for memory in made.circuit.memories().values()),
            "ram_bits": sum(cell.ram for cell in made.circuit.cells) + _queue_bits(made.circuit),
        },
        "queues": {f"{name}.{port}": depth for (name, port), depth in made.circuit.queues.items()},
    }


def _queue_bits(circuit: Circuit) -> int:
    widths = {(cell.name, port): net.width for cell in circuit.cells for port, (net, _) in cell.inputs.items()}
    return sum((1 << (depth - 1).bit_length()) * widths[edge] for edge, depth in circuit.queues.items())
