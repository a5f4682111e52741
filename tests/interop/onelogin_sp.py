"""A service provider with python3-saml of OneLogin, run by Debian's Python: strict, and on loopback.

`/login` sends the browser to the provider, `/acs` and `/slo` say what the toolkit thinks of what
comes back, `/logout` asks the provider to end the session, `/facts` tells what it read and wrote.
`/me` is what the browser of a living session sees; `/soap` ends sessions behind the browser, with
what the toolkit has for reading and checking a request.
"""

import base64
import json
import secrets
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from lxml import etree
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser
from onelogin.saml2.logout_request import OneLogin_Saml2_Logout_Request
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.utils import OneLogin_Saml2_Utils
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

given = json.loads(Path(sys.argv[1]).read_text("utf-8"))
address = given["address"]
metadata = given["idp_metadata"]
settings = OneLogin_Saml2_Settings(
    OneLogin_Saml2_IdPMetadataParser.merge_settings(
        given["settings"], OneLogin_Saml2_IdPMetadataParser.parse(metadata)
    )
)
waiting = {"request": "", "name": {}}
sessions = {}
"""By cookie: the name, the session at the provider, the account."""


class Handler(BaseHTTPRequestHandler):
    """One browser at a time."""

    cookie = ""

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, urlsplit(self.path).query
        auth = self._auth(path, query)
        if path == "/login":
            self._go(auth, auth.login(return_to="where-i-was"))
        elif path == "/logout":
            self._go(auth, auth.logout(return_to="bye", **waiting["name"]))
        elif path == "/me":
            self._me()
        elif path == "/slo":
            auth.process_slo(keep_local_session=True, request_id=waiting["request"])
            self._say({"reason": auth.get_last_error_reason(), "errors": auth.get_errors()})
        else:
            schema = OneLogin_Saml2_XML.validate_xml(metadata, "saml-schema-metadata-2.0.xsd")
            own = settings.get_sp_metadata()
            self._say(
                {
                    "idp_metadata": schema if isinstance(schema, str) else "valid",
                    "sp_metadata": own.decode() if isinstance(own, bytes) else own,
                }
            )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if urlsplit(self.path).path == "/soap":
            self._say({"ended": ended_by(body)})
            return
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        auth = self._auth("/acs", "", form)
        auth.process_response(request_id=waiting["request"])
        if auth.is_authenticated():
            waiting["name"] = {
                "name_id": auth.get_nameid(),
                "session_index": auth.get_session_index(),
                "nq": auth.get_nameid_nq(),
                "name_id_format": auth.get_nameid_format(),
                "spnq": auth.get_nameid_spnq(),
            }
            self.cookie = secrets.token_urlsafe(16)
            account = auth.get_attributes()["local_account"][0]
            sessions[self.cookie] = auth.get_nameid(), auth.get_session_index(), account
        said = {
            "authenticated": auth.is_authenticated(),
            "reason": auth.get_last_error_reason(),
            "attributes": auth.get_attributes(),
            "contexts": auth.get_last_authn_contexts(),
        }
        self._say(said | {"form": form})

    def _auth(self, path: str, query: str, form: "dict[str, str] | None" = None):
        request = {
            "https": "off", "http_host": urlsplit(address).netloc, "script_name": path,
            "get_data": dict(parse_qsl(query)), "post_data": form or {}, "query_string": query,
        }  # fmt: skip
        return OneLogin_Saml2_Auth(request, settings)

    def _go(self, auth: OneLogin_Saml2_Auth, url: str) -> None:
        waiting["request"] = auth.get_last_request_id()
        self.send_response(302)
        self.send_header("location", url)
        self.send_header("content-length", "0")
        self.end_headers()

    def _me(self) -> None:
        found = [
            sessions[value]
            for name, _, value in (p.partition("=") for p in self.headers["cookie"].split("; "))
            if name == "clinic" and value in sessions
        ]
        self._say({"account": found[0][2]} if found else {}, 200 if found else 401)

    def _say(self, said: "dict[str, object]", status: int = 200) -> None:
        raw = json.dumps(said).encode()
        self.send_response(status)
        if self.cookie:
            self.send_header("set-cookie", f"clinic={self.cookie}; Path=/; HttpOnly")
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def ended_by(envelope: bytes) -> int:
    """How many sessions end by this SOAP message: none where the toolkit does not believe it."""
    xml = etree.tostring(etree.fromstring(envelope)[0][0])
    known = settings.get_idp_data()
    many = known.get("x509certMulti", {}).get("signing") or [known["x509cert"]]
    signed = OneLogin_Saml2_Utils.validate_sign(
        xml, cert=many[0], multicerts=many, xpath="/samlp:LogoutRequest/ds:Signature"
    )
    here = {"https": "off", "http_host": urlsplit(address).netloc, "script_name": "/soap"}
    request = OneLogin_Saml2_Logout_Request(settings, base64.b64encode(xml).decode())
    if not signed or not request.is_valid(here, raise_exceptions=True):
        return 0
    name = OneLogin_Saml2_Logout_Request.get_nameid(xml)
    named = OneLogin_Saml2_Logout_Request.get_session_indexes(xml)
    over = [c for c, session in sessions.items() if session[0] == name and session[1] in named]
    for cookie in over:
        del sessions[cookie]
    return len(over)


HTTPServer(("127.0.0.1", urlsplit(address).port), Handler).serve_forever()
