"""What this server says of itself; nothing is announced that does not work.

Spec: RFC 7644 §4, RFC 7643 §5, §6, §7
"""

from typing import Any

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ETag,
    Filter,
    ListResponse,
    Meta,
    NotFoundException,
    Pagination,
    Patch,
    Resource,
    ResourceType,
    Schema,
    ServiceProviderConfig,
    Sort,
)

from idp.model import Connector
from idp.scim.bulk import MAX_OPERATIONS
from idp.scim.filters import SCANNED
from idp.scim.outcome import Outcome
from idp.scim.resources import Group, User, UserWithPassword
from idp.scim.search import MAX_PAGE, PAGE
from idp.scim.shelf import ROOT
from idp.web.http import MAX_BODY


class Discovery:
    """The three documents, as one connector is shown them."""

    def __init__(self, base: str) -> None:
        self._base = base

    def config(self, connector: Connector) -> Outcome:
        """`/ServiceProviderConfig`."""
        found = ServiceProviderConfig(
            patch=Patch(supported=True),
            bulk=Bulk(supported=True, max_operations=MAX_OPERATIONS, max_payload_size=MAX_BODY),
            filter=Filter(supported=True, max_results=min(MAX_PAGE, SCANNED)),
            change_password=ChangePassword(supported=connector.sets_passwords),
            sort=Sort(supported=False),
            etag=ETag(supported=True),
            pagination=Pagination(
                cursor=False,
                index=True,
                default_pagination_method=Pagination.DefaultPaginationMethod("index"),
                default_page_size=PAGE,
                max_page_size=MAX_PAGE,
            ),
            authentication_schemes=[
                AuthenticationScheme(
                    type=AuthenticationScheme.Type.oauthbearertoken,
                    name="OAuth 2.0 bearer token",
                    description="A token of the connector, or of its client with the scope scim",
                    primary=True,
                )
            ],
        )
        return self._one(found, "ServiceProviderConfig", "ServiceProviderConfig")

    def resource_types(self, name: str | None = None) -> Outcome:
        """`/ResourceTypes`, whole or one."""
        found = {
            str(each.id): each
            for each in (ResourceType.from_resource(User), ResourceType.from_resource(Group))
        }
        return self._listed(found, "ResourceTypes", "ResourceType", name)

    def schemas(self, connector: Connector, urn: str | None = None) -> Outcome:
        """`/Schemas`, whole or one."""
        user: type[Resource[Any]] = UserWithPassword if connector.sets_passwords else User
        models = (user, Group, ResourceType, Schema, ServiceProviderConfig)
        found = {str(model.__schema__): model.to_schema() for model in models}
        for schema in found.values():
            schema.name = str(schema.id).rpartition(":")[2]
        return self._listed(found, "Schemas", "Schema", urn)

    def _listed(
        self, found: dict[str, Any], endpoint: str, kind: str, wanted: str | None
    ) -> Outcome:
        """All, or the one that is wanted.

        Raises: NotFoundException.
        """
        if wanted is not None:
            if wanted not in found:
                raise NotFoundException
            return self._one(found[wanted], f"{endpoint}/{wanted}", kind)
        listed = [self._one(each, f"{endpoint}/{name}", kind).body for name, each in found.items()]
        return Outcome(
            status=200,
            body={
                "schemas": [str(ListResponse.__schema__)],
                "totalResults": len(listed),
                "startIndex": 1,
                "itemsPerPage": len(listed),
                "Resources": listed,
            },
        )

    def _one(self, resource: Resource[Any], path: str, kind: str) -> Outcome:
        resource.meta = Meta(resource_type=kind, location=f"{self._base}{ROOT}/{path}")
        return Outcome(status=200, body=resource.model_dump())
