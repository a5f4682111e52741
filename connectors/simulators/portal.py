"""The provincial public-service portal: an OpenID Connect client with accounts of its own."""

from fastapi import Request
from fastapi.responses import Response

from connectors.simulators.oidc_stand_in import OidcStandIn
from connectors.simulators.stand_in import StandInSettings, read_settings, serve


class Portal(OidcStandIn):
    """Signing in is asked for; the start page greets."""

    def __init__(self, settings: StandInSettings) -> None:
        super().__init__(settings, "portal")
        self.application.get("/")(self.start)

    async def start(self, request: Request) -> Response:
        """The start page."""
        return self.home(request)


if __name__ == "__main__":
    found = read_settings()
    serve(Portal(found).application, found)
