"""The one door through which XML from outside comes in."""

import re
from datetime import UTC, datetime

from lxml import etree

from connectors.errors import SamlRefused

MAX_MESSAGE = 64 * 1024
MAX_METADATA = 512 * 1024
MAX_DEPTH = 40
MAX_ELEMENTS = 5000
_FORBIDDEN = re.compile(rb"<!(?:DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", re.IGNORECASE)
_DECLARED = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"'](?!utf-8[\"'])", re.IGNORECASE)
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z")


def read_xml(raw: bytes, limit: int = MAX_MESSAGE) -> etree._Element:
    """The root of a document without DTD, comment or instruction, bounded in size and depth.

    Why: what could be declared is refused before anything is parsed; what could split a text is
    refused after. So a text is whole, or there is none (CVE-2026-40165).

    Spec: SAML Core 2.0 §1.3; XML 1.0 §2.8
    Raises: SamlRefused.
    """
    if len(raw) > limit:
        raise SamlRefused("the document is too large")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        raise SamlRefused("the document is not UTF-8") from None
    if b"\0" in raw or _FORBIDDEN.search(raw) or _DECLARED.search(raw):
        raise SamlRefused("the document declares a type, entities, or another encoding")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False
    )
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise SamlRefused("the document is not well-formed") from None
    _bounded(root)
    return root


def _bounded(root: etree._Element) -> None:
    """Depth, number and kind of the nodes; namespaces that canonicalisation could not write."""
    tree = root.getroottree()
    if root.getprevious() is not None or root.getnext() is not None or tree.docinfo.doctype:
        raise SamlRefused("there is something beside the root")
    depth, count = 0, 0
    for event, node in etree.iterwalk(root, events=("start", "end", "comment", "pi", "start-ns")):
        match event:
            case "start":
                depth, count = depth + 1, count + 1
            case "end":
                depth -= 1
            case "start-ns":
                if not isinstance(node, tuple) or not _ABSOLUTE.fullmatch(node[1]):
                    raise SamlRefused("a namespace is not an absolute URI")
            case _:
                raise SamlRefused("the document holds a comment or an instruction")
        if depth > MAX_DEPTH or count > MAX_ELEMENTS:
            raise SamlRefused("the document is too deep, or has too many elements")


def text_of(element: etree._Element) -> str:
    """The whole text of an element that holds nothing but text.

    Raises: SamlRefused.
    """
    if len(element):
        raise SamlRefused("an element where only text belongs")
    return (element.text or "").strip()


def only(parent: etree._Element, namespace: str, name: str) -> etree._Element | None:
    """The child of this name, where there is one.

    Raises: SamlRefused where there are several.
    """
    found = parent.findall(f"{{{namespace}}}{name}")
    if len(found) > 1:
        raise SamlRefused(f"more than one {name}")
    return found[0] if found else None


def instant(text: str) -> int:
    """A time in UTC, in epoch seconds.

    Spec: SAML Core 2.0 §1.3.3
    Raises: SamlRefused.
    """
    try:
        if not _INSTANT.fullmatch(text):
            raise ValueError(text)  # noqa: TRY301 - both are answered alike
        seconds = text.partition(".")[0].removesuffix("Z")
        return int(datetime.fromisoformat(seconds).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise SamlRefused("not a time in UTC") from None


def written(epoch_seconds: int) -> str:
    """The time as SAML writes it."""
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
