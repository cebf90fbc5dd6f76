"""Pickles: which classes a pickle asks for, read from its opcodes; nothing in it is ever run."""

from __future__ import annotations

import pickletools

MOST_READ = 1 << 24  # bytes of a pickle that are looked through
# What a dict of tensors asks for; everything else is an object of somebody's code.
_OF_TENSORS = (
    "torch._utils.", "torch.serialization.", "torch.storage.", "torch.nn.parameter.", "torch.Size", "torch.device",
    "torch.dtype", "collections.OrderedDict",
)  # fmt: skip
_STRINGS = ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE")


def classes_of(content: bytes) -> list[str] | None:
    """The classes and functions that a pickle names, in its order; None for what is no pickle to its end.

    A pickle may hold several, one after another, as files of old versions of torch do; the first is read to its end.

    >>> import pickle, collections
    >>> classes_of(pickle.dumps([collections.Counter()]))
    ['collections.Counter']
    >>> classes_of(b"text") is None
    True
    """
    found: list[str] = []
    strings: list[str] = []
    memo: dict[int, str] = {}
    last: str | None = None
    try:
        for opcode, arg, _ in pickletools.genops(content[:MOST_READ]):
            name = opcode.name
            if name in ("GLOBAL", "INST"):
                found.append(str(arg).replace(" ", "."))
            elif name == "STACK_GLOBAL" and len(strings) > 1:
                found.append(f"{strings[-2]}.{strings[-1]}")
            if name in _STRINGS:
                last = str(arg)
                strings.append(last)
            elif name == "MEMOIZE":
                memo[len(memo)] = last or ""
            elif name in ("BINPUT", "LONG_BINPUT"):
                memo[int(arg or 0)] = last or ""
            elif name in ("BINGET", "LONG_BINGET"):
                strings.append(memo.get(int(arg or 0), ""))
                last = None
            else:
                last = None
    except Exception:  # pickletools lets out whatever a text that is no pickle makes of its readers
        return None
    return list(dict.fromkeys(found))


def foreign_classes(classes: list[str]) -> list[str]:
    """Of the classes that a pickle names, those that no dict of tensors needs.

    >>> foreign_classes(["collections.OrderedDict", "torch.FloatStorage", "net.Model"])
    ['net.Model']
    """
    return [
        name
        for name in classes
        if not name.startswith(_OF_TENSORS) and not (name.startswith("torch.") and name.endswith("Storage"))
    ]
