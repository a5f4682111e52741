"""All of CAS, put together once: its door, what services ask, what browsers ask."""

from collections.abc import Mapping

from connectors.contract import Dialect, SystemId
from connectors.registry import System
from idp.flows.cas_granting import CallBack, CasGranting
from idp.flows.cas_proxying import CasProxying
from idp.flows.cas_validation import CasValidation
from idp.flows.sign_in import SignIn
from idp.ports import Audit, Entropy, Fences, SessionEnds
from idp.web.answers import ErrorPage, page
from idp.web.dialects.cas.door import CasDoor
from idp.web.dialects.cas.endpoints import cas_endpoints
from idp.web.dialects.cas.logout import CasLogout
from idp.web.http import Answer, Endpoint, HttpRequest, see_other
from idp.web.interaction import Interaction
from idp.web.logout import LogoutPages
from idp.web.logout_request import CAS_LOGOUT_PATH
from idp.web.page_answers import PageAnswers
from keys.seal import Sealer


class CasDialect:
    """Made by `idp/app.py` alone; knows the systems that speak CAS, and no other."""

    def __init__(
        self,
        *,
        systems: Mapping[SystemId, System],
        sealer: Sealer,
        fences: Fences,
        sign_in: SignIn,
        ends: SessionEnds,
        egress: CallBack,
        pages: PageAnswers,
        error_page: ErrorPage,
        audit: Audit,
        entropy: Entropy,
    ) -> None:
        own = {name: system for name, system in systems.items() if system.cas is not None}
        self._systems = own
        self._error_page = error_page
        self.door = CasDoor(
            systems=own,
            sealer=sealer,
            sign_in=sign_in,
            pages=pages,
            error_page=error_page,
            audit=audit,
        )
        granting = CasGranting(sealer=sealer, fences=fences, egress=egress, entropy=entropy)
        self._validation = CasValidation(
            systems=own,
            sealer=sealer,
            fences=fences,
            sign_in=sign_in,
            ends=ends,
            granting=granting,
            audit=audit,
        )
        self._proxying = CasProxying(
            systems=own, sealer=sealer, fences=fences, sign_in=sign_in, audit=audit
        )

    def protocol_endpoints(self) -> dict[str, Endpoint]:
        """What services ask, by path."""
        return cas_endpoints(self._validation, self._proxying)

    def page_endpoints(self, interaction: Interaction, logout: LogoutPages) -> dict[str, Endpoint]:
        """What browsers ask, by path."""

        async def login(request: HttpRequest) -> Answer:
            if not request.query:
                return see_other("/")  # somebody who looks around; no service is waiting
            return await interaction.enter(request, Dialect.CAS)

        leaving = CasLogout(systems=self._systems, pages=logout)
        return {
            "/cas/login": page(login, "GET", error_page=self._error_page),
            CAS_LOGOUT_PATH: page(leaving.handle, "GET", error_page=self._error_page),
        }
