"""The build: once, whole or not at all. A script plays Go."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from rorqual_sandbox import build
from rorqual_sandbox.build import MODULE, PACKAGES, build_key, ensure_built
from rorqual_sandbox.errors import BuildFailedError, DownloadFailedError
from rorqual_sandbox.locks import exclusive

GO = """#!/bin/sh
echo "$@" >> {calls}
case "$1" in
  env) [ "$2" = GOPROXY ] && echo https://mirror || echo go1.26.8 ;;
  list) {listing}
    [ "$2" = -m ] && echo {kwok} || printf 'a\\nb\\n' ;;
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


def write_go(tmp_path: Path, listing: str = ":", failure: str = ":") -> Path:
    go = tmp_path / "path" / "go"
    text = GO.format(calls=tmp_path / "calls", listing=listing, kwok=tmp_path / "kwok", build=failure)
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


def test_missing_modules_are_explained_and_the_next_build_works(go: Path, tmp_path: Path) -> None:
    write_go(tmp_path, listing="echo 'lookup example.org: no such host' >&2; exit 1")
    with pytest.raises(DownloadFailedError, match=r"GOPROXY is 'https://mirror'[\s\S]*no such host"):
        ensure_built(tmp_path / "cache")
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"]
    write_go(tmp_path)
    assert Path(ensure_built(tmp_path / "cache").path("etcd")).exists()


def test_what_a_killed_build_left_is_removed_but_not_that_of_another_key(go: Path, tmp_path: Path) -> None:
    ours, other = (tmp_path / "cache" / f"building-{key}-x" for key in (build_key(), "other"))
    (ours / "build" / "bin").mkdir(parents=True)
    other.mkdir()
    ensure_built(tmp_path / "cache")
    assert not ours.exists() and other.exists()


async def test_who_waits_for_another_build_is_told_so(
    go: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], until: Any
) -> None:
    shown: list[str] = []

    def waits() -> bool:
        shown.append(capsys.readouterr().err)
        return "Another process is building" in "".join(shown)

    with exclusive(tmp_path / "cache" / f"{build_key()}.lock"):
        building = asyncio.create_task(asyncio.to_thread(ensure_built, tmp_path / "cache"))
        await until(waits)
    await building
    assert len(calls(tmp_path, "build")) == 1


def test_the_key_follows_what_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    before = build_key()
    assert build_key() == before
    monkeypatch.setattr(build, "TAGS", "other")
    assert build_key() != before


def test_the_module_is_part_of_the_package() -> None:
    assert {"go.mod", "go.sum", "etcd", "engine"} <= {path.name for path in MODULE.iterdir()}
    assert f"k8s.io/kubernetes v{build.KUBERNETES_VERSION}\n" in (MODULE / "go.mod").read_text()
