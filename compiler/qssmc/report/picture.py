"""Picture: where the bytes of a design are and how many bits an element has, as an SVG text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from qssmc.report.table import NO_NUMBERS, in_bytes

# (most bits, fill, what the legend says), light to dark
_SHADES = (
    (2, "#fde7a9", "1–2"),
    (4, "#f9c567", "3–4"),
    (6, "#8fcf8a", "5–6"),
    (8, "#43a7a0", "7–8"),
    (12, "#3b7bb5", "9–12"),
    (16, "#3d4f9f", "13–16"),
    (1 << 30, "#432a68", "more"),
)
_LETTER = 6.7  # width of a letter at 11 px in a monospaced font, with a little air
_MARGIN, _ROW, _BAR, _PLOT, _HEADS, _STATES = 24.0, 19.0, 13.0, 360.0, 70.0, 30.0
_STYLE = """
  text { font: 11px "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #26282b; }
  .title { font-size: 14px; font-weight: bold; } .note { fill: #5d6166; } .axis { stroke: #b9bbbe; stroke-width: 1; }
  .none { fill: #ffffff; stroke: #b9bbbe; stroke-width: 1; } .count { fill: #b9bbbe; }
"""


def bits_picture(storage: Mapping[str, Any], title: str, sensitivity: Mapping[str, float] = NO_NUMBERS) -> str:
    """A bar of bytes for every tensor of a storage report, largest first, and the state's bits head by head.

    A colour says how many bits an element has in the mean. Tooltips bring kind, origin and range of bits. The same
    report gives the same bytes. sensitivity: as in bits_table.
    """
    return _Picture(storage, title, sensitivity).svg()


class _Picture:
    """Places one element below the other."""

    def __init__(self, storage: Mapping[str, Any], title: str, sensitivity: Mapping[str, float]) -> None:
        self.storage, self.title = storage, title
        self.parts = sorted(storage["parts"], key=lambda part: -part["bits"])
        self.notes = [_note(part, sensitivity.get(part["name"])) for part in self.parts]
        self.left = _MARGIN + _LETTER * max([len(part["name"]) for part in self.parts] + [12]) + 10
        self.span = self.left + _PLOT + 8 + _LETTER * max([*map(len, self.notes), 8]) + _MARGIN
        self.y = _MARGIN

    def svg(self) -> str:
        """The whole document."""
        body = [*self._head(), *self._bars(), *self._heads()]
        height = self.y + _MARGIN - _ROW + _BAR
        size = f'width="{self.span:.0f}" height="{height:.0f}" viewBox="0 0 {self.span:.0f} {height:.0f}"'
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
            f"<title>{_text(self.title)}</title>",
            f"<style>{_STYLE}</style>",
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            *body,
            "</svg>",
        ]
        return "\n".join(lines) + "\n"

    def _head(self) -> Iterator[str]:
        storage = self.storage
        yield self._label(_MARGIN, self.title, "title")
        self.y += _ROW + 3
        total = in_bytes(storage["parameter_bits"] + storage["state_bits"])
        parameters, state = in_bytes(storage["parameter_bits"]), in_bytes(storage["state_bits"])
        yield self._label(
            _MARGIN,
            f"{total} bytes, {storage['times_smaller']} x smaller than float32; "
            f"{parameters} of parameters ({storage['parameters_times_smaller']} x), "
            f"{state} of state ({storage['state_times_smaller']} x)",
            "note",
        )
        self.y += _ROW + 3
        yield self._label(_MARGIN, "bits an element", "note")
        x = self.left
        for _, fill, label in _SHADES:
            yield f'<rect x="{x:.1f}" y="{self.y:.1f}" width="16" height="{_BAR:.0f}" fill="{fill}"/>'
            yield self._label(x + 21, label, "note")
            x += 21 + _LETTER * len(label) + 14
        self.span = max(self.span, x + _MARGIN)
        self.y += _ROW + 7

    def _bars(self) -> Iterator[str]:
        most = max([part["bits"] for part in self.parts] + [1])
        for part, note in zip(self.parts, self.notes, strict=True):
            width = max(1.0, _PLOT * part["bits"] / most)
            least = f"{part['narrowest']} to {part['widest']} bits"
            about = f"{part['name']}: {part['kind']} of {part['origin'] or 'nowhere'}, {least}"
            yield f"<g><title>{_text(about)}</title>"
            yield self._label(self.left - 8, part["name"], "name", "end")
            yield _rect(self.left, self.y, width, _BAR, part["mean_bits"])
            yield self._label(self.left + width + 6, note, "note") + "</g>"
            self.y += _ROW

    def _heads(self) -> Iterator[str]:
        for name, heads in self.storage["state_bits_by_head"].items():
            self.y += _ROW
            count = sum(head["states"] for head in heads)
            title = f"state bits by head: {name}, {count:,} states of {len(heads)} heads"
            yield self._label(_MARGIN, title, "title")
            self.y += _ROW + 8
            pitch = min(22.0, (self.span - self.left - _MARGIN) / max(1, len(heads)))
            yield from self._bits_of(heads, pitch)
            self.y += _HEADS
            yield f'<path class="axis" d="M {self.left:.1f} {self.y:.1f} h {len(heads) * pitch:.1f}"/>'
            self.y += 4
            yield from self._states_of(heads, pitch)

    def _bits_of(self, heads: Sequence[Mapping[str, Any]], pitch: float) -> Iterator[str]:
        """Bars upward; an empty outline for a head without states."""
        most = max([head["mean_bits"] for head in heads] + [1.0])
        yield self._label(self.left - 8, f"{most:.4g}", "note", "end")
        yield self._label(self.left - 8, "0 bits", "note", "end", _HEADS - 10)
        for i, head in enumerate(heads):
            x, tall = self.left + i * pitch, _HEADS * head["mean_bits"] / most
            yield f"<g><title>head {i}: {head['states']} states of {head['mean_bits']:.4g} bits</title>"
            if head["states"]:
                yield _rect(x, self.y + _HEADS - tall, pitch * 0.8, tall, head["mean_bits"]) + "</g>"
            else:
                y = self.y + _HEADS - 3
                yield f'<rect class="none" x="{x:.1f}" y="{y:.1f}" width="{pitch * 0.8:.1f}" height="3"/></g>'

    def _states_of(self, heads: Sequence[Mapping[str, Any]], pitch: float) -> Iterator[str]:
        """How many states: a number where there is room for it, else grey bars downward."""
        most = max([head["states"] for head in heads] + [1])
        if pitch >= 3 * _LETTER:
            yield self._label(self.left - 8, "states", "note", "end")
            for i, head in enumerate(heads):
                x = self.left + (i + 0.4) * pitch
                yield self._label(x, str(head["states"]), "note", "middle")
            self.y += _ROW
            return
        yield self._label(self.left - 8, f"{most} states", "note", "end", _STATES - 10)
        for i, head in enumerate(heads):
            x, tall = self.left + i * pitch, _STATES * head["states"] / most
            yield (f'<rect class="count" x="{x:.1f}" y="{self.y:.1f}" width="{pitch * 0.8:.1f}" height="{tall:.1f}"/>')
        self.y += _STATES + 8

    def _label(self, x: float, text: str, style: str, anchor: str = "start", drop: float = 0.0) -> str:
        y = self.y + drop + 10.5
        return f'<text class="{style}" text-anchor="{anchor}" x="{x:.1f}" y="{y:.1f}">{_text(text)}</text>'


def _note(part: Mapping[str, Any], sensitivity: float | None) -> str:
    note = f"{in_bytes(part['bits'])} B: {part['elements']:,} x {part['mean_bits']:.3g} bit"
    return note if sensitivity is None else f"{note}, sensitivity {sensitivity:.3g}"


def _rect(x: float, y: float, width: float, height: float, bits: float) -> str:
    fill = next(fill for most, fill, _ in _SHADES if round(bits) <= most)
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>'


def _text(text: str) -> str:
    """Escaped, with the characters that XML forbids shown as a replacement character."""
    allowed = "".join(c if c in "\t\n\r" or (c >= " " and not "\ud800" <= c <= "\udfff") else "\ufffd" for c in text)
    return escape(allowed, {'"': "&quot;"})
