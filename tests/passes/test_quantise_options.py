"""The options of the quantise pass: what is absurd is refused, all of it at once."""

from __future__ import annotations

from typing import Any

import pytest

from qssmc.errors import UsageError
from qssmc.passes.quantise import QuantiseOptions, parse_bits


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scheme": "int8"}, "scheme must be qssm or zhao, not 'int8'"),
        ({"a_form": "polar"}, "a_form must be increment or cartesian, not 'polar'"),
        ({"weight_bits": 1}, "weight bits must be 2 to 16, not 1"),
        ({"weight_bits": 17}, "weight bits must be 2 to 16, not 17"),
        ({"activation_bits": 13}, "activation bits must be 2 to 12, not 13"),
        ({"state_bits": 3}, "state bits must be 4 to 16, not 3"),
        ({"a_bits": 64}, "a bits must be 3 to 16, not 64"),
        ({"state_bits": True}, "state bits must be 4 to 16, not True"),
        ({"max_steps": 0}, "max steps must be 1 to 2^30, not 0"),
        ({"max_steps": 2.5}, "max steps must be 1 to 2^30, not 2.5"),
    ],
)
def test_absurd_options(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        QuantiseOptions(**options)
    assert str(caught.value) == words


def test_all_faults_of_the_options_come_at_once() -> None:
    with pytest.raises(UsageError, match=r"weight bits .*; state bits .*; max steps"):
        QuantiseOptions(weight_bits=0, state_bits=99, max_steps=-1)


def test_bits_as_text() -> None:
    assert parse_bits("W4A6") == (4, 6)
    assert parse_bits("w16a12") == (16, 12)


@pytest.mark.parametrize("text", ["", "4A6", "W4", "W4A", "W-4A6", "W4A6 ", "W4A6X8", "W4.5A6", "W1234A6", "W4,A6"])
def test_bits_that_cannot_be_read(text: str) -> None:
    with pytest.raises(UsageError, match="bits must look like W4A6"):
        parse_bits(text)
