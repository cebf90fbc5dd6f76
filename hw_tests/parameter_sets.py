"""Parameter sets of every library module: legal ones at the ends of what is allowed, and one for each check that fails.

A module's checks are named by the modules that are missing when they fail, without the module's own name in front.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Parameters = Mapping[str, int | str]  # a string is Verilog text


@dataclass(frozen=True)
class Sets:
    """legal: sets that must pass; illegal: for each check, a change to the first legal set that must be refused."""

    legal: Sequence[Parameters]
    illegal: Mapping[str, Parameters]


def at_least_one(*names: str) -> dict[str, Parameters]:
    """For each of the names, a check that it is 1 or more."""
    return {f"{name}_must_be_1_or_more": {name: 0} for name in names}


def not_negative(*names: str) -> dict[str, Parameters]:
    """For each of the names, a check that it is 0 or more."""
    return {f"{name}_must_be_0_or_more": {name: -1} for name in names}


def flags(*names: str) -> dict[str, Parameters]:
    """For each of the names, a check that it is 0 or 1."""
    return {f"{name}_must_be_0_or_1": {name: 2} for name in names}


def files(*names: str) -> dict[str, Parameters]:
    """For each of the names, a check that it names a file."""
    return {f"{name}_must_name_a_file": {name: '""'} for name in names}


def table(file: str = "FILE") -> dict[str, Parameters]:
    """The checks of a constant word for each element."""
    return flags("FIXED") | {f"{file}_must_name_a_file_where_FIXED_is_0": {"FIXED": 0, file: '""'}}


def products(**also: int) -> dict[str, Parameters]:
    """The checks of products that may be serial; also: what else must be set for that."""
    return {
        "SERIAL_must_be_0_1_or_2": {"SERIAL": 3, **also},
        "OW_must_exceed_SERIAL": {"SERIAL": 2, "OW": 2, **also},
        "SOFT_must_be_0_where_SERIAL_is_not_0": {"SERIAL": 1, "SOFT": 1, **also},
    }


MEM = '"words.mem"'
ELEMENTWISE: Sequence[Parameters] = ({"OW": 3}, {"N": 5, "FIXED": 0, "FILE": MEM}, {"OW": 40, "N": 33, "WORD": "3'd2"})

LANE: Sequence[Parameters] = (
    {"UW": 6, "XW": 9, "AW": 7, "BW": 5, "CW": 5, "TW": 24, "YW": 22, "BEATS": 3},
    {"UW": 1, "XW": 2, "AW": 1, "BW": 1, "CW": 1, "TW": 1, "YW": 1, "BEATS": 1, "KEEP": 0, "B_COMPLEX": 0, "DITHER": 1},
    {"XW": 2, "CL_TABLE": 1, "CL_MIN": 2, "KEEP": 2, "RS_MIN": 31, "RS_W": 3, "PW": 1, "DITHER": 1},
    {"XW": 16, "CL_TABLE": 1, "CL_MIN": 16, "XS_MIN": 31, "BS_MIN": 31, "LOW": "16'd1", "HIGH": "16'd0", "PW": 16},
)
LANE_ILLEGAL: Mapping[str, Parameters] = {
    **at_least_one("UW", "AW", "BW", "CW", "YW", "BEATS", "XS_W", "BS_W", "CL_W", "PW"),
    "XW_must_be_2_or_more": {"XW": 1},
    **not_negative("XS_MIN", "BS_MIN", "RS_MIN"),
    **flags("B_COMPLEX", "CL_TABLE", "DITHER"),
    "KEEP_must_be_0_1_or_2": {"KEEP": 3},
    "RS_W_must_be_1_to_15": {"RS_W": 16},
    "TW_must_exceed_the_least_of_each_shift": {"XS_MIN": 24},
    "CL_MIN_must_be_2_to_XW": {"CL_TABLE": 1, "CL_MIN": 10},
    "LOW_must_not_exceed_HIGH": {"LOW": "9'd5", "HIGH": "9'd4"},
}

SETS: Mapping[str, Sets] = {
    "qssm_add": Sets(
        [{"AW": 5, "BW": 3, "OW": 6}, {"AW": 1, "BW": 1, "OW": 1, "SUBTRACT": 1}, {"AW": 3, "BW": 8, "OW": 70}],
        {**at_least_one("AW", "BW", "OW"), **flags("SUBTRACT")},
    ),
    "qssm_advance": Sets(
        [{"W": 17, "BITS": 16}, {"W": 1, "BITS": 1, "STEP": "1'd1"}, {"W": 40, "BITS": 3}], at_least_one("W", "BITS")
    ),
    "qssm_argmax": Sets(
        [{"W": 3, "N": 5, "OW": 4}, {"W": 1, "N": 1, "OW": 1}, {"W": 8, "N": 4, "OW": 3}, {"N": 3, "OW": 8}],
        {**at_least_one("W", "N"), "OW_must_hold_N_minus_1_as_a_signed_number": {"OW": 3}},
    ),
    "qssm_array": Sets(
        [
            {"LEVELS": MEM, "DRIVES": MEM, "ADCS": MEM},
            {
                "LINES": 1, "COLUMNS": 1, "LW": 1, "READS": 1, "ROWS": 1, "DW": 1, "WIRES": 1, "OUTPUTS": 1, "CW": 1,
                "SW": 1, "ZW": 2, "PW": 1, "SETTLE": 1, "LEVELS": MEM, "DRIVES": MEM, "ADCS": MEM,
            },
            {"READS": 3, "KW": 2, "CW": 24, "LINES": 5, "COLUMNS": 3, "LEVELS": MEM, "DRIVES": MEM, "ADCS": MEM},
        ],
        {
            **at_least_one("LINES", "COLUMNS", "LW", "READS", "ROWS", "DW", "WIRES", "OUTPUTS", "CW", "SW", "PW"),
            **at_least_one("SETTLE"), **files("LEVELS", "DRIVES", "ADCS"), "KW_must_number_READS": {"READS": 3},
            "ZW_must_exceed_DW_and_LW_and_hold_CW": {"ZW": 8},
        },
    ),
    "qssm_array_control": Sets(
        [{"ROWS": 3}, {"DW": 1, "ROWS": 1, "CW": 1, "COLUMNS": 1, "DITHER": 1, "PW": 1}, {"ROWS": 5, "COLUMNS": 7}],
        {**at_least_one("DW", "ROWS", "CW", "COLUMNS", "PW"), **flags("DITHER")},
    ),
    "qssm_array_share": Sets(
        [{"READS": 2, "KW": 1}, {"READS": 1, "ROWS": 1, "DW": 1, "PW": 1, "KW": 1}, {"READS": 5, "KW": 3}],
        {**at_least_one("READS", "ROWS", "DW", "PW"), "KW_must_number_READS": {"READS": 3}},
    ),
    "qssm_concat": Sets(
        [{"AW": 5, "BW": 7, "OW": 7}, {"AW": 1, "BW": 1, "OW": 1}, {"AW": 9, "BW": 2, "OW": 12, "NA": 4, "NB": 3}],
        {**at_least_one("AW", "BW", "NA", "NB"), "OW_must_hold_AW_and_BW": {"OW": 6}},
    ),
    "qssm_const": Sets(
        [{"W": 5}, {"W": 1, "N": 1, "FIXED": 0, "FILE": MEM}, {"N": 40, "FIXED": 0, "FILE": MEM}],
        {**at_least_one("W", "N"), **table()},
    ),
    "qssm_dot": Sets(
        [
            {"IN": 6, "K": 2, "M": 2, "OW": 20, "WEIGHTS": MEM, "BIASES": MEM},
            {"XW": 1, "WW": 1, "BW": 1, "OW": 1, "IN": 1, "OUT": 1, "FIXED": 1, "WEIGHTS": MEM},
            {"IN": 5, "K": 5, "M": 7, "OUT": 3, "SOFT": 7, "WEIGHTS": MEM, "BIASES": MEM},
            {"XW": 1, "OW": 2, "SERIAL": 1, "M": 2, "WEIGHTS": MEM, "BIASES": MEM},
            {"XW": 5, "OW": 3, "SERIAL": 2, "FIXED": 1, "WEIGHTS": MEM},
        ],
        {
            **at_least_one("XW", "WW", "BW", "IN", "OUT", "M", "K"), **products(K=1), **files("WEIGHTS"),
            **table("BIASES"), "IN_must_be_a_multiple_of_K": {"IN": 5},
            "K_must_be_1_where_SERIAL_is_not_0": {"SERIAL": 1}, "SOFT_must_be_0_to_M": {"SOFT": 3},
        },
    ),
    "qssm_fifo": Sets([{"W": 9, "DEPTH": 5}, {"W": 1, "DEPTH": 1}, {"DEPTH": 16}], at_least_one("W", "DEPTH")),
    "qssm_fork": Sets([{"N": 2}, {"N": 1}, {"N": 33}], at_least_one("N")),
    "qssm_frame": Sets(
        [{"W": 3, "N": 3}, {"W": 1, "N": 1, "AT_END": 1}], {**at_least_one("W", "N"), **flags("AT_END")}
    ),
    "qssm_gather": Sets(
        [{"W": 3, "IN": 5, "OUT": 3, "FILE": MEM}, {"W": 1, "IN": 1, "OUT": 1, "FILE": MEM}],
        {**at_least_one("W", "IN", "OUT"), **files("FILE")},
    ),
    "qssm_lane": Sets(LANE, LANE_ILLEGAL),
    "qssm_lut": Sets(
        [
            {"XW": 5, "TW": 4, "T": 13, "FILE": MEM, "FIRSTS": MEM},
            {"XW": 1, "OW": 1, "TW": 1, "T": 1, "FILE": MEM},
            {"XW": 9, "N": 3, "TW": 1, "T": 2, "FIXED": 0, "FIRSTS": MEM, "FILE": MEM},
            {"XW": 8, "N": 1, "TW": 8, "T": 256, "SPLIT": 1, "FILE": MEM},
            {"XW": 5, "N": 3, "TW": 4, "T": 9, "SPLIT": 1, "FIXED": 0, "FIRSTS": MEM, "FILE": MEM},
        ],
        {
            **at_least_one("OW", "N"), **flags("SPLIT"), **table("FIRSTS"), **files("FILE"),
            "T_must_be_1_or_more": {"T": 0, "TW": 1}, "XW_must_hold_TW": {"XW": 3}, "TW_must_number_T": {"T": 17},
        },
    ),
    "qssm_multiplier": Sets([{"AW": 4, "BW": 3}, {"AW": 1, "BW": 1}], at_least_one("AW", "BW")),
    "qssm_norm": Sets(
        [
            {"XW": 6, "N": 5, "VW": 18},
            {"XW": 1, "OW": 2, "N": 1, "FRAC": 0, "VW": 4, "EPS": "4'd6"},
            {"XW": 6, "N": 11, "VW": 18, "EPS": "18'd7167", "CENTRED": 0},
        ],
        {
            **at_least_one("XW", "N"), **flags("CENTRED"), **not_negative("FRAC"), "OW_must_be_2_or_more": {"OW": 1},
            "VW_must_be_even_and_4_or_more": {"VW": 31}, "VW_must_hold_N_sum_x_squared_plus_EPS": {"N": 12},
        },
    ),
    "qssm_offset": Sets(
        [{**given, "XW": 6, "VW": 3} for given in ELEMENTWISE],
        {**at_least_one("XW", "VW", "OW", "N"), **table()},
    ),
    "qssm_pack": Sets([{"W": 3, "N": 3}, {"W": 1, "N": 1}], at_least_one("W", "N")),
    "qssm_product": Sets(
        [{"OW": 16}, {"AW": 1, "BW": 1, "OW": 1, "SOFT": 1}, {"AW": 1, "OW": 2, "SERIAL": 1},
         {"AW": 5, "OW": 3, "SERIAL": 2}, {"AW": 1, "OW": 30, "SERIAL": 2}],
        {**at_least_one("AW", "BW"), **flags("SOFT"), **products()},
    ),
    "qssm_requant": Sets(
        [
            {"XW": 14, "IW": 15, "OW": 8, "SW": 4},
            {"XW": 1, "IW": 1, "OW": 1, "SW": 1, "PW": 1, "SLOW": 1},
            {"XW": 14, "IW": 14, "MIN": 14, "DITHER": 1, "N": 3, "FIXED": 0, "FILE": MEM},
            {"XW": 8, "IW": 8, "MIN": 40, "SW": 15, "SLOW": 1, "FIXED": 0, "FILE": MEM},
            {"XW": 8, "IW": 9, "OW": 2, "SW": 3, "MIN": 3, "DITHER": 1, "WORD": "{2'd1, 2'd1, 3'd6}"},
        ],
        {
            **at_least_one("XW", "OW", "N", "PW"), **not_negative("MIN"), **flags("DITHER", "SLOW"), **table(),
            "IW_must_hold_XW": {"IW": 13}, "SW_must_be_1_to_15": {"SW": 16},
            "MIN_must_not_exceed_IW_where_DITHER": {"DITHER": 1, "MIN": 16, "FIXED": 0, "FILE": MEM},
            "WORD_must_have_low_no_more_than_high": {"WORD": "{8'd3, 8'd4, 4'd0}"},
            "WORD_must_have_s_no_more_than_IW_where_DITHER": {"DITHER": 1, "MIN": 3, "WORD": "{8'd3, 8'd3, 4'd13}"},
        },
    ),
    "qssm_resize": Sets([{"IW": 3, "OW": 5}, {"IW": 1, "OW": 1}, {"IW": 9, "OW": 1}], at_least_one("IW", "OW")),
    "qssm_rom": Sets(
        [{"W": 3, "N": 5, "FILE": MEM}, {"W": 1, "N": 1, "FILE": MEM}, {"N": 33, "FILE": MEM}],
        {**at_least_one("W", "N"), **files("FILE")},
    ),
    "qssm_round": Sets(
        [{"IW": 15}, {"IW": 1, "OW": 1, "SW": 1, "PW": 1}, {"IW": 1, "OW": 1, "SW": 1, "MIN": 1, "DITHER": 1},
         {"IW": 9, "SW": 2, "MIN": 40}, {"IW": 40, "OW": 50, "SW": 6, "MIN": 40, "DITHER": 1}],
        {
            **at_least_one("IW", "OW", "PW"), **not_negative("MIN"), **flags("DITHER"),
            "SW_must_be_1_to_15": {"SW": 0}, "MIN_must_not_exceed_IW_where_DITHER": {"DITHER": 1, "MIN": 16},
        },
    ),
    "qssm_scale": Sets(
        [{"OW": 15}, {"XW": 1, "FW": 1, "OW": 1, "SOFT": 1}, {"XW": 9, "FW": 6, "OW": 2, "SERIAL": 1, "N": 3},
         {"XW": 4, "FW": 6, "OW": 3, "SERIAL": 2, "FIXED": 0, "FILE": MEM}],
        {**at_least_one("XW", "FW", "N"), **flags("SOFT"), **products(), **table()},
    ),
    "qssm_segment": Sets(
        [{"XW": 8, "OW": 11, "N": 3, "CW": 3}, {"XW": 1, "OW": 1, "N": 1, "CW": 1}, {"FIXED": 0, "FILE": MEM}],
        {**at_least_one("XW", "OW", "N", "CW"), **table()},
    ),
    "qssm_select": Sets(
        [{"W": 6, "N": 5, "MASK": "5'b00001"}, {"W": 1, "N": 1}, {"N": 40, "MASK": "40'h8000000000"}],
        {**at_least_one("W", "N"), "MASK_must_have_a_bit_set": {"MASK": "5'd0"}},
    ),
    "qssm_shift": Sets(
        [{**given, "XW": 6, "SW": 3} for given in ELEMENTWISE],
        {**at_least_one("XW", "SW", "OW", "N"), **table()},
    ),
    "qssm_skid": Sets([{"W": 9}, {"W": 1}], at_least_one("W")),
    "qssm_source": Sets([{"W": 9, "N": 3}, {"W": 1, "N": 1}], at_least_one("W", "N")),
    "qssm_ssm": Sets(
        [
            {**LANE[0], "P": 1, "BEATS": 3, "PERIOD": 10, "FILE": MEM},
            {**LANE[1], "P": 2, "BEATS": 1, "PERIOD": 10, "QUEUE": 1, "SPLIT": 1, "FILE": MEM},
            {**LANE[2], "P": 1, "BEATS": 16, "PERIOD": 16, "FILE": MEM},
            {**LANE[3], "P": 5, "BEATS": 40, "PERIOD": 41, "SPLIT": 1, "FILE": MEM},
        ],
        {
            **at_least_one("UW", "BEATS", "QUEUE", "PW"), **flags("SPLIT", "DITHER"), **files("FILE"),
            "P_must_be_1_or_more_and_2_where_SPLIT": {"SPLIT": 1},
            "PERIOD_must_be_BEATS_or_more_and_10_or_more": {"PERIOD": 9},
        },
    ),
    "qssm_state": Sets([{"W": 8, "N": 3}, {"W": 1, "N": 1, "LAST": 0}], {**at_least_one("W", "N"), **flags("LAST")}),
    "qssm_status": Sets([{"N": 1}, {"N": 40}], at_least_one("N")),
    "qssm_table": Sets(
        [{"W": 5}, {"W": 1, "N": 1, "FIXED": 0, "FILE": MEM}, {"N": 33, "FIXED": 0, "FILE": MEM}],
        {**at_least_one("W", "N"), **table()},
    ),
    "qssm_times": Sets(
        [{"AW": 4, "BW": 3, "SOFT": 1}, {"AW": 1, "BW": 1, "SOFT": 1}, {"AW": 1, "BW": 1}],
        {**at_least_one("AW", "BW"), **flags("SOFT")},
    ),
    "qssm_tree": Sets([{"P": 4, "W": 5}, {"P": 1, "W": 1}, {"P": 5, "W": 3}], at_least_one("P", "W")),
    "qssm_uart_rx": Sets([{"CLOCKS": 4}, {"CLOCKS": 1250}], {"CLOCKS_must_be_4_or_more": {"CLOCKS": 3}}),
    "qssm_uart_tx": Sets([{"CLOCKS": 1}, {"CLOCKS": 1250}], at_least_one("CLOCKS")),
    "qssm_unpack": Sets([{"W": 3, "N": 3}, {"W": 1, "N": 1}], at_least_one("W", "N")),
}  # fmt: skip
