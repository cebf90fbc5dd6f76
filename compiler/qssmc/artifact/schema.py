"""Schema of manifest.json: which facts a compiled folder states and of what kind each is."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Facts(BaseModel):
    """Facts that are read; others may stand beside them."""

    model_config = ConfigDict(strict=True, extra="allow")


class _Quantise(_Facts):
    max_steps: int = Field(default=1, ge=1)


class _Window(_Facts):
    g_min: float
    g_max: float
    v_read: float


class _Crossbar(_Facts):
    size: list[int] = Field(min_length=2, max_length=2)
    encoding: str
    form: str
    window: _Window


class _Config(_Facts):
    targets: list[str] = []
    quantise: _Quantise = Field(default_factory=_Quantise)
    crossbar: _Crossbar | None = None


class _InputFormat(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    width: int = Field(default=8, ge=1, le=32)
    frac: int = Field(default=8, ge=-32, le=32)
    signed: bool = False
    scale: float | list[float] = 1.0
    zero: int | list[int] = 0


class _Manifest(_Facts):
    """Readers ask for the facts that they need; here each that is there has its kind."""

    files: dict[str, _Sha256]
    name: str = ""
    golden: str = ""
    config: _Config = Field(default_factory=_Config)
    input_format: _InputFormat = Field(default_factory=_InputFormat)
    data_set: str | None = None


def manifest_fault(facts: Any) -> str | None:
    """The first fact that is of another kind than it must be, in words, or None.

    >>> manifest_fault({"files": {}, "config": {"targets": "c"}})
    'config.targets: input should be a valid list'
    """
    try:
        _Manifest.model_validate(facts)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part)[:80] for part in fault["loc"])
        return f"{where or 'the text'}: {fault['msg'][0].lower()}{fault['msg'][1:]}"
    return None
