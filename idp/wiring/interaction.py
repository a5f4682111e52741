"""The sign-in journey in the browser: its stages, and what leads through them."""

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.contract import Dialect
from idp.authn.local import LocalAuthenticator
from idp.authn.throttle import Throttle
from idp.flows.directory_sign_in import DirectorySignIn
from idp.flows.upstream_arrival import UpstreamArrival
from idp.web.devices import DeviceCookies
from idp.web.doors import Door
from idp.web.flow_cookie import FlowCookies
from idp.web.interaction import Interaction, Stages
from idp.web.sign_in_pages import SignInPages
from idp.web.stages.claim import ClaimStage
from idp.web.stages.consent import ConsentStage
from idp.web.stages.directory import DirectoryStage
from idp.web.stages.opening import SessionOpening
from idp.web.stages.password import PasswordStage
from idp.web.stages.second_factor import SecondFactorStage
from idp.web.stages.source_outcomes import SourceOutcomes
from idp.web.stages.upstream import UpstreamStage
from idp.web.way_on import WayOn
from idp.wiring.doors import doors_of
from idp.wiring.parts import Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """What every stage of a sign-in needs: made once, for our own pages and for the sources."""

    doors: Mapping[Dialect, Door]
    flows: FlowCookies
    pages: SignInPages
    way_on: WayOn
    devices: DeviceCookies
    opening: SessionOpening


def journey_of(parts: Parts) -> Journey:
    """The journey that every dialect leads through."""
    doors = doors_of(parts)
    flows = FlowCookies(parts.stores.sealer, parts.cookies, parts.entropy)
    pages = SignInPages(parts.pages, parts.upstream.ways, parts.cookies, parts.entropy)
    way_on = WayOn(
        doors=doors,
        sign_in=parts.sign_in,
        accounts=parts.stores.accounts,
        flows=flows,
        cookies=parts.cookies,
        pages=pages,
    )
    devices = DeviceCookies(parts.stores.sealer, parts.cookies, parts.entropy)
    opening = SessionOpening(
        sign_in=parts.sign_in, cookies=parts.cookies, devices=devices, way_on=way_on
    )
    return Journey(
        doors=doors, flows=flows, pages=pages, way_on=way_on, devices=devices, opening=opening
    )


def interaction_of(parts: Parts, journey: Journey) -> Interaction:
    """Our own pages."""
    return Interaction(
        doors=journey.doors,
        sign_in=parts.sign_in,
        flows=journey.flows,
        cookies=parts.cookies,
        pages=journey.pages,
        way_on=journey.way_on,
        stages=_stages(parts, journey),
    )


def upstream_stage_of(parts: Parts, journey: Journey) -> UpstreamStage:
    """The way to a source and back."""
    arrival = parts.upstream.arrival(parts.audit)
    return UpstreamStage(
        sources=parts.settings.sources,
        upstream=parts.upstream.sign_in(parts.fences, arrival),
        outcomes=_outcomes(parts, journey, arrival),
        ways=parts.upstream.ways,
        flows=journey.flows,
        way_on=journey.way_on,
    )


def directory_stage_of(parts: Parts, journey: Journey) -> DirectoryStage:
    """Our page for the directories of staff."""
    arrival = parts.upstream.arrival(parts.audit)
    return DirectoryStage(
        directories=parts.settings.directories,
        directory_sign_in=DirectorySignIn(
            client=parts.upstream.directories,
            throttle=Throttle(parts.stores.counters, key=parts.throttle_key),
            health=parts.upstream.health,
            arrival=arrival,
        ),
        outcomes=_outcomes(parts, journey, arrival),
        ways=parts.upstream.ways,
        flows=journey.flows,
        pages=journey.pages,
        way_on=journey.way_on,
    )


def _outcomes(parts: Parts, journey: Journey, arrival: UpstreamArrival) -> SourceOutcomes:
    return SourceOutcomes(
        arrival=arrival,
        flows=journey.flows,
        cookies=parts.cookies,
        pages=journey.pages,
        opening=journey.opening,
    )


def _stages(parts: Parts, journey: Journey) -> Stages:
    devices, opening, way_on = journey.devices, journey.opening, journey.way_on
    throttle = Throttle(parts.stores.counters, key=parts.throttle_key)
    authenticator = LocalAuthenticator(parts.stores.accounts, parts.hasher, throttle, parts.clock)
    return Stages(
        password=PasswordStage(
            authenticator=authenticator,
            devices=devices,
            opening=opening,
            way_on=way_on,
            second_factor_always=parts.settings.tables.provider.second_factor == "always",
            open_to_people=parts.settings.tables.provider.password_sign_in,
        ),
        second_factor=SecondFactorStage(
            authenticator=authenticator,
            devices=devices,
            opening=opening,
            way_on=way_on,
        ),
        claim=ClaimStage(
            opening=parts.opening, throttle=throttle, audit=parts.audit, way_on=way_on
        ),
        consent=ConsentStage(grants=parts.grants, audit=parts.audit, way_on=way_on),
    )
