"""The operations of the protocol on one resource type, the same for users and groups.

Spec: RFC 7644 §3.3 to §3.6
"""

from collections.abc import Callable
from typing import Any

from scim2_models import (
    Context,
    NotFoundException,
    PatchOp,
    PreconditionFailedException,
    Resource,
    ResponseParameters,
)

from idp.model import Connector
from idp.scim.bounds import Json
from idp.scim.etag import check_if_match, matches
from idp.scim.outcome import Outcome
from idp.scim.resources import User
from idp.scim.shelf import RESOURCE_ID, Shelf
from idp.store.scim import SqlScim, Stored

ATTEMPTS = 3
Parameters = ResponseParameters[Any]


class Operations:
    """Reads and writes on one shelf."""

    def __init__(self, shelf: Shelf, resources: SqlScim) -> None:
        self._shelf = shelf
        self._resources = resources

    async def create(
        self, connector: Connector, payload: Json, shown: Parameters, now: int
    ) -> Outcome:
        """A new resource of this connector.

        Spec: RFC 7644 §3.3
        Raises: SCIMException, ValidationError.
        """
        model = self._shelf.model(connector)
        resource = model.model_validate(payload, scim_ctx=Context.RESOURCE_CREATION_REQUEST)
        stored = await self._shelf.add(connector, resource, now)
        return await self._told(connector, stored, shown, 201, Context.RESOURCE_CREATION_RESPONSE)

    async def get(
        self, connector: Connector, resource_id: str, shown: Parameters, if_none_match: str | None
    ) -> Outcome:
        """One resource, or that it is still the version which the connector knows.

        Spec: RFC 7644 §3.4.1, §3.14
        Raises: NotFoundException, InvalidValueException.
        """
        stored = await self._own(connector, resource_id)
        told = await self._told(connector, stored, shown, 200, Context.RESOURCE_QUERY_RESPONSE)
        if if_none_match is not None and matches(if_none_match, stored.version):
            return Outcome(status=304, version=told.version)
        return told

    async def replace(
        self,
        connector: Connector,
        resource_id: str,
        payload: Json,
        shown: Parameters,
        if_match: str | None,
        now: int,
    ) -> Outcome:
        """The resource as sent; read-only attributes stay as they are.

        Spec: RFC 7644 §3.5.1
        Raises: SCIMException, ValidationError.
        """
        model = self._shelf.model(connector)

        def replaced(before: Resource[Any]) -> Resource[Any] | None:
            resource = model.model_validate(payload, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
            if isinstance(resource, User) and isinstance(before, User) and resource.active is None:
                resource.active = before.active  # left out is no decision about a person's access
            return resource if resource.replace(before) else None

        return await self._change(connector, resource_id, replaced, shown, if_match, now)

    async def patch(
        self,
        connector: Connector,
        resource_id: str,
        payload: Json,
        shown: Parameters,
        if_match: str | None,
        now: int,
    ) -> Outcome:
        """The resource after all operations, or none of them.

        Spec: RFC 7644 §3.5.2
        Raises: SCIMException, ValidationError.
        """
        patching: Any = PatchOp[self._shelf.model(connector)]  # type: ignore[misc]
        patch = patching.model_validate(payload, scim_ctx=Context.RESOURCE_PATCH_REQUEST)

        def patched(before: Resource[Any]) -> Resource[Any] | None:
            resource = before.model_copy(deep=True)
            return resource if patch.patch(resource) else None

        return await self._change(connector, resource_id, patched, shown, if_match, now)

    async def _change(
        self,
        connector: Connector,
        resource_id: str,
        changed: Callable[[Resource[Any]], Resource[Any] | None],
        shown: Parameters,
        if_match: str | None,
        now: int,
    ) -> Outcome:
        """Read, change, and store by compare-and-swap; read again where somebody was faster."""
        for _ in range(ATTEMPTS):
            stored = await self._own(connector, resource_id)
            check_if_match(if_match, stored.version)
            (before,) = await self._shelf.show(connector, [stored])
            after = changed(before)
            ends_again = isinstance(before, User) and before.active is False
            if after is None and not ends_again:
                context = Context.RESOURCE_REPLACEMENT_RESPONSE
                return await self._told(connector, stored, shown, 200, context)
            if await self._shelf.change(connector, stored, before, after or before, now):
                stored = await self._own(connector, resource_id)
                context = Context.RESOURCE_REPLACEMENT_RESPONSE
                return await self._told(connector, stored, shown, 200, context)
        raise PreconditionFailedException

    async def delete(
        self, connector: Connector, resource_id: str, if_match: str | None, now: int
    ) -> Outcome:
        """The resource is gone, and its id is never given again.

        Spec: RFC 7644 §3.6
        Raises: NotFoundException, PreconditionFailedException.
        """
        for _ in range(ATTEMPTS):
            stored = await self._own(connector, resource_id)
            check_if_match(if_match, stored.version)
            if await self._shelf.remove(connector, stored, now):
                return Outcome(status=204)
        raise PreconditionFailedException

    async def _own(self, connector: Connector, resource_id: str) -> Stored:
        """The resource, where this connector made it: another one's is not there.

        Raises: NotFoundException.
        """
        if RESOURCE_ID.fullmatch(resource_id):
            own, kind = connector.connector_id, self._shelf.kind
            stored = await self._resources.find(own, kind, resource_id)
            if stored is not None:
                return stored
        raise NotFoundException

    async def _told(
        self,
        connector: Connector,
        stored: Stored,
        shown: Parameters,
        status: int,
        context: Context,
    ) -> Outcome:
        (resource,) = await self._shelf.show(connector, [stored])
        meta = resource.meta
        return Outcome(
            status=status,
            body=resource.model_dump(scim_ctx=context, response_parameters=shown),
            location=str(meta.location or "") if meta else "",
            version=str(meta.version or "") if meta else "",
        )
