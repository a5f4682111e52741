"""`ticket` of a system: where signed tickets go, and what signs them."""

from typing import Annotated

from pydantic import Field

from connectors.config.checked import Table
from connectors.config.tables import SecretTable, WebAddress
from connectors.registry import TicketSettings


class TicketTable(Table):
    """Where tickets go, and what signs them: two secrets while one is replaced."""

    return_urls: Annotated[tuple[WebAddress, ...], Field(min_length=1)]
    secrets: Annotated[tuple[SecretTable, ...], Field(min_length=1, max_length=2)]
    logout_url: WebAddress | None = None


def ticket_settings(table: TicketTable | None) -> TicketSettings | None:
    """The settings of a table; None where there is none."""
    if table is None:
        return None
    return TicketSettings(
        return_urls=table.return_urls,
        secrets=tuple(entry.secret for entry in table.secrets),
        logout_url=table.logout_url,
    )
