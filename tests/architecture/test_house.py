"""The rules of the house, held by the build."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.contract import LOCALES
from idp.web.texts import TEXTS, shown

ROOT = Path(__file__).parents[2]
PRODUCT = [p for name in ("idp", "connectors", "keys") for p in sorted((ROOT / name).rglob("*.py"))]
ROOMS = {
    "redis": r"redis",
    "hiredis": r"redis",
    "asyncpg": r"idp/store/postgres\.py",
    "sqlalchemy": r"idp/store/(sql_|migrations)",
    "alembic": r"idp/store/(sql_|migrations)",
    "argon2": r"idp/authn/password\.py",
    "jinja2": r"idp/web/pages\.py",
    "joserfc": r"keys/",
    "cryptography": r"keys/",
    "jose": r"connectors/systems/signed_ticket\.py",
    "fastapi": r"idp/web/|idp/app\.py|connectors/simulators/",
    "starlette": r"idp/web/|idp/app\.py|connectors/simulators/",
    "authlib": r"connectors/(sources|simulators)/",
    "sqlite3": r"idp/store/sqlite\.py|connectors/simulators/",
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("library", ROOMS)
def test_each_library_stays_in_its_room(library: str) -> None:
    strays = [
        str(path.relative_to(ROOT))
        for path in PRODUCT
        if library in imports(path) and not re.search(ROOMS[library], str(path.relative_to(ROOT)))
    ]
    assert strays == []


def test_a_planted_import_breaks_the_build(tmp_path: Path) -> None:
    for name in ("idp", "connectors", "keys"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    kept = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert kept.returncode == 0, kept.stdout
    with (tmp_path / "keys" / "ring.py").open("a", encoding="utf-8") as file:
        file.write("\nimport connectors.contract\n")
    broken = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert broken.returncode != 0


def test_nothing_slow_stands_in_the_way_of_a_request() -> None:
    for path in PRODUCT:
        text = path.read_text("utf-8")
        assert "BaseHTTPMiddleware" not in text, path
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                routed = [
                    d for d in node.decorator_list if re.search(r"site\.(get|post)", ast.unparse(d))
                ]
                assert not routed, f"{path}: {node.name} is a synchronous endpoint"


def test_no_file_is_long() -> None:
    sizes = {str(p.relative_to(ROOT)): len(p.read_text("utf-8").splitlines()) for p in PRODUCT}
    long = {name: size for name, size in sizes.items() if size > 460}
    assert long == {}
    middle = sorted(sizes.values())[len(sizes) // 2]
    assert middle < 120


FROM_ABOVE = {
    "connection_made", "connection_lost", "data_received",
    "handle_starttag", "handle_data", "handle_endtag",
}  # fmt: skip
"""What the standard library calls and describes."""


def test_public_functions_say_what_they_guarantee() -> None:
    silent = []
    for path in PRODUCT:
        if path.name == "errors.py" or "simulators" in str(path):
            continue
        tree = ast.parse(path.read_text("utf-8"))
        for node in tree.body:
            members = node.body if isinstance(node, ast.ClassDef) else [node]
            silent += [
                f"{path.relative_to(ROOT)}:{m.lineno} {m.name}"
                for m in members
                if isinstance(m, ast.FunctionDef | ast.AsyncFunctionDef)
                and not m.name.startswith("_")
                and ast.get_docstring(m) is None
                and m.name not in FROM_ABOVE
            ]
    assert silent == []


def test_no_room_has_an_empty_name() -> None:
    forbidden = {"utils", "util", "common", "helpers", "misc", "base", "core", "manager", "handler"}
    assert not [p for p in PRODUCT if p.stem in forbidden]


def test_every_text_exists_in_both_languages() -> None:
    assert all(len(both) == len(LOCALES) and all(both) for both in TEXTS.values())
    assert all(vi != en for key, (vi, en) in TEXTS.items() if key != "service")


def test_every_text_that_a_template_names_exists() -> None:
    used = set()
    for template in (ROOT / "idp/web/templates").glob("*.html"):
        used |= set(re.findall(r't\("([a-z_.]+)"\)', template.read_text("utf-8")))
    assert used <= set(TEXTS)
    assert len(used) > 20


def test_shown_values_are_harmless_and_short() -> None:
    assert shown("a\u202eb\x00c\u200bd") == "abcd"
    assert len(shown("x" * 500)) == 201


def test_the_lock_files_hold_hashes_and_no_address() -> None:
    for lock in (ROOT / "requirements").glob("*.lock"):
        text = lock.read_text("utf-8")
        assert "--hash=sha256:" in text
        assert "://" not in text


def test_the_page_of_standards_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "docs/generate_standards.py"), "--check"]
    assert subprocess.run(command, check=False).returncode == 0
