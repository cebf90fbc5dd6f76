"""Mutate: seeded changes of bytes, trees of plain values, .npy files, zip archives and text."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

NUMBERS: tuple[Any, ...] = (
    *(0, 1, -1, 2, 7, 31, 32, 63, 64, 255, 256, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64, -(2**63), -(2**64)),
    *(10**9, 10**18, 10**400, -(10**400), 0.5, -0.0, 1e-320, 1e308, -1e308, float("inf"), float("-inf"), float("nan")),
)
TEXTS = (
    *("", " ", "\n", "x", "x" * 5000, "\0", "%s%n", "../../../etc/passwd", "/etc/passwd", "/dev/null", "/dev/zero"),
    *("é", "\U0001f600", "\udcff", "nan", "1e400", "-1", "true", "NULL", "a.b.c", "[1", "{", '"', "int8"),
    *("O", "2001-01-01"),
)  # fmt: skip


def odd_value(random: Random) -> Any:
    """A plain value that no field is made for."""
    pick = random.random()
    if pick < 0.5:
        return random.choice(NUMBERS)
    if pick < 0.75:
        return random.choice(TEXTS)
    return random.choice(
        [None, True, False, [], {}, [[]], [1, 2, 3], {"a": 1}, [None], {"": None}, deep(50), [0] * 1000]
    )


def deep(levels: int) -> Any:
    """Lists in lists."""
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


def change_bytes(content: bytes, random: Random) -> bytes:
    """One to four changes: flipped, cut, repeated, inserted or overwritten bytes."""
    data = bytearray(content)
    for _ in range(random.choice([1, 1, 1, 2, 4])):
        at = random.randrange(len(data) + 1)
        size = random.choice([1, 1, 2, 4, 8, 64])
        kind = random.randrange(8)
        if kind == 0:
            del data[at:]
        elif kind == 1:
            del data[at : at + size]
        elif kind == 2:
            data[at : at + size] = random.randbytes(size)
        elif kind == 3:
            data[at:at] = random.randbytes(size)
        elif kind == 4:
            data[at : at + size] = random.choice([b"\0", b"\xff", b"\x7f", b"9", b"-", b"["]) * size
        elif kind == 5:
            data[at:at] = data[at : at + 64]
        elif at < len(data):
            data[at] ^= 1 << random.randrange(8)
    if random.random() < 0.02:
        return random.choice([b"", b"\0" * 100, b"[" * 200_000, b"9" * 100_000, b'{"a":' * 50_000])
    return bytes(data)


def change_tree(tree: Any, random: Random) -> Any:
    """A tree of plain values with one to three fields changed, deleted, renamed or doubled; the input stays."""
    tree = json.loads(json.dumps(tree))
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        places = list(_places(tree))
        if not places:
            return odd_value(random)
        holder, key = random.choice(places)
        kind = random.randrange(10)
        if kind < 6:
            holder[key] = _near(holder[key], random) if random.random() < 0.3 else odd_value(random)
        elif kind == 6:
            del holder[key]
        elif isinstance(holder, dict):
            name = random.choice([*TEXTS, *holder])
            holder[name] = holder[key] if kind == 7 else holder.pop(key)
        else:
            holder.insert(random.randrange(len(holder) + 1), holder[key])
    return tree


def _places(tree: Any) -> Any:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield tree, key
        yield from _places(value)


def _near(value: Any, random: Random) -> Any:
    """A value of the same kind that is a little, or much, off."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, (int, float)):
        return random.choice([value + 1, value - 1, -value, value * 2, value * 2**40, value / 3])
    if isinstance(value, str):
        return random.choice([value + "x", value[:-1], value.upper(), value * 100, "../" + value])
    return [value, value] if isinstance(value, list) else {"a": value}


def json_bytes(tree: Any, random: Random) -> bytes:
    """A changed tree as JSON text, at times with a key given twice or levels beyond any parser's patience."""
    text = json.dumps(change_tree(tree, random))
    if random.random() < 0.05:
        text = text.replace("null", "[" * 100_000, 1) if "null" in text else "[" * 100_000
    if random.random() < 0.05:
        text = text[:1] + text[1 : text.find(",") + 1] + text[1:]
    return text.encode("utf-8", "surrogateescape")


_DESCR = ("|O", "<f8", "<f4", "<f2", ">i8", "<i8", "|u1", "|b1", "<c16", "<M8[s]", "|V8", "<U4", "|S0", "<i3", "x", "")
_SHAPES = (
    (),
    (0,),
    (1,),
    (1, 1, 1),
    (0, 24, 1),
    (12, 0, 1),
    (2**40, 1, 1),
    (2**62, 2**62),
    (-1,),
    (10**30,),
    (1,) * 40,
)


def npy_bytes(content: bytes, random: Random) -> bytes:
    """A .npy file with another header, other numbers, or changed bytes."""
    kind = random.randrange(5)
    array = np.load(io.BytesIO(content))
    if kind == 0:
        return change_bytes(content, random)
    if kind == 1:
        return _npy(_odd_array(array, random))
    descr, shape = array.dtype.str, array.shape
    if kind in (2, 4):
        shape = random.choice([*_SHAPES, array.shape[::-1], array.shape[1:]])
    if kind in (3, 4):
        descr = random.choice(_DESCR)
    order = random.choice(["True", "False", "False", "2"])
    header = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape!r}, }}"
    if random.random() < 0.1:
        header = random.choice(
            [
                "{",
                "[" * 5000,
                "{}",
                "{'shape': 9",
                "1" * 20000,
                "__import__('os')",
                "{'descr': [('a', '<i8')], 'fortran_order': False, 'shape': (1,)}",
            ]
        )
    text = header.encode() + b" " * (-(len(header) + 11) % 64) + b"\n"
    version = random.choice([b"\x01\x00"] * 5 + [b"\x02\x00", b"\x09\x00"])
    return b"\x93NUMPY" + version + (len(text) % 65536).to_bytes(2, "little") + text + array.tobytes()


def _npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _odd_array(array: Any, random: Random) -> Any:
    kind = random.randrange(8)
    if kind == 0:
        return array.astype(random.choice([np.float64, np.float32, np.int64, np.uint64, np.bool_, np.complex128]))
    if kind == 1:
        return np.full(array.shape, random.choice([2**62, -(2**62), 255, -1, 32768]), np.int64)
    if kind == 2:
        return np.full(array.shape, random.choice([np.nan, np.inf, 1e300, 0.5]))
    if kind == 3:
        return array[random.randrange(len(array) + 1) :] if array.ndim else array
    if kind == 4:
        return array.reshape(-1) if random.random() < 0.5 else array[None]
    if kind == 5:
        return np.full(array.shape, 2**64 - 1, np.uint64)
    if kind == 6:
        return np.asfortranarray(array)
    return np.array([["a", "b"]])


def zip_bytes(content: bytes, random: Random, inside: Callable[[str, bytes, Random], bytes]) -> bytes:
    """An archive with one member changed, deleted, doubled, renamed or stored oddly; or changed bytes."""
    if random.random() < 0.15:
        return change_bytes(content, random)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    at, kind = random.randrange(len(members)), random.randrange(10)
    info, data = members[at]
    if kind < 6:
        members[at] = info, inside(info.filename, data, random)
    elif kind == 6:
        del members[at]
    elif kind == 7:
        members.append((info, change_bytes(data, random)))
    elif kind == 8:
        members[at] = zipfile.ZipInfo(random.choice([*TEXTS[3:9], info.filename + "x", info.filename.upper()])), data
    else:
        members[at] = info, random.choice([b"", b"\0" * 1_000_000])
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for item, held in members:
            name = zipfile.ZipInfo(item.filename.replace("\0", "?") or "empty", item.date_time)
            name.compress_type = random.choice([item.compress_type, zipfile.ZIP_DEFLATED])
            archive.writestr(name, held)
    return stream.getvalue()


def text_bytes(content: bytes, random: Random, words: tuple[str, ...]) -> bytes:
    """A text with lines deleted, doubled or swapped, or with tokens replaced by extremes and words of the language."""
    if random.random() < 0.15:
        return change_bytes(content, random)
    lines = content.decode().splitlines()
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        if not lines:
            break
        at, kind = random.randrange(len(lines)), random.randrange(8)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(random.randrange(len(lines) + 1), lines[at])
        elif kind == 2:
            other = random.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        else:
            lines[at] = _token(lines[at], random, words)
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")


def _token(line: str, random: Random, words: tuple[str, ...]) -> str:
    import re

    tokens = re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?|\w+|\s+|.", line)
    if not tokens:
        return line
    at = random.randrange(len(tokens))
    if tokens[at].lstrip("-")[:1].isdigit() and random.random() < 0.8:
        tokens[at] = str(random.choice(NUMBERS))
    elif random.random() < 0.8:
        tokens[at] = random.choice(words)
    else:
        tokens[at] = random.choice([t for t in TEXTS if "\n" not in t])
    return "".join(tokens)
