"""Debian's Apache with one module of authentication, run for one test."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.interop.conftest import wait_for

MODULES = Path("/usr/lib/apache2/modules")
_PARTS = ("mpm_event", "authn_core", "authz_core", "authz_user", "mime", "dir", "include")
_SERVER = """
ServerRoot "{root}"
PidFile "{root}/httpd.pid"
Listen {listen}
ServerName {address}
User www-data
Group www-data
ErrorLog "{root}/error.log"
LogLevel {module}:debug
{loaded}
TypesConfig /etc/mime.types
DocumentRoot "{root}/www"
<Directory "{root}/www">
  Options +Includes
  Require all granted
</Directory>
"""


def needs(module: str, package: str) -> pytest.MarkDecorator:
    """Skips where the module is not installed, or Apache could not change its user."""
    return pytest.mark.skipif(
        not (MODULES / f"mod_{module}.so").exists() or os.geteuid() != 0,
        reason=f"mod_{module} is not installed, or not root (Debian: {package})",
    )


@contextmanager
def apache(
    address: str,
    module: str,
    pages: Mapping[str, str],
    protected: Callable[[Path], str],
    more: tuple[str, ...] = (),
) -> Iterator[Path]:
    """A running server with `/up.html` and the pages; its folder, with `error.log` in it.

    `more` are modules that this one needs. `protected` gets the folder, puts there what it needs, and says the rest of the configuration.
    """
    root = Path(tempfile.mkdtemp(prefix="lienthong-apache-"))
    root.chmod(0o755)
    for name, page in {"up.html": "up", **pages}.items():
        (root / "www" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "www" / name).write_text(page, "utf-8")
    loaded = "\n".join(
        f"LoadModule {part}_module {MODULES}/mod_{part}.so" for part in (*_PARTS, *more, module)
    )
    server = _SERVER.format(
        root=root, listen=address.removeprefix("http://"), address=address, module=module,
        loaded=loaded,
    )  # fmt: skip
    (root / "httpd.conf").write_text(server + protected(root), "utf-8")
    process = subprocess.Popen(
        ["apache2", "-d", str(root), "-f", str(root / "httpd.conf"), "-DFOREGROUND"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(f"{address}/up.html")
        yield root
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(root, ignore_errors=True)
