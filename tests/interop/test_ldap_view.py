"""Software that we did not write, against the LDAP view: OpenLDAP's tools, Apache, Dovecot."""

import asyncio
import imaplib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from idp.demo.processes import free_port
from idp.store.app_passwords import SqlAppPasswords
from tests.certificates import certificate
from tests.fixtures_world import ENVIRONMENT, SECRET_1, World, write_config
from tests.interop.apache import apache, needs
from tests.interop.conftest import wait_for
from tests.ldap_view.conftest import CONFIG, MAIL_BASE, SERVICE, Ports, View, dn

TOOLS = pytest.mark.skipif(shutil.which("ldapsearch") is None, reason="Debian: ldap-utils")
DOVECOT_LDAP = next(Path("/usr/lib/dovecot").rglob("libauthdb_ldap.so"), None)


@pytest.fixture
def ports() -> Ports:
    return Ports(free_port(), free_port())


@pytest.fixture
def more_config(tmp_path: Path, ports: Ports) -> str:
    # OpenLDAP takes `localhost` for the name of the machine: the number is plain.
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    certificate(tmp_path, names)
    return CONFIG.format(clear=ports.clear, tls=ports.tls)


@pytest.fixture
async def view(world: World, ports: Ports, tmp_path: Path) -> AsyncIterator[View]:
    made = View(world, ports, tmp_path)
    yield made
    await made.close()


async def told(view: View, *command: str, code: int = 0) -> str:
    """What a tool of OpenLDAP prints; it trusts the test's certificate alone."""
    environment = os.environ | {"LDAPTLS_CACERT": str(view.folder / "ca.pem")}
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    )
    out, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == code, out.decode()
    return out.decode()


@TOOLS
async def test_ldapsearch_and_ldapwhoami_over_ldaps_and_starttls(view: View) -> None:
    alice = view.world.alice.account.subject
    for n in range(5):
        await view.link(alice, f"a{n}")
    _, secret = await view.app_password(alice)
    as_mail = ("-x", "-D", SERVICE, "-w", SECRET_1)
    ldaps = ("-H", f"ldaps://127.0.0.1:{view.ports.tls}")
    start_tls = ("-H", f"ldap://127.0.0.1:{view.ports.clear}", "-ZZ")
    for place in (ldaps, start_tls):
        found = await told(
            view, "ldapsearch", "-LLL", *place, *as_mail, "-b", MAIL_BASE, "(uid=a3)", "mail"
        )
        assert found == f"dn: {dn('a3')}\nmail: tuyet@vidu.example\n\n"
        who = await told(view, "ldapwhoami", *place, "-x", "-D", dn("a1"), "-w", secret)
        assert who == f"dn:{dn('a1')}\n"
        wrong = ("-x", "-D", dn("a1"), "-w", "wrong")
        assert "Invalid credentials" in await told(view, "ldapwhoami", *place, *wrong, code=49)
    paged = ("-E", "pr=2/noprompt", "-b", f"ou=people,{MAIL_BASE}", "(objectClass=inetOrgPerson)")
    found = await told(view, "ldapsearch", "-LLL", *ldaps, *as_mail, *paged, "uid")
    assert found.count("\nuid: a") == 5
    schema = await told(
        view, "ldapsearch", "-LLL", *ldaps, *as_mail, "-b", "cn=subschema", "-s", "base", "+", "*"
    )
    assert "inetOrgPerson" in schema


@TOOLS
async def test_ldapcompare_and_ldapmodify_get_their_own_answers(view: View) -> None:
    await view.link(view.world.alice.account.subject, "a1")
    place = ("-H", f"ldaps://127.0.0.1:{view.ports.tls}", "-x", "-D", SERVICE, "-w", SECRET_1)
    group = f"cn=citizens,ou=groups,{MAIL_BASE}"
    assert "TRUE" in await told(view, "ldapcompare", *place, group, f"member:{dn('a1')}", code=6)
    assert "FALSE" in await told(view, "ldapcompare", *place, group, f"member:{dn('b1')}", code=5)
    assert "unwilling" in await told(view, "ldapdelete", *place, dn("a1"), code=53)


@TOOLS
def test_the_provider_as_a_process_of_its_own_answers_over_both(
    tmp_path: Path, ports: Ports, more_config: str
) -> None:
    """`lienthong serve` runs on another event loop than the tests do."""
    config = write_config(tmp_path, f"sqlite:///{tmp_path / 'x.sqlite'}", more=more_config)
    web = free_port()
    command = [sys.executable, "-m", "idp.cli", "serve", "-c", str(config)]
    process = subprocess.Popen(
        [*command, "--listen", f"127.0.0.1:{web}"], env=os.environ | ENVIRONMENT
    )
    trusting = os.environ | {"LDAPTLS_CACERT": str(tmp_path / "ca.pem")}
    try:
        wait_for(f"http://127.0.0.1:{web}/healthz")
        as_mail = ("-x", "-D", SERVICE, "-w", SECRET_1)
        for place in (
            ("-H", f"ldaps://127.0.0.1:{ports.tls}"),
            ("-H", f"ldap://127.0.0.1:{ports.clear}", "-ZZ"),
        ):
            asked = ["ldapwhoami", *place, *as_mail]
            who = subprocess.run(asked, env=trusting, capture_output=True, text=True, check=True)
            assert who.stdout == f"dn:{SERVICE}\n"
    finally:
        process.terminate()
        assert process.wait(30) in (0, -15)


PROTECTED = """
LDAPTrustedGlobalCert CA_BASE64 {ca}
<Location /app>
  AuthType Basic
  AuthName "Mail"
  AuthBasicProvider ldap
  AuthLDAPURL "ldaps://127.0.0.1:{tls}/ou=people,{base}?uid?sub"
  AuthLDAPBindDN "{service}"
  AuthLDAPBindPassword "{secret}"
  Require ldap-group cn=citizens,ou=groups,{base}
  SetOutputFilter INCLUDES
</Location>
<Location /clerks>
  AuthType Basic
  AuthName "Mail"
  AuthBasicProvider ldap
  AuthLDAPURL "ldaps://127.0.0.1:{tls}/ou=people,{base}?uid?sub"
  AuthLDAPBindDN "{service}"
  AuthLDAPBindPassword "{secret}"
  Require ldap-group cn=clerks,ou=groups,{base}
</Location>
"""


@needs("authnz_ldap", "apache2")
async def test_apache_with_mod_authnz_ldap_lets_people_in_by_app_password(view: View) -> None:
    alice = view.world.alice
    await view.link(alice.account.subject, "tuyetnt85")
    _, secret = await view.app_password(alice.account.subject)
    address = f"http://127.0.0.1:{free_port()}"

    def protected(root: Path) -> str:
        shutil.copy(view.folder / "ca.pem", root / "ca.pem")
        return PROTECTED.format(
            ca=root / "ca.pem", tls=view.ports.tls, base=MAIL_BASE, service=SERVICE, secret=SECRET_1
        )

    pages = {
        "app/index.html": '<p>user=<!--#echo var="REMOTE_USER" --></p>',
        "clerks/index.html": "for clerks",
    }
    with apache(address, "authnz_ldap", pages, protected, more=("ldap", "auth_basic")):
        async with httpx.AsyncClient(base_url=address) as http:
            right = await http.get("/app/index.html", auth=("tuyetnt85", secret))
            assert (right.status_code, right.text) == (200, "<p>user=tuyetnt85</p>")
            for name, password in (
                ("tuyetnt85", alice.password), ("tuyetnt85", ""), ("*", secret), ("nobody", secret),
            ):  # fmt: skip
                wrong = await http.get("/app/index.html", auth=(name, password))
                assert wrong.status_code == 401
            other = await http.get("/clerks/index.html", auth=("tuyetnt85", secret))
            assert other.status_code in (401, 403)


DOVECOT = """
base_dir = {root}/run
state_dir = {root}/run
log_path = {root}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_verbose = yes
mail_location = maildir:{root}/mail/%u
first_valid_uid = 1
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service stats {{
  chroot =
}}
service anvil {{
  chroot =
}}
passdb {{
  driver = ldap
  args = {root}/ldap.conf
}}
userdb {{
  driver = ldap
  args = {root}/ldap.conf
  default_fields = uid={user} gid={user} home={root}/mail/%u
}}
"""
DOVECOT_AT_LDAP = """
uris = ldaps://127.0.0.1:{tls}
tls_ca_cert_file = {root}/ca.pem
tls_require_cert = hard
dn = {service}
dnpass = {secret}
auth_bind = yes
base = ou=people,{base}
scope = onelevel
pass_filter = (&(objectClass=inetOrgPerson)(uid=%u))
pass_attrs = uid=user
user_filter = (uid=%u)
user_attrs =
"""


@contextmanager
def dovecot(view: View, port: int) -> Iterator[Path]:
    """A Dovecot of the test's own; its folder."""
    root = Path(tempfile.mkdtemp(prefix="lienthong-dovecot-"))
    root.chmod(0o755)
    user = pwd.getpwnam("www-data").pw_name
    (root / "mail").mkdir()
    shutil.chown(root / "mail", user, user)
    shutil.copy(view.folder / "ca.pem", root / "ca.pem")
    (root / "dovecot.conf").write_text(DOVECOT.format(root=root, port=port, user=user), "utf-8")
    ldap = DOVECOT_AT_LDAP.format(
        root=root, tls=view.ports.tls, service=SERVICE, secret=SECRET_1, base=MAIL_BASE
    )
    (root / "ldap.conf").write_text(ldap, "utf-8")
    process = subprocess.Popen(["dovecot", "-F", "-c", str(root / "dovecot.conf")])
    try:
        yield root
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(root, ignore_errors=True)


def imap_login(port: int, name: str, password: str) -> str:
    """What an IMAP client is told, once the server is up."""
    for _ in range(100):
        try:
            client = imaplib.IMAP4("127.0.0.1", port, timeout=20)
            break
        except OSError:
            time.sleep(0.1)
    try:
        client.login(name, password)
        return str(client.select("INBOX")[0])
    except imaplib.IMAP4.error:
        return "refused"
    finally:
        client.shutdown()


@pytest.mark.skipif(
    DOVECOT_LDAP is None or os.geteuid() != 0, reason="Debian: dovecot-imapd dovecot-ldap; root"
)
async def test_dovecot_signs_a_mail_program_in_by_app_password(view: View) -> None:
    alice = view.world.alice
    await view.link(alice.account.subject, "tuyetnt85")
    made, secret = await view.app_password(alice.account.subject)
    port = free_port()
    with dovecot(view, port) as root:
        login = partial(asyncio.to_thread, imap_login, port, "tuyetnt85")
        assert await login(secret) == "OK", (root / "dovecot.log").read_text("utf-8")
        assert await login(alice.password) == "refused"
        async with view.stores() as stores:
            kept = SqlAppPasswords(stores.database, stores.sealer, view.index)
            await kept.revoke(made, 1)
        assert await login(secret) == "refused"
