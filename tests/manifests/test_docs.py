"""What the pages of this room say about files and figures is so."""

import re
from pathlib import Path

import pytest

from rorqual_operator.act.render.lifecycle import (
    DRAIN_SECONDS,
    EXIT_SECONDS,
    LOAD_SECONDS,
    PROGRESS_SECONDS,
    ROUTING_SECONDS,
)
from rorqual_operator.settings import Settings

from .trees import ROOT

DOCS = ROOT / "docs"
PAGES = [
    DOCS / name
    for name in (
        "how-to/install.md",
        "how-to/gitops.md",
        "how-to/monitoring.md",
        "reference/engine-pods.md",
        "reference/metrics.md",
        "reference/alerts.md",
    )
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_options_are_options(page: Path) -> None:
    options = {f"RORQUAL_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"RORQUAL_[A-Z_]+[A-Z]", page.read_text())) <= options


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_folders_and_files_that_are_named_are_there(page: Path) -> None:
    for path in re.findall(r"\b(?:manifests|crds|tests)/[\w./-]*", page.read_text()):
        assert (ROOT / path.rstrip(".")).exists(), path


def test_times_are_those_that_are_rendered() -> None:
    text = (DOCS / "reference" / "engine-pods.md").read_text()
    rows = dict(re.findall(r"^\| ([^|]+?) \| (\d+)\b", text, re.MULTILINE))
    assert {name: int(seconds) for name, seconds in rows.items()} == {
        "startup probe": LOAD_SECONDS,
        "progress deadline of the rollout": PROGRESS_SECONDS,
        "readiness": 5,
        "liveness": 10,
        "preStop sleep": ROUTING_SECONDS,
        "`--shutdown-timeout`": DRAIN_SECONDS,
        "grace period": ROUTING_SECONDS + DRAIN_SECONDS + EXIT_SECONDS,
    }
