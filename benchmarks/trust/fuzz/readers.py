"""Readers: for every kind of file that the command line reads, how a case is made from the kit's sound one."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import click
import onnx
import torch

from benchmarks.trust.fuzz.case import Case
from benchmarks.trust.fuzz.mutate import (
    NUMBERS,
    TEXTS,
    change_bytes,
    change_tree,
    json_bytes,
    npy_bytes,
    odd_value,
    text_bytes,
    zip_bytes,
)

OUT = ("-o", "out")
_FAST = ("--target", "c", "--vectors", "2", *OUT)
Make = Callable[[Path, Random], Case]


def ir_text(kit: Path, random: Random) -> Case:
    """IR text through inspect, and through passes."""
    name = random.choice([path.name for path in sorted(kit.glob("*.ir"))])
    words = (
        *("matvec", "add", "requant", "lookup", "input", "state", "output", "next", "table", "graph", "glu", "decay"),
    *("f64", "i8", "u8", "i64", "i65", "i0", "ci16", "real", "int", "grid", "width", "scale", "step"),
    *("last", "mean"),
        *("integer", "float", "quantised", "discrete", "zoh", "gelu", "shift", "weight", "bias", "from", "%", "@"),
    )  # fmt: skip
    content = text_bytes((kit / name).read_bytes(), random, words)
    if random.random() < 0.6:
        return Case("ir", ("inspect", name), {name: content})
    passes = random.choice([(), ("-p", "canonicalise"), ("-p", "discretise"), ("-p", "fuse"), ("-p", "prove")])
    return Case("ir", ("opt", name, *passes, "-o", "out/x.ir"), {name: content})


def checkpoint(kit: Path, random: Random) -> Case:
    """A .pt: bytes, archive, pickle, or the fields of the payload."""
    argv = ("inspect", "tiny.pt") if random.random() < 0.7 else ("compile", "tiny.pt", *_FAST)
    original = (kit / "tiny.pt").read_bytes()
    kind = random.randrange(10)
    if kind < 3:
        content = zip_bytes(original, random, lambda name, data, r: change_bytes(data, r))
    else:
        payload = torch.load(io.BytesIO(original), weights_only=True)
        for _ in range(random.choice([1, 1, 2])):
            _change_payload(payload, random)
        stream = io.BytesIO()
        try:
            torch.save(payload, stream, _use_new_zipfile_serialization=random.random() < 0.9)
        except Exception:  # what torch itself cannot write is no file
            return checkpoint(kit, random)
        content = stream.getvalue()
    return Case("checkpoint", argv, {"tiny.pt": content})


def _change_payload(payload: dict[str, Any], random: Random) -> None:
    kind = random.randrange(6)
    if kind == 0 or not isinstance(payload.get("state"), dict) or not isinstance(payload.get("config"), dict):
        key = random.choice([*payload, "x"])
        payload[key] = odd_value(random) if random.random() < 0.7 else payload.get("state")
    elif kind == 1 and payload:
        payload.pop(random.choice(list(payload)))
    elif kind == 2:
        payload["config"] = change_tree(payload["config"], random)
    elif kind == 3:
        where = random.choice(["input_format", "provenance"])
        if isinstance(payload.get(where), dict):
            payload[where] = change_tree(payload[where], random)
    elif payload["state"] or kind == 5:
        state = payload["state"]
        name = random.choice([*state, "calibration", "new"])
        holder = payload if name == "calibration" else state
        holder[name] = _odd_tensor(holder.get(name), random)


def _odd_tensor(tensor: Any, random: Random) -> Any:
    if not isinstance(tensor, torch.Tensor):
        tensor = torch.ones(2, 3)
    choices: list[Callable[[], Any]] = [
        lambda: tensor.to(random.choice([torch.float16, torch.bfloat16, torch.int8, torch.complex64, torch.bool])),
        lambda: torch.empty(1).expand(2**40),
        lambda: torch.zeros(1).expand(2**20, 2**20, 2**20),
        lambda: tensor.new_zeros(1).expand(tensor.shape),
        lambda: torch.full(tensor.shape, random.choice([float("nan"), float("inf"), 1e30, -1e38, 1e-40])),
        lambda: tensor.double() * random.choice([1e300, 1e-300, 1e10]),
        lambda: tensor.to_sparse() if tensor.ndim else tensor,
        lambda: torch.empty(2**40, 3, device="meta"),
        lambda: tensor.reshape(-1)[: tensor.numel() // 2],
        lambda: torch.zeros(0),
        lambda: torch.zeros(()),
        lambda: odd_value(random),
        lambda: tensor.T if tensor.ndim == 2 else tensor[None],
        lambda: torch.quantize_per_tensor(tensor.float(), 0.1, 0, torch.qint8),
        lambda: torch.nn.Parameter(tensor.float() * 1e6),
    ]
    return random.choice(choices)()


def safetensors(kit: Path, random: Random) -> Case:
    """A .safetensors: bytes, or the fields of its header."""
    argv = ("inspect", "tiny.safetensors") if random.random() < 0.7 else ("compile", "tiny.safetensors", *_FAST)
    original = (kit / "tiny.safetensors").read_bytes()
    size = int.from_bytes(original[:8], "little")
    header, rest = json.loads(original[8 : 8 + size]), original[8 + size :]
    kind = random.randrange(4)
    if kind == 0:
        return Case("safetensors", argv, {"tiny.safetensors": change_bytes(original, random)})
    if kind == 1:
        facts = json.loads(header["__metadata__"]["qssmc"])
        header["__metadata__"]["qssmc"] = json_bytes(facts, random).decode("utf-8", "replace")
        text = json.dumps(header).encode()
    elif kind == 2:
        text = json_bytes(header, random)
    else:
        name = random.choice([key for key in header if key != "__metadata__"])
        header[name]["dtype"] = random.choice(["F16", "BF16", "I8", "U8", "BOOL", "F64", "I64", "F8_E4M3", "X"])
        text = json.dumps(header).encode()
    length = len(text) if random.random() < 0.95 else random.choice([0, 2**40, 2**63, len(text) + 9])
    return Case("safetensors", argv, {"tiny.safetensors": length.to_bytes(8, "little") + text + rest})


def onnx_graph(kit: Path, random: Random) -> Case:
    """An ONNX step or closing graph: bytes, or the fields of its messages."""
    name = random.choice(["m_step.onnx", "m_step.onnx", "m_last.onnx"])
    original = (kit / name).read_bytes()
    if random.random() < 0.2:
        content = change_bytes(original, random)
    else:
        model = onnx.load_from_string(original)
        for _ in range(random.choice([1, 1, 1, 2, 4])):
            change_message(model, random)
        content = model.SerializeToString()
    return Case("onnx", ("compile", "m_step.onnx", "--calib", "calib.npy", *_FAST), {name: content})


def change_message(message: Any, random: Random) -> None:
    """One field of a protobuf message, or of one inside it, set to an extreme, cleared, doubled, moved or removed."""
    inner = list(_messages(message))
    holder = random.choice(inner)
    fields = [field for field, _ in holder.ListFields()]
    if not fields:
        return
    field = random.choice(fields)
    value = getattr(holder, field.name)
    if hasattr(value, "append") or hasattr(value, "add"):
        kind, at = random.randrange(5), random.randrange(len(value))
        if kind == 0:
            del value[at]
        elif kind == 1:
            value.append(value[at])
        elif kind == 2 and len(value) > 1:
            items = list(value)
            random.shuffle(items)
            del value[:]
            value.extend(items)
        elif kind == 3:
            holder.ClearField(field.name)
        elif field.message_type is None:
            value[at] = _odd_scalar(field, value[at], random, inner)
    elif field.message_type is not None or random.random() < 0.2:
        holder.ClearField(field.name)
    else:
        setattr(holder, field.name, _odd_scalar(field, value, random, inner))


def _messages(message: Any) -> Any:
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for item in value if hasattr(value, "append") or hasattr(value, "add") else [value]:
                yield from _messages(item)


_OPERATORS = (
    *("MatMul", "Gemm", "Add", "Sub", "Mul", "Div", "Neg", "Identity", "Sigmoid", "Tanh", "Relu", "Gelu"),
    *("Erf", "Exp"),
    *("Softmax", "Gather", "Concat", "Slice", "Reshape", "Transpose", "Loop", "If", "Constant", "Cast"),
    *("Nope", "LSTM"),
    *("ReduceSum", "Expand", "Split", "LayerNormalization", "Pow", "Sqrt", "Where", "RandomNormal", "Pad", "Conv"),
)  # fmt: skip


def _odd_scalar(field: Any, value: Any, random: Random, inner: list[Any]) -> Any:
    if field.cpp_type == field.CPPTYPE_STRING:
        if isinstance(value, bytes):
            return change_bytes(value, random)
        names = [m.name for m in inner if hasattr(m, "name") and isinstance(m.name, str)]
        return random.choice([random.choice(names or ["x"]), random.choice(_OPERATORS), random.choice(TEXTS[:20])])
    if field.cpp_type in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        return random.choice([0.0, 1e38, -1e38, float("nan"), float("inf"), 1e-40])
    if field.cpp_type == field.CPPTYPE_ENUM:
        return random.choice([item.number for item in field.enum_type.values])
    bits = 31 if field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_UINT32) else 63
    return random.choice([0, 1, 2, 3, 5, 7, 16, 100, 2**20, 2**30, 2**bits - 1, -1 if value >= 0 else 1])


_YAML = (
    *("[" * 5000, "{a: " * 3000, "- " * 3000, "2001-01-01", "2001-01-01T00:00:00Z", "2001-99-99", "1:30:00", "0x10"),
    *("0o9", ".inf", "-.inf", ".nan", "1e400", "9" * 400, "~", "null", "yes", "!!binary aGk="),
    *("!!binary '='", "!!set {a}"),
    *("!!python/object:os.system x", "!!int x", "!!float x", "!!bool 3", "!!timestamp x", "!!omap [a]", "!!pairs [1]"),
    *("&a [*a]", "*b", "&a {<<: *a}", "{<<: 3}", "{[1, 2]: 3}", "? [a]\n: b", "|\n  x", ">-\n  x", "'"),
    *('"\\x"', "\t"), *("'\0'", "@", "`", "%", "[1, 2", "{1: 2}", "!!str [1]", "!<tag:x> 1", "\ufeff"),
    *("\x85", "!!int 0b", "!!int 1__", "=", "<<"),
    *("'2001-01-01'", "c,c", "W8A8,", "W99A99", "W-1A8", "W8A8W8A8", "qssm", "all", "crossbar"),
    *("./calib.npy", "tiny.pt"),
)  # fmt: skip


def yaml_config(kit: Path, random: Random) -> Case:
    """A YAML config of compile: lines, keys and values."""
    lines = (kit / "config.yaml").read_text().splitlines()
    for _ in range(random.choice([1, 1, 2])):
        at, kind = random.randrange(len(lines)), random.randrange(8)
        key, _, value = lines[at].partition(": ")
        if kind == 0:
            lines.insert(at, lines[at])
        elif kind == 1:
            lines[at] = f"{random.choice([*TEXTS, *_YAML]).replace(chr(10), '')}: {value}"
        elif kind == 2:
            lines[at] = " " * random.randrange(4) + lines[at]
        elif kind < 6:
            lines[at] = f"{key}: {random.choice(_YAML)}"
        else:
            lines[at] = f"{key}: {random.choice([*map(str, NUMBERS), *TEXTS])}"
    content = "\n".join(lines).encode("utf-8", "surrogateescape") + b"\n"
    if random.random() < 0.15:
        content = change_bytes(content, random)
    if random.random() < 0.03:
        content = random.choice(
            [b"\xff\xfe" + content, b"a: &a [x,x]\n" * 3, b"[" * 100_000, b"---\n---\n", b"- a", b"3"]
        )
    return Case("yaml", ("compile", "tiny.pt", "-c", "config.yaml", *OUT), {"config.yaml": content})


def folder(kit: Path, random: Random) -> Case:
    """A compiled folder: any of its files, with or without hashes that fit, through whatever reads folders."""
    name, argv = random.choice([
        ("design", ("verify", "design", "--target", "onnx")),
        ("design", ("verify", "design", "--target", "onnx")),
        ("design", ("verify", "design", "--target", "c")),
        ("design", ("eval", "design", "--engine", "golden", "--dataset", "mnist", "--data", "data", "--count", "2")),
        ("design", ("eval", "design", "--engine", "onnx", "--dataset", "mnist", "--data", "data", "--count", "2")),
        ("arrays", ("verify", "arrays")),
        ("arrays", ("crossbar", "check", "arrays")),
        ("arrays", ("simulate", "arrays", "--dataset", "mnist", "--data", "data", "--count", "2", "--trials", "1")),
        ("core", ("verify", "core", "--sequences", "1")),
        ("core", ("synth", "core", "--family", "xc7", "--tools", "yowasp")),
        ("flow", ("lint-hls", "flow")),
    ])  # fmt: skip
    paths = [path for path in sorted((kit / name).rglob("*")) if path.is_file()]
    read = [path for path in paths if path.suffix in (".json", ".ir", ".npy", ".onnx", ".npz", ".csv")]
    path = random.choice(read if random.random() < 0.8 else paths)
    if random.random() < 0.2:
        path = kit / name / "manifest.json"
    content = None if random.random() < 0.04 else changed_file(path, random)
    inside = path.relative_to(kit).as_posix()
    renew = (name,) if random.random() < 0.7 and path.name != "manifest.json" else ()
    return Case("folder", argv, {inside: content}, renew)


def changed_file(path: Path, random: Random) -> bytes:
    """A file changed as its ending asks for."""
    original = path.read_bytes()
    if path.suffix == ".json":
        return json_bytes(json.loads(original), random)
    if path.suffix == ".npy":
        return npy_bytes(original, random)
    if path.suffix == ".npz":
        return zip_bytes(original, random, lambda name, data, r: npy_bytes(data, r))
    if path.suffix == ".onnx":
        model = onnx.load_from_string(original)
        change_message(model, random)
        return model.SerializeToString()
    if path.suffix == ".ir":
        return text_bytes(original, random, ("add", "matvec", "i8", "int", "step", "last", "lookup", "requant"))
    if random.random() < 0.4 and path.suffix in (".c", ".h", ".v", ".mem", ".csv", ".cpp"):
        return text_bytes(original, random, ("int", "0", "for", "\udcff\udcfe", "é", "#error \udcff", "-", "while"))
    return change_bytes(original, random)


def calibration(kit: Path, random: Random) -> Case:
    """A .npy of calibration sequences."""
    content = npy_bytes((kit / "calib.npy").read_bytes(), random)
    return Case("calibration", ("compile", "tiny.pt", "--calib", "calib.npy", *_FAST), {"calib.npy": content})


def weight_map(kit: Path, random: Random) -> Case:
    """map.json or arrays.npz of a weight map."""
    base = kit / "arrays" / "crossbar"
    path = random.choice([base / "map.json", base / "map.json", *base.glob("*.npz")])
    argv = random.choice([("crossbar", "check", "arrays"), ("crossbar", "check", "arrays/crossbar/map.json")])
    inside = path.relative_to(kit).as_posix()
    return Case("weight map", argv, {inside: changed_file(path, random)})


def data_set(kit: Path, random: Random) -> Case:
    """The files of MNIST and of the spoken digits."""
    if random.random() < 0.5:
        path = random.choice(sorted((kit / "data/mnist").glob("t10k*")))
        raw = gzip.decompress(path.read_bytes())
        size = 4 + 4 * raw[3]
        if random.random() < 0.3:
            content = change_bytes(path.read_bytes(), random)
        elif random.random() < 0.6:
            content = gzip.compress(change_bytes(raw[:size], random) + raw[size:])
        else:
            content = gzip.compress(change_bytes(raw, random))
        name = "mnist"
    else:
        path, name = kit / "data/fsdd/recordings.zip", random.choice(["fsdd", "zero-one"])
        content = zip_bytes(path.read_bytes(), random, lambda n, data, r: change_bytes(data[:44], r) + data[44:])
    argv = ("eval", "tiny.pt", "--engine", "torch", "--dataset", name, "--data", "data")
    return Case("data set", argv, {path.relative_to(kit).as_posix(): content})


_NEVER = {"scheduler", "output_dir", "output", "help", "data", "config", "cc", "cxx", "min_accuracy", "pareto", "jobs"}
_BASES = {
    "compile": ("tiny.pt", *_FAST),
    "verify": ("design", "--target", "onnx"),
    "eval": ("design", "--engine", "golden", "--dataset", "mnist", "--data", "data", "--count", "2"),
    "simulate": ("arrays", "--dataset", "mnist", "--data", "data", "--count", "2", "--trials", "1"),
    "synth": ("core", "--tools", "yowasp"),
    "inspect": ("tiny.pt",),
    "opt": ("float.ir", "-o", "out/x.ir"),
    "train": ("--dataset", "mnist", "--data", "data", "--epochs", "1", "--d-model", "2", "-o", "out/m.pt"),
    "lint-hls": ("flow",),
    "supported-ops": (),
}


def arguments(kit: Path, random: Random) -> Case:
    """The command line itself: odd values for the options of every command."""
    from qssmc.cli.commands import COMMANDS

    command = random.choice([entry for entry in COMMANDS if entry.name in _BASES])
    argv = [command.name, *_BASES[command.name]]
    options = [p for p in command.load().params if isinstance(p, click.Option) and p.name not in _NEVER]
    for option in random.choices(options, k=random.choice([1, 1, 2, 3])) if options else ():
        argv.append(random.choice(option.opts))
        if not option.is_flag:
            argv.append(_odd_argument(option, random))
    if random.random() < 0.1:
        argv[random.randrange(len(argv))] = random.choice([*TEXTS[:20], "-x", "--", "design", "tiny.pt", "data", "."])
    return Case("arguments", tuple(item.replace("\0", "0") for item in argv))


def _odd_argument(option: click.Option, random: Random) -> str:
    if isinstance(option.type, click.Choice) and random.random() < 0.7:
        return str(random.choice(list(option.type.choices)))
    small = [
        "0",
        "1",
        "2",
        "3",
        "-1",
        "0.5",
        "8",
        "64",
        "1e-3",
        "99",
        "nan",
        "inf",
        "-inf",
        "1e400",
        "1e308",
        "9" * 400,
    ]
    words = ["a=b", "a=1,2", "W4A4", "W0A0", "64x64", "0x0", "1x1", "99999999x9", "ideal", "u8.8", "s99.9", "mnist:5"]
    return random.choice([*small, *small, *words, *TEXTS, *(str(n) for n in NUMBERS if n not in (10**9, 2**31 - 1))])


READERS: dict[str, tuple[Make, int]] = {
    "ir": (ir_text, 5),
    "checkpoint": (checkpoint, 6),
    "safetensors": (safetensors, 3),
    "onnx": (onnx_graph, 6),
    "yaml": (yaml_config, 4),
    "folder": (folder, 8),
    "calibration": (calibration, 2),
    "weight map": (weight_map, 2),
    "data set": (data_set, 2),
    "arguments": (arguments, 5),
}
