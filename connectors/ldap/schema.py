"""The ASN.1 of the messages: pyasn1-modules' RFC 2251, and what RFC 4511 has beyond it.

Why our own search request and envelope: the RFC 2251 module knows filters to three levels only, and
no operation that came later, and its unbind request is a constructed NULL, which no server takes.
Filters are therefore read level by level (`filter_codec.py`), and the
envelope by its three elements (`codec.py`), both within the bounds of `ber.py`.
"""

from pyasn1.type import namedtype, univ
from pyasn1_modules import rfc2251

BindRequest = rfc2251.BindRequest
BindResponse = rfc2251.BindResponse
SearchResultEntry = rfc2251.SearchResultEntry
SearchResultDone = rfc2251.SearchResultDone
SearchResultReference = rfc2251.SearchResultReference
CompareRequest = rfc2251.CompareRequest
ExtendedRequest = rfc2251.ExtendedRequest
ExtendedResponse = rfc2251.ExtendedResponse
Control = rfc2251.Control
OTHER_RESPONSES = {
    7: rfc2251.ModifyResponse,
    9: rfc2251.AddResponse,
    11: rfc2251.DelResponse,
    13: rfc2251.ModifyDNResponse,
    15: rfc2251.CompareResponse,
}
"""Answers that are a result and nothing else, by their application tag."""
AttributeValueAssertion = rfc2251.AttributeValueAssertion
SubstringFilter = rfc2251.SubstringFilter
MatchingRuleAssertion = rfc2251.MatchingRuleAssertion


class SearchRequest(univ.Sequence):
    """A search request whose filter is left as the bytes that it came in."""

    tagSet = rfc2251.SearchRequest.tagSet  # noqa: N815
    componentType = namedtype.NamedTypes(  # noqa: N815
        *(
            namedtype.NamedType("filter", univ.Any()) if named.name == "filter" else named
            for named in rfc2251.SearchRequest.componentType.namedTypes
        )
    )


class PagedResults(univ.Sequence):
    """Spec: RFC 2696 §2."""

    componentType = namedtype.NamedTypes(  # noqa: N815
        namedtype.NamedType("size", univ.Integer()),
        namedtype.NamedType("cookie", univ.OctetString()),
    )
