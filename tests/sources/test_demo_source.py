"""The citizens' source of the demo: what the simulator is told, and what we read of its answers."""

from pathlib import Path

import pytest

from connectors.contract import AccountKind, Assurance
from connectors.simulators.upstream_people import Citizen
from connectors.simulators.upstream_source import UpstreamSettings
from connectors.simulators.vneid import VnEid
from connectors.sources import vneid
from idp.config import load_settings
from idp.demo.files import DemoFiles
from idp.demo.province import Resident, residents
from idp.demo.scene import Addresses, Scene
from idp.demo.source import VNEID, DemoSource, known_there
from idp.demo.stand_ins import STAND_INS

CITIZENS = [person for person in residents() if person.kind is AccountKind.CITIZEN]
SYSTEMS = {system.name: f"http://127.0.0.1:{8101 + n}" for n, system in enumerate(STAND_INS)}
ADDRESSES = Addresses(
    issuer="http://127.0.0.1:8000", systems=SYSTEMS, vneid="http://127.0.0.1:8200"
)


def files(folder: Path, addresses: Addresses = ADDRESSES) -> DemoFiles:
    made = DemoFiles(folder, addresses, residents())
    made.write()
    return made


@pytest.fixture
def simulator(tmp_path: Path) -> VnEid:
    scene = Scene(folder=tmp_path, addresses=ADDRESSES, people=tuple(residents()))
    source = DemoSource(scene, "http://127.0.0.1:8200")
    for path, pem in source.keys().items():
        path.write_bytes(pem)
    told = source.settings()
    people = told["people"]
    assert isinstance(people, list)
    told["people"] = tuple(Citizen(**person) for person in people)
    return VnEid(UpstreamSettings(**told))  # type: ignore[arg-type]


@pytest.mark.parametrize("person", CITIZENS, ids=lambda person: person.username)
def test_each_citizen_comes_as_the_province_knows_them(
    tmp_path: Path, simulator: VnEid, person: Resident
) -> None:
    source = load_settings(files(tmp_path / "demo").config, {}, demo=True).sources[VNEID]
    identity = vneid.identity_of(source, simulator.claims(simulator.people[person.username]))
    assert identity.attributes.full_name == person.attributes.full_name
    assert identity.attributes.birthdate == person.attributes.birthdate
    assert identity.subject == identity.attributes.personal_number == known_there(person).subject
    assert identity.authentication.assurance is Assurance.LEVEL_2


def test_the_source_knows_citizens_and_no_staff(simulator: VnEid) -> None:
    assert set(simulator.people) == {person.username for person in CITIZENS}


def test_without_an_address_the_demo_declares_no_source(tmp_path: Path) -> None:
    alone = Addresses(issuer=ADDRESSES.issuer, systems=SYSTEMS)
    made = files(tmp_path / "demo", alone)
    assert not load_settings(made.config, {}, demo=True).sources
    assert made.sources() == []
    assert alone.everywhere() == (alone.issuer, *SYSTEMS.values())


def test_the_keys_of_the_envelope_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    files(folder)
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}
