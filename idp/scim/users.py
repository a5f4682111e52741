"""Users: staff accounts of the provider, each made and changed by one connector alone."""

from collections.abc import Sequence
from typing import Any

from scim2_models import Resource

from connectors.contract import SubjectId
from idp.authn.password import PasswordHasher
from idp.flows.end_subject import SubjectEnd
from idp.model import Connector
from idp.ports import Audit, Entropy
from idp.scim.resources import User, UserWithPassword
from idp.scim.shelf import ID_BYTES, document_of, location, opened
from idp.scim.staff import NAME_TAKEN, attributes, check_password, folded_name
from idp.store.scim import Kind, SqlScim, Stored
from idp.store.scim_users import Change, SqlScimUsers, Staff


class UserShelf:
    """See `Shelf`."""

    kind = Kind.USER

    def __init__(
        self,
        *,
        base: str,
        resources: SqlScim,
        users: SqlScimUsers,
        hasher: PasswordHasher,
        end: SubjectEnd,
        audit: Audit,
        entropy: Entropy,
    ) -> None:
        self._base = base
        self._resources = resources
        self._users = users
        self._hasher = hasher
        self._end = end
        self._audit = audit
        self._entropy = entropy

    def model(self, connector: Connector) -> type[User]:
        """See `Shelf.model`."""
        return UserWithPassword if connector.sets_passwords else User

    async def show(self, connector: Connector, rows: Sequence[Stored]) -> list[Resource[Any]]:
        """See `Shelf.show`."""
        groups = await self._resources.groups_of([row.resource_id for row in rows])
        return [
            opened(
                row,
                self.model(connector),
                self.kind,
                self._base,
                groups=[
                    {"value": each, "$ref": location(self._base, Kind.GROUP, each)}
                    for each in groups[row.resource_id]
                ],
            )
            for row in rows
        ]

    async def add(self, connector: Connector, resource: User, now: int) -> Stored:
        """See `Shelf.add`: a new subject, whoever had the user name before.

        Raises: InvalidValueException, UniquenessException, Overloaded.
        """
        if resource.active is None:
            resource.active = True
        user_id, subject = self._entropy(ID_BYTES).hex(), SubjectId(self._entropy(ID_BYTES).hex())
        staff = await self._staff(connector, resource, now, enabled=resource.active)
        if not await self._users.add(connector.connector_id, user_id, subject, staff, now):
            raise NAME_TAKEN
        self._record("scim_created", connector, user_id)
        return Stored(
            resource_id=user_id,
            subject=subject,
            document=staff.document,
            version=1,
            created_at=now,
            changed_at=now,
        )

    async def change(
        self, connector: Connector, was: Stored, before: User, resource: User, now: int
    ) -> bool:
        """See `Shelf.change`: who is not active any more has nothing running when this returns.

        Raises: InvalidValueException, UniquenessException, Overloaded.
        """
        moved = resource.active if resource.active != before.active else None
        staff = await self._staff(connector, resource, now, enabled=moved)
        match await self._users.change(connector.connector_id, was, staff, now):
            case Change.STALE:
                return False
            case Change.TAKEN:
                raise NAME_TAKEN
            case Change.DONE:
                pass
        self._record("scim_changed", connector, was.resource_id)
        if moved is True:
            self._record("scim_enabled", connector, was.resource_id)
        if resource.active is False:
            ended = await self._ended(was, now)
            self._record("scim_disabled", connector, was.resource_id, sessions=ended)
        return True

    async def remove(self, connector: Connector, was: Stored, now: int) -> bool:
        """See `Shelf.remove`: a tombstone stays, and nothing runs under it.

        Why in this order: where a store goes away in between, the account is still there for the
        request to be repeated, disabled, and what runs under it ends then.
        """
        if not await self._users.close_gate(connector.connector_id, was, now):
            return False
        ended = await self._ended(was, now)
        if not await self._users.remove(connector.connector_id, was, now):
            return False
        self._record("scim_deleted", connector, was.resource_id, sessions=ended)
        return True

    async def _ended(self, was: Stored, now: int) -> int:
        """End what runs under a closed gate; a failure is told, and a repeated request ends the rest."""
        return 0 if was.subject is None else await self._end.end(was.subject, now)

    async def _staff(
        self, connector: Connector, user: User, now: int, *, enabled: bool | None
    ) -> Staff:
        folded, username = folded_name(user), (user.user_name or "").strip()
        known = attributes(user, connector.agency_code, now)
        password = user.password if isinstance(user, UserWithPassword) else None
        password_hash = None
        if password is not None:
            check_password(password, username)
            password_hash = await self._hasher.hash(password)
        return Staff(
            document=document_of(user),
            external_id=user.external_id,
            username=username,
            folded=folded,
            attributes=known,
            enabled=enabled,
            password_hash=password_hash,
        )

    def _record(self, event: str, connector: Connector, user_id: str, **more: int) -> None:
        who: dict[str, str | int] = {
            "connector": connector.connector_id,
            "kind": str(self.kind),
            "resource": user_id,
        }
        self._audit.record(event, who | more)
