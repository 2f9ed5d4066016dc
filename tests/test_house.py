"""What keeps the house in order: layout, generated files, words, and nothing of the machine it was built on."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rorqual_engine.api.reference import reference
from rorqual_engine.plan import Limiter, Reason
from rorqual_operator.act.occurrences import ALARMS, ENDINGS, EVENT_OF_ACTION
from rorqual_operator.cli_crd import as_yaml

ROOT = Path(__file__).resolve().parent.parent
CONDITIONS = ROOT / "operator/rorqual_operator/act/conditions.py"
REASONS = (ROOT / "docs/reference/reasons.md").read_text()

# Written in parts, or this file would be the first to hold them.
FORBIDDEN = (
    "../" + "shared",
    "/work" + "/",
    "proxy.golang" + ".org",
    "sum.golang" + ".org",
    "pypi" + ".org",
    "files.pythonhosted" + ".org",
    "registry.npmjs" + ".org",
    "deb.debian" + ".org",
)


@pytest.mark.parametrize("root", ["operator", "engine"])
def test_source_roots_are_no_packages(root: str) -> None:
    """A package named operator would shadow the standard library's module in every tool started from the root."""
    assert not (ROOT / root / "__init__.py").exists()
    assert (ROOT / root / f"rorqual_{root}" / "__init__.py").exists()


def test_crd_file_is_the_models() -> None:
    assert (ROOT / "crds/rorqual.io_llmservices.yaml").read_text() == as_yaml(), "run: rorqual crd > crds/…"


def test_reference_page_is_the_models() -> None:
    assert (ROOT / "docs/reference/llmservice.md").read_text() == reference(), "run: rorqual crd -o markdown > docs/…"


def files() -> Iterator[Path]:
    """Every file that is tracked or about to be."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    yield from (path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def test_nothing_names_the_place_where_it_was_built() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in files()
        for word in FORBIDDEN
        if word in path.read_text(errors="replace")
    ]
    assert found == []


def test_import_contracts_hold() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def rows() -> dict[str, list[str]]:
    """The cells of the page's tables by each reason in their first cell."""
    found = {}
    for line in REASONS.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for reason in re.findall(r"`(\w+)`", cells[0]) if line.startswith("|") else []:
            found.setdefault(reason, cells)
    return found


@pytest.mark.parametrize("reason", [*Reason, *Limiter])
def test_reason_is_documented_with_meaning_place_and_remedy(reason: str) -> None:
    cells = rows().get(reason, [])
    assert len(cells) == 4, f"docs/reference/reasons.md has no row for {reason}"
    assert all(cells)


def test_reasons_of_conditions_are_documented() -> None:
    statuses = "True|False|Unknown"
    written = set(re.findall(rf'"(?:{statuses})", "((?!{statuses})[A-Z]\w+)"', CONDITIONS.read_text()))
    assert len(written) > 10
    assert written <= set(rows())


def test_reasons_of_events_are_documented() -> None:
    told = {reason for *_, reason in ALARMS if reason} | set(ENDINGS.values()) | set(EVENT_OF_ACTION.values())
    assert told | {"ScalingUp", "ScalingDown"} <= set(rows())


def test_page_has_no_reason_that_is_gone() -> None:
    known = {*Reason, *Limiter}
    explained = {reason for reason, cells in rows().items() if len(cells) == 4}
    assert explained == known
