"""One resource type as the operations see it: shown, added, changed, removed for one connector."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson
from scim2_models import Meta, Resource

from idp.model import Connector
from idp.scim.etag import tag
from idp.store.scim import Kind, Stored

ROOT = "/scim/v2"
ID_BYTES = 16
RESOURCE_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_NOT_KEPT = ("schemas", "id", "meta", "groups", "roles", "members", "password")
"""What is made anew whenever a resource is shown, or must not be kept."""


class Shelf(Protocol):
    """A resource type. Nothing of another connector is ever found on it."""

    kind: Kind

    def model(self, connector: Connector) -> type[Resource[Any]]:
        """The schema that this connector is shown."""
        ...

    async def show(self, connector: Connector, rows: Sequence[Stored]) -> list[Resource[Any]]:
        """The resources as they are shown, whole."""
        ...

    async def add(self, connector: Connector, resource: Any, now: int) -> Stored:
        """Store a new resource.

        Raises: SCIMException.
        """
        ...

    async def change(
        self, connector: Connector, was: Stored, before: Any, resource: Any, now: int
    ) -> bool:
        """Store what the resource is from now on; false where somebody was faster.

        Raises: SCIMException.
        """
        ...

    async def remove(self, connector: Connector, was: Stored, now: int) -> bool:
        """Remove it; false where somebody was faster."""
        ...


def location(base: str, kind: Kind, resource_id: str) -> str:
    """The address of a resource."""
    return f"{base}{ROOT}/{kind}s/{resource_id}"


def document_of(resource: Resource[Any]) -> bytes:
    """What is kept of a resource, as JSON."""
    whole = resource.model_dump()
    return orjson.dumps({name: value for name, value in whole.items() if name not in _NOT_KEPT})


def opened(
    stored: Stored, model: type[Resource[Any]], kind: Kind, base: str, **made: object
) -> Resource[Any]:
    """A resource with its id and meta, and what else is made anew."""
    document = orjson.loads(stored.document) | made
    resource = model.model_validate({"schemas": [str(model.__schema__)], **document})
    resource.id = stored.resource_id
    resource.meta = Meta(
        resource_type=str(kind),
        created=_time(stored.created_at),
        last_modified=_time(stored.changed_at),
        location=location(base, kind, stored.resource_id),
        version=tag(stored.version),
    )
    return resource


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
