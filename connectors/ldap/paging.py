"""The control by which a search comes in pages."""

from dataclasses import dataclass, field

from connectors.errors import LdapRefused
from connectors.ldap import schema
from connectors.ldap.ber import whole
from connectors.ldap.messages import PAGED_RESULTS, Control, Message
from connectors.ldap.pyasn1_door import decoded, encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """How many entries one page holds, and where the next one begins; no cookie at either end.

    Spec: RFC 2696 §2
    """

    size: int
    cookie: bytes = field(default=b"", repr=False)

    def control(self, *, critical: bool = True) -> Control:
        """The control to send with a search, or with its end."""
        value = schema.PagedResults()
        value["size"], value["cookie"] = self.size, self.cookie
        return Control(oid=PAGED_RESULTS, critical=critical, value=encoded(value))


def page_of(message: Message) -> Page | None:
    """The page that a message speaks of, if it speaks of one.

    Raises: LdapRefused for a control that holds no page, or for two of them.
    """
    found = [control for control in message.controls if control.oid == PAGED_RESULTS]
    if not found:
        return None
    raw = found[0].value
    if raw is None or len(found) > 1:
        raise LdapRefused("a page without its size, or two pages")
    whole(raw)
    value = decoded(raw, schema.PagedResults())
    if int(value["size"]) < 0:
        raise LdapRefused("a page of a size below nothing")
    return Page(size=int(value["size"]), cookie=bytes(value["cookie"]))
