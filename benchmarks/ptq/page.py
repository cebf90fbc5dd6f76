"""PTQ page: the measured points as Markdown tables and as one picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import mean, pstdev
from typing import Any

from benchmarks.ptq.cases import ABLATIONS, CASES, Case

Points = Mapping[tuple[Case, int], Mapping[str, Any]]
_WIDTH, _HEIGHT, _LEFT, _TOP = 720, 380, 60, 30
_FONT = 'font-family="sans-serif" font-size="12"'
_MIDDLE = 'text-anchor="middle"'


def page(points: Points, floats: list[dict[str, Any]]) -> str:
    """The whole of ptq.md."""
    return "\n".join([*_head(), *_designs(points), *_prune(floats), *_ablations(points), *_commands(points)]) + "\n"


def _measured(points: Points) -> list[Case]:
    return [case for case in CASES if all((case, seed) in points for seed in case.seeds)]


def _head() -> Iterator[str]:
    yield "# Quantisation without training, measured"
    yield ""
    yield "Accuracy of the emitted C on the whole test set (10,000 MNIST images, one pixel a step; 300 spoken digits of"
    yield "1,280 samples), mean and standard deviation over draws of the calibration sequences. No gradient is used."
    yield "Made by `.venv/bin/python -m benchmarks.ptq` (`make results` does all pages)."
    yield ""
    yield "![accuracy over memory](ptq.svg)"
    yield ""


def _designs(points: Points) -> Iterator[str]:
    yield "## Designs"
    yield ""
    yield "Memory is parameters and state in bits as stored, exponents, zero points, tables and width fields included,"
    yield "against float32 of the unpruned model; then the saving in the published accounting (arXiv"
    yield "2506.12480; elements of weights, poles and states). ACE is bits times bits of every multiplication."
    yield ""
    yield (
        "| design | bits (W mean) | poles / state, mean | accuracy % | goal % | bytes | × smaller | goal × "
        "| published accounting, saving % | ACE × less | compile, CPU s | published for these bits |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|---|"
    for case in _measured(points):
        found = [points[case, seed] for seed in case.seeds]
        accuracy = [float(point["accuracy"]) for point in found]
        spread = f" ± {pstdev(accuracy):.2f} ({len(accuracy)} draws)" if len(accuracy) > 1 else " (1 draw)"
        asked = ["" if value is None else f"{value:g}" for value in case.asked]
        yield (
            f"| {case.title} | {case.bits} ({mean(p['weight_bits'] for p in found):.2f}) "
            f"| {case.a_bits:g} / {case.state_bits:g} | **{mean(accuracy):.2f}**{spread} | {asked[0]} "
            f"| {mean(p['bytes'] for p in found):,.0f} | {mean(p['times_smaller'] for p in found):.2f} | {asked[1]} "
            f"| {mean(p['published_saving'] for p in found):.1f} | {mean(p['ace_times_less'] for p in found):.0f} "
            f"| {mean(p['seconds'] for p in found):.0f} | {case.published} |"
        )
    yield ""


def _prune(floats: list[dict[str, Any]]) -> Iterator[str]:
    if not floats:
        return
    yield "## Pruning alone, in float"
    yield ""
    yield "| model | complex states left | heads / channels left | accuracy % | loss, points | goal |"
    yield "|---|---|---|---|---|---|"
    whole = {row["model"]: row["accuracy"] for row in floats if row["states"] is None}
    for row in floats:
        kept = "all" if not row["heads"] else f"{row['heads']} / {row['channels']}"
        loss = whole[row["model"]] - row["accuracy"]
        asked = "" if row["asked"] is None else f"≤ {row['asked']:g}"
        yield f"| {row['model']} | {row['left']:,} | {kept} | {row['accuracy']:.2f} | {loss:.2f} | {asked} |"
    yield ""


def _ablations(points: Points) -> Iterator[str]:
    if any((case, 0) not in points for ablation in ABLATIONS for case in ablation.cases().values()):
        return
    yield "## What each step contributes"
    yield ""
    yield "One draw of calibration sequences; every line changes one thing of the first."
    yield ""
    names = list(ABLATIONS[0].off)
    titles = [_title(ablation.base) for ablation in ABLATIONS]
    yield f"| | {' | '.join(f'{title}: accuracy %' for title in titles)} |"
    yield f"|---|{'---|' * len(titles)}"
    for name in names:
        cells = [f"{points[ablation.cases()[name], 0]['accuracy']:.2f}" for ablation in ABLATIONS]
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""


def _title(case: Case) -> str:
    return f"{case.title}, {case.bits}, {case.a_bits:g} / {case.state_bits:g}"


def _commands(points: Points) -> Iterator[str]:
    yield "## Commands"
    yield ""
    yield "Each design with its first draw (`--seed 0`); add `-o DIR`, then `qssmc eval DIR --engine c --dataset NAME`."
    yield ""
    yield "```"
    yield from dict.fromkeys(case.command() for case in _measured(points))
    yield "```"


def picture(points: Points) -> str:
    """Accuracy over memory, both axes as large as the designs need; published figures beside ours."""
    marks = [
        (float(points[case, seed]["times_smaller"]), float(points[case, seed]["accuracy"]), case.model)
        for case in _measured(points)
        for seed in case.seeds
    ]
    published = [(5.87, 88.39, "QAT S4D-16"), (6.27, 95.99, "QAT S4D-64"), (6.81, 57.04, "QAT 6/6 S4D-16")]
    colours = {"S4D-16": "#1f77b4", "S4D-64": "#d62728", "spoken digits": "#2ca02c"}
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" {_FONT}>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        *_axes(),
        *(_dot(x, y, colours[model]) for x, y, model in marks if y >= _LOWEST),
        *(_cross(x, y, text) for x, y, text in published if y >= _LOWEST),
        *(
            f'<text x="{_LEFT + 20 + 130 * i}" y="{_TOP - 10}" fill="{colour}">● {model}</text>'
            for i, (model, colour) in enumerate(colours.items())
        ),
        f'<text x="{_LEFT + 420}" y="{_TOP - 10}" fill="#555">× published, with training</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


_LOWEST, _HIGHEST, _MOST = 84.0, 100.0, 26.0


def _x(times: float) -> float:
    return round(_LEFT + times / _MOST * (_WIDTH - _LEFT - 20), 1)


def _y(accuracy: float) -> float:
    return round(_TOP + (_HIGHEST - accuracy) / (_HIGHEST - _LOWEST) * (_HEIGHT - _TOP - 50), 1)


def _axes() -> Iterator[str]:
    for accuracy in range(int(_LOWEST), int(_HIGHEST) + 1, 2):
        yield f'<line x1="{_LEFT}" x2="{_WIDTH - 20}" y1="{_y(accuracy)}" y2="{_y(accuracy)}" stroke="#ddd"/>'
        yield f'<text x="{_LEFT - 8}" y="{_y(accuracy) + 4}" text-anchor="end">{accuracy}</text>'
    for times in range(0, int(_MOST) + 1, 5):
        yield f'<line x1="{_x(times)}" x2="{_x(times)}" y1="{_TOP}" y2="{_HEIGHT - 50}" stroke="#ddd"/>'
        yield f'<text x="{_x(times)}" y="{_HEIGHT - 34}" text-anchor="middle">{times} ×</text>'
    yield f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 12}" {_MIDDLE}>smaller than float32, parameters and state</text>'
    turn = f'transform="rotate(-90 14 {_HEIGHT / 2})"'
    yield f'<text x="14" y="{_HEIGHT / 2}" {turn} {_MIDDLE}>accuracy %</text>'


def _dot(times: float, accuracy: float, colour: str) -> str:
    return f'<circle cx="{_x(times)}" cy="{_y(accuracy)}" r="5" fill="{colour}" fill-opacity="0.6"/>'


def _cross(times: float, accuracy: float, text: str) -> str:
    return f'<text x="{_x(times)}" y="{_y(accuracy) + 4}" text-anchor="middle" fill="#555">× {text}</text>'
