"""The people and businesses that the simulated sources know. Nobody of them is real."""

from dataclasses import dataclass, field

from connectors.simulators.upstream_faults import Fault, Faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Citizen:
    """One electronic identity there."""

    key: str
    """What its link on the page of the simulator is called."""
    subject: str
    number: str = field(repr=False)
    family_name: str = field(repr=False)
    given_name: str = field(repr=False)
    birthdate: str = field(repr=False)
    """`yyyy-mm-dd`"""
    level: int = 2
    business: str = ""
    tax_code: str = ""
    passport: str = field(default="", repr=False)

    def full_name(self, faults: Faults) -> str:
        """Family name first, unless the fault is on."""
        if Fault.SWAPPED_NAMES in faults:
            return f"{self.given_name} {self.family_name}"
        return f"{self.family_name} {self.given_name}"

    def personal_number(self, faults: Faults) -> str:
        """The same for life, unless the fault is on."""
        return self.number[:-3] + "999" if Fault.REISSUED_NUMBER in faults else self.number


PEOPLE = (
    Citizen(
        key="an", subject="6f1c2a4e-0001-4b7a-9c55-2d5c8f3a0001", number="074185000101",
        family_name="Lê Thị", given_name="An", birthdate="1985-03-14",
    ),
    Citizen(
        key="binh", subject="6f1c2a4e-0002-4b7a-9c55-2d5c8f3a0002", number="077090000202",
        family_name="Phạm Văn", given_name="Bình", birthdate="1990-11-02", level=1,
    ),
    Citizen(
        key="cty", subject="6f1c2a4e-0003-4b7a-9c55-2d5c8f3a0003", number="079080000303",
        family_name="Võ", given_name="Cường", birthdate="1980-07-30",
        business="Công ty TNHH Ví Dụ", tax_code="0312345678",
    ),
)  # fmt: skip
