"""The sign-in journey in the browser: its stages, and what leads through them."""

from idp.authn.local import LocalAuthenticator
from idp.authn.throttle import Throttle
from idp.web.devices import DeviceCookies
from idp.web.flow_cookie import FlowCookies
from idp.web.interaction import Interaction, Stages
from idp.web.sign_in_pages import SignInPages
from idp.web.stages.claim import ClaimStage
from idp.web.stages.consent import ConsentStage
from idp.web.stages.opening import SessionOpening
from idp.web.stages.password import PasswordStage
from idp.web.stages.second_factor import SecondFactorStage
from idp.web.way_on import WayOn
from idp.wiring.doors import doors_of
from idp.wiring.parts import Parts
from keys.blind import BlindIndex


def interaction_of(parts: Parts) -> Interaction:
    """The pages that every dialect leads through."""
    doors = doors_of(parts)
    flows = FlowCookies(parts.stores.sealer, parts.cookies, parts.entropy)
    pages = SignInPages(parts.pages)
    way_on = WayOn(
        doors=doors,
        sign_in=parts.sign_in,
        accounts=parts.stores.accounts,
        flows=flows,
        cookies=parts.cookies,
        pages=pages,
    )
    return Interaction(
        doors=doors,
        sign_in=parts.sign_in,
        flows=flows,
        cookies=parts.cookies,
        pages=pages,
        way_on=way_on,
        stages=_stages(parts, way_on),
    )


def _stages(parts: Parts, way_on: WayOn) -> Stages:
    throttle_key = BlindIndex(parts.settings.keks[-1]).digest("throttle", "key")
    throttle = Throttle(parts.stores.counters, key=throttle_key)
    authenticator = LocalAuthenticator(parts.stores.accounts, parts.hasher, throttle, parts.clock)
    devices = DeviceCookies(parts.stores.sealer, parts.cookies, parts.entropy)
    opening = SessionOpening(
        sign_in=parts.sign_in, cookies=parts.cookies, devices=devices, way_on=way_on
    )
    return Stages(
        password=PasswordStage(
            authenticator=authenticator,
            devices=devices,
            opening=opening,
            way_on=way_on,
            second_factor_always=parts.settings.tables.provider.second_factor == "always",
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
