"""The map from the adversarial cases (groups A, B, D, F, K, L, M, P, S, W) to their tests: `cases.csv`.

A row names a test, and where the test has parameters, a part of their id; or it says why there is
no test yet. Whoever builds what a reason waits for finds the rows by searching for the reason.
"""

import csv
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

MAP = Path(__file__).with_name("cases.csv")
ROOMS = (
    "tests/attacks",
    "tests/authn",
    "tests/web",
    "tests/nodes",
    "tests/saml",
    "tests/ldap",
    "tests/ldap_view",
)
VARIANTS = {
    "A01": 4, "A03": 3, "A04": 6, "A05": 6, "A06": 6, "A08": 5, "A09": 2, "A11": 4, "A12": 10,
    "A14": 7, "A15": 5, "A17": 1, "A18": 2, "A20": 6, "A21": 5, "A23": 6,
    "B01": 1, "B03": 2, "B04": 7, "B06": 1, "B07": 3, "B08": 6, "B09": 6, "B11": 5, "B12": 11,
    "B13": 3, "B16": 1, "B17": 4, "B19": 6, "B20": 7, "B22": 3,
    "D01": 4, "D03": 2, "D04": 8, "D06": 3, "D07": 3, "D09": 2,
    "F01": 5, "F03": 6, "F05": 5, "F06": 7, "F08": 2, "F09": 1,
    "K01": 6, "K03": 3, "K04": 3, "K06": 5, "K08": 6,
    "L01": 5, "L03": 1, "L04": 2, "L06": 5, "L07": 4, "L09": 1, "L13": 10,
    "P01": 8, "P03": 7, "P05": 7, "P06": 6, "P08": 5, "P10": 4, "P11": 6, "P12": 9, "P13": 5,
    "P14": 4, "P16": 6,
    "M01": 4, "M03": 6, "M04": 5, "M06": 4, "M07": 3,
    "S01": 4, "S03": 5, "S04": 4, "S05": 6, "S06": 6, "S08": 3, "S10": 7, "S11": 7, "S13": 4,
    "S15": 5, "S16": 6, "S18": 4, "S19": 5, "S20": 6, "S21": 5,
    "W01": 4, "W03": 5, "W05": 7, "W06": 4, "W07": 4, "W08": 6, "W09": 4,
}  # fmt: skip
"""How many variants each case lists."""


class Row(NamedTuple):
    case: str
    variant: str
    test: str
    parameters: str
    reason: str


def rows() -> list[Row]:
    with MAP.open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    assert tuple(header) == Row._fields
    return [Row(*line) for line in lines]


@pytest.fixture(scope="module")
def collected() -> list[str]:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    root = MAP.parents[2]
    told = subprocess.run([*command, *ROOMS], cwd=root, capture_output=True, text=True, check=True)
    return [line for line in told.stdout.splitlines() if "::" in line]


def test_every_variant_of_every_case_has_a_row_of_its_own() -> None:
    found = rows()
    assert len({(row.case, row.variant) for row in found}) == len(found)
    counts = Counter(row.case for row in found)
    assert set(counts) == set(VARIANTS)
    assert {case: n for case, n in VARIANTS.items() if counts[case] < n} == {}


def test_every_row_names_a_test_or_a_reason_and_never_both() -> None:
    assert [row for row in rows() if bool(row.test) == bool(row.reason.strip())] == []


def test_every_test_that_a_row_names_exists(collected: list[str]) -> None:
    missing = [
        row
        for row in rows()
        if row.test
        and not any(
            test.partition("[")[0] == row.test and row.parameters in test.removeprefix(row.test)
            for test in collected
        )
    ]
    assert missing == []
