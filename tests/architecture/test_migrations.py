"""A released migration does for ever what it did on the day of its release."""

import ast
from pathlib import Path

import pytest

from idp.store.sql_migrate import MIGRATIONS


@pytest.mark.parametrize("path", sorted(MIGRATIONS.rglob("*.py")), ids=lambda path: path.stem)
def test_no_migration_reads_the_code_of_today(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Import(names=names):
                modules = [alias.name for alias in names]
            case ast.ImportFrom(module=module, level=level):
                modules = [module or "idp" if level == 0 else "idp"]
            case ast.Attribute(attr="create_all" | "drop_all" | "metadata"):
                modules = ["idp"]
            case _:
                continue
        assert not [m for m in modules if m.split(".")[0] in ("idp", "connectors", "keys")]
