"""Groups: names for sets of a connector's own users."""

from collections.abc import Sequence
from typing import Any

from scim2_models import Resource

from idp.model import Connector
from idp.ports import Audit, Entropy
from idp.scim.errors import OurWords
from idp.scim.resources import Group
from idp.scim.shelf import ID_BYTES, RESOURCE_ID, document_of, location, opened
from idp.store.scim import Kind, SqlScim, Stored

MAX_MEMBERS = 5000
_NO_MEMBER = "A member is not a user of this connector"


class GroupShelf:
    """See `Shelf`."""

    kind = Kind.GROUP

    def __init__(self, *, base: str, resources: SqlScim, audit: Audit, entropy: Entropy) -> None:
        self._base = base
        self._resources = resources
        self._audit = audit
        self._entropy = entropy

    def model(self, connector: Connector) -> type[Group]:  # noqa: ARG002 - the same for all
        """See `Shelf.model`."""
        return Group

    async def show(self, connector: Connector, rows: Sequence[Stored]) -> list[Resource[Any]]:
        """See `Shelf.show`."""
        members = await self._resources.members_of([row.resource_id for row in rows])
        return [
            opened(
                row,
                self.model(connector),
                self.kind,
                self._base,
                members=[
                    {"value": each, "$ref": location(self._base, Kind.USER, each)}
                    for each in members[row.resource_id]
                ],
            )
            for row in rows
        ]

    async def add(self, connector: Connector, resource: Group, now: int) -> Stored:
        """See `Shelf.add`.

        Raises: OurWords.
        """
        members = await self._members(connector, resource)
        group_id, document = self._entropy(ID_BYTES).hex(), document_of(resource)
        await self._resources.add_group(
            connector.connector_id, group_id, document, resource.external_id, members, now
        )
        self._record("scim_created", connector, group_id)
        return Stored(
            resource_id=group_id,
            subject=None,
            document=document,
            version=1,
            created_at=now,
            changed_at=now,
        )

    async def change(
        self,
        connector: Connector,
        was: Stored,
        before: Group,  # noqa: ARG002 - what a group was decides nothing
        resource: Group,
        now: int,
    ) -> bool:
        """See `Shelf.change`.

        Raises: OurWords.
        """
        members = await self._members(connector, resource)
        changed = await self._resources.change_group(
            connector.connector_id, was, document_of(resource), resource.external_id, members, now
        )
        if changed:
            self._record("scim_changed", connector, was.resource_id)
        return changed

    async def remove(self, connector: Connector, was: Stored, now: int) -> bool:
        """See `Shelf.remove`."""
        removed = await self._resources.remove_group(connector.connector_id, was, now)
        if removed:
            self._record("scim_deleted", connector, was.resource_id)
        return removed

    async def _members(self, connector: Connector, group: Group) -> list[str]:
        """The members, each a user of this very connector, and each `$ref` saying the same."""
        found: list[str] = []
        for member in group.members or ():
            user_id = member.value or ""
            if not RESOURCE_ID.fullmatch(user_id):
                raise OurWords(detail=_NO_MEMBER)
            if member.ref and str(member.ref) != location(self._base, Kind.USER, user_id):
                raise OurWords(detail="The $ref of a member names somebody else")
            found.append(user_id)
        members = list(dict.fromkeys(found))
        if len(members) > MAX_MEMBERS:
            raise OurWords(detail="The group has too many members")
        if await self._resources.own_users(connector.connector_id, members) != set(members):
            raise OurWords(detail=_NO_MEMBER)
        return members

    def _record(self, event: str, connector: Connector, group_id: str) -> None:
        told = {"connector": connector.connector_id, "kind": str(self.kind), "resource": group_id}
        self._audit.record(event, told)
