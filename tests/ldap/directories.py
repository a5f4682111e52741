"""A real OpenLDAP on loopback with a certificate of its own, and the staff in it."""

import shutil
import subprocess
from pathlib import Path

from tests.certificates import certificate
from tests.fixtures_world import SECRET_1
from tests.services import _answers, _wait_for, free_port

BASE = "dc=tinh,dc=vn"
SERVICE = f"cn=lienthong,{BASE}"
GROUP = f"cn=mot-cua,ou=groups,{BASE}"
PASSWORD = "mat-khau-can-bo"
CONF = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
TLSCertificateFile {folder}/ca.pem
TLSCertificateKeyFile {folder}/key.pem
database mdb
suffix "{base}"
rootdn "cn=admin,{base}"
directory {folder}/db
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{service}" read by * none
"""
PEOPLE = f"""
dn: {BASE}
objectClass: dcObject
objectClass: organization
dc: tinh
o: Tinh

dn: {SERVICE}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: lienthong
userPassword: {SECRET_1}

dn: ou=people,{BASE}
objectClass: organizationalUnit
ou: people

dn: ou=groups,{BASE}
objectClass: organizationalUnit
ou: groups

dn: uid=hoa.lt,ou=people,{BASE}
objectClass: inetOrgPerson
uid: hoa.lt
cn: Lê Thị Hoa
sn: Lê
mail: hoa.lt@tinh.vn
mobile: 0912 345 678
userPassword: {PASSWORD}

dn: cn=Trần\\2C Bình,ou=people,{BASE}
objectClass: inetOrgPerson
uid: binh.t
cn: Trần, Bình
sn: Trần
userPassword: {PASSWORD}

dn: uid=twin,ou=people,{BASE}
objectClass: inetOrgPerson
uid: twin
cn: Một
sn: Một
userPassword: {PASSWORD}

dn: cn=other,ou=people,{BASE}
objectClass: inetOrgPerson
uid: twin
cn: other
sn: other
userPassword: {PASSWORD}

dn: {GROUP}
objectClass: groupOfNames
cn: mot-cua
member: uid=hoa.lt,ou=people,{BASE}
"""


class Slapd:
    """Started for a test, on ports of its own; gone after it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.tls_port = free_port(), free_port()
        (folder / "db").mkdir()
        certificate(folder)
        conf = CONF.format(folder=folder, base=BASE, service=SERVICE)
        (folder / "slapd.conf").write_text(conf)
        (folder / "people.ldif").write_text(PEOPLE)
        self._run("slapadd", "-f", str(folder / "slapd.conf"), "-l", str(folder / "people.ldif"))
        self.start()

    def start(self) -> None:
        """Also again, after it was stopped."""
        folder = self.folder
        urls = f"ldap://127.0.0.1:{self.port}/ ldaps://127.0.0.1:{self.tls_port}/"
        with (folder / "slapd.log").open("ab") as log:
            command = [_binary("slapd"), "-f", str(folder / "slapd.conf"), "-h", urls, "-d", "0"]
            self._child = subprocess.Popen(command, stderr=log)
        _wait_for(self._child, lambda: _answers(self.port) and _answers(self.tls_port))

    def stop(self) -> None:
        self._child.terminate()
        self._child.wait(10)

    def _run(self, name: str, *arguments: str) -> None:
        subprocess.run([_binary(name), *arguments], check=True, capture_output=True)


def _binary(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise RuntimeError(
            f"{name} is not installed: install the Debian packages slapd and ldap-utils"
        )
    return found


def source_toml(
    name: str, url: str, ca_file: Path, *, preset: str = "openldap", more: str = ""
) -> str:
    return f"""
[sources.{name}]
kind = "ldap"
preset = "{preset}"
name = {{ vi = "Danh bạ {name}", en = "Directory {name}" }}
url = "{url}"
ca_file = "{ca_file}"
service_name = "{SERVICE}"
service_password = {{ env = "SECRET_1" }}
base = "ou=people,{BASE}"
{more}
"""


def allowed_toml(*ports: int, host: str = "localhost") -> str:
    return f"""
[[network.allowed_hosts]]
host = "{host}"
ports = {list(ports)}
"""
