"""What VNConnect tells of a person comes out of our facade under the same names."""

import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.contract import (
    AccountKind,
    Assurance,
    PairwiseSub,
    PersonAttributes,
    SubjectId,
    VerifiedIdentity,
)
from connectors.errors import UpstreamRefused
from connectors.mapping import ClaimRule, Source, claims_for
from connectors.sources.model import SourceId, kept_current
from connectors.sources.vnconnect import identity_of
from idp.store.sealed_columns import open_attributes, seal_attributes
from keys.seal import Sealer
from tests.sources.test_configuration import read
from tests.upstreams import sources_toml

SEALER = Sealer([b"k" * 32], entropy=secrets.token_bytes)
TOLD = {
    "sub": "s-1", "TechID": "t-1", "HoVaTen": "Võ Cường", "acr": "LoA2", "LoaiTaiKhoan": "2",
    "TenDoanhNghiep": "Công ty TNHH Ví Dụ", "HoChieu": "C1234567",
}  # fmt: skip
RULES = (
    ClaimRule(claim="TenDoanhNghiep", source=Source.BUSINESS_NAME),
    ClaimRule(claim="HoChieu", source=Source.PASSPORT),
)


def read_from(told: dict[str, object], folder: Path) -> PersonAttributes:
    source = read(sources_toml(folder), folder)[0][SourceId("vnconnect")]
    return identity_of(source, None, told).attributes


def served(attributes: PersonAttributes) -> dict[str, object]:
    """After a rest in the store."""
    kept = open_attributes(SEALER, "s", seal_attributes(SEALER, "s", attributes))
    who = VerifiedIdentity(
        subject=SubjectId("s"), sub=PairwiseSub("p"), kind=AccountKind.BUSINESS,
        assurance=Assurance.LEVEL_2, amr=(), authenticated_at=0, attributes=kept,
    )  # fmt: skip
    return dict(claims_for(RULES, who, None, frozenset({"openid"}), frozenset()))


def test_the_name_of_a_business_and_a_passport_come_out_as_they_came_in(tmp_path: Path) -> None:
    attributes = read_from(TOLD, tmp_path)
    wanted = {"TenDoanhNghiep": "Công ty TNHH Ví Dụ", "HoChieu": "C1234567"}
    assert served(attributes) == wanted
    assert "C1234567" not in repr(attributes)


def test_what_is_not_known_is_left_out(tmp_path: Path) -> None:
    assert served(read_from(TOLD | {"TenDoanhNghiep": "", "HoChieu": ""}, tmp_path)) == {}
    citizen = TOLD | {"LoaiTaiKhoan": "1"}
    assert served(read_from(citizen, tmp_path)) == {"HoChieu": "C1234567"}, "no business of hers"


def test_silence_of_a_source_takes_nothing_away_and_its_word_replaces(tmp_path: Path) -> None:
    known = read_from(TOLD, tmp_path)
    silent = replace(known, passport=None, business_name=None)
    assert served(kept_current(known, silent, 1)) == served(known)
    renewed = replace(known, passport="C7654321")
    assert served(kept_current(known, renewed, 1))["HoChieu"] == "C7654321"


@pytest.mark.parametrize("value", [["C1"], {"a": "b"}, "C1\x0023", "x" * 5000])
def test_a_passport_that_is_no_short_text_is_refused(value: object, tmp_path: Path) -> None:
    with pytest.raises(UpstreamRefused):
        read_from(TOLD | {"HoChieu": value}, tmp_path)
