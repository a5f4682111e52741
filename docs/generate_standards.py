"""Writes docs/standards.md from the `Spec:` lines of the code: RFC → file → what it guarantees."""

import ast
import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAME = re.compile(
    r"(RFC \d+\w*|OIDC [A-Z][\w-]*(?: [A-Z][\w-]*)*(?: \d\.\d)?|NIST SP [\w-]+|OWASP ASVS|CSP Level 3|CAS Protocol 3\.0|SAML 2\.0 Core|XML 1\.0|OAuth 2\.0 [A-Z][\w ]+)"
)


def main() -> None:
    """Write the page; with `--check`, only say whether it is up to date."""
    page = render()
    path = ROOT / "docs" / "standards.md"
    if "--check" in sys.argv:
        sys.exit(0 if path.read_text("utf-8") == page else "run `make standards`")
    path.write_text(page, "utf-8")


def render() -> str:
    """The page."""
    found: dict[str, set[str]] = defaultdict(set)
    for root in ("idp", "connectors", "keys"):
        for path in sorted((ROOT / root).rglob("*.py")):
            for where, first, spec in specs(path):
                for name in NAME.findall(spec):
                    place = f"{path.relative_to(ROOT)}"
                    found[name.strip()].add(f"| `{place}` | `{where}` | {first} | {spec} |")
    lines = ["# Standards, and where they are enforced", ""]
    lines += ["Generated from the code by `make standards`.", ""]
    for name in sorted(found):
        lines += [f"## {name}", "", "| File | Function | What is guaranteed | Section |"]
        lines += ["|---|---|---|---|", *sorted(found[name]), ""]
    return "\n".join(lines)


def specs(path: Path) -> list[tuple[str, str, str]]:
    """Each `Spec:` of a file: where it stands, the first line of its docstring, its text."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
            text = ast.get_docstring(node) or ""
            match = re.search(r"Spec:((?:.|\n(?!\n|\w+:))*)", text)
            if match:
                where = getattr(node, "name", path.stem)
                first = text.splitlines()[0].replace("|", "\\|")
                found.append((where, first, " ".join(match.group(1).split()).rstrip(".")))
    return found


if __name__ == "__main__":
    main()
