"""The `resource` parameter: which audience a token is for."""

from idp.errors import InvalidTarget
from idp.model import Client
from idp.protocol.form import Form


def check_resource(form: Form, client: Client) -> None:
    """A resource that is named is the one this client is registered for.

    Why: a token for another audience than the client asked for would be accepted where it should
    not be; so the parameter is never ignored (ADR 0023).

    Spec: RFC 8707 §2
    Raises: InvalidTarget.
    """
    if form.get("resource", client.resource) != client.resource:
        raise InvalidTarget("the resource is not the one registered for this client")
