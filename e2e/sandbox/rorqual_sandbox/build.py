"""Builds the control plane once from Go modules, into the user's cache.

One `go build` over one module, so that packages which etcd, Kubernetes, kwok, Prometheus and the inference
simulator share compile once. The result is complete or absent: it is built aside and renamed into place.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rorqual_sandbox.errors import BuildFailedError
from rorqual_sandbox.locks import exclusive
from rorqual_sandbox.paths import cache_directory
from rorqual_sandbox.progress import Progress
from rorqual_sandbox.stages import write_stages
from rorqual_sandbox.toolchain import find_go

MODULE = Path(__file__).parent / "go"
KUBERNETES_VERSION = "1.36.4"

PACKAGES = {
    "etcd": "./etcd",
    "engine": "./engine",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    "kwok": "sigs.k8s.io/kwok/cmd/kwok",
    "prometheus": "github.com/prometheus/prometheus/cmd/prometheus",
    "promtool": "github.com/prometheus/prometheus/cmd/promtool",
}

# Prometheus without its web page and without any service discovery but the two that the sandbox uses.
TAGS = "selinux,notest,grpcnotrace,remove_all_sd,enable_kubernetes_sd,enable_file_sd,netgo"


@dataclass(frozen=True)
class Binaries:
    """A finished build: `bin` holds the executables, `stages` kwok's stage files."""

    root: Path

    @property
    def bin(self) -> Path:
        return self.root / "bin"

    @property
    def stages(self) -> list[Path]:
        return sorted((self.root / "stages").glob("*.yaml"))

    def path(self, name: str) -> str:
        """The executable called `name`."""
        return str(self.bin / name)


def ensure_built(cache: Path | None = None) -> Binaries:
    """The binaries, built first if the cache lacks them. Raises ToolchainMissingError or BuildFailedError."""
    cache = cache or cache_directory()
    binaries = Binaries(cache / build_key())
    if binaries.root.exists():
        return binaries
    with exclusive(cache / f"{build_key()}.lock"):  # two at once: the second waits, then finds it built
        if not binaries.root.exists():
            _build(cache, binaries.root)
    return binaries


def build_key() -> str:
    """A name for what would be built: changes with the module, its sums, its sources and the flags."""
    digest = hashlib.sha256("\0".join([*_flags(), *PACKAGES.values()]).encode())
    for path in [*sorted(MODULE.rglob("*.go")), MODULE / "go.mod", MODULE / "go.sum"]:
        digest.update(path.read_bytes())
    digest.update((Path(__file__).parent / "stages.py").read_bytes())
    return digest.hexdigest()[:16]


def _build(cache: Path, destination: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    title = "Building the sandbox's control plane (once; some minutes on two cores)"
    with Progress(title) as progress, tempfile.TemporaryDirectory(dir=cache, prefix="building-") as scratch:
        go = find_go(cache, progress.note)
        work = Path(scratch) / "build"
        packages = _list_packages(go, progress)
        _compile(go, work / "bin", packages, progress)
        write_stages(_module_directory(go, "sigs.k8s.io/kwok"), work / "stages")
        shutil.move(work, destination)


def _list_packages(go: Path, progress: Progress) -> int:
    """How many packages the build has; as a side effect `go` downloads the modules it lacks."""
    command = [str(go), "list", "-deps", "-tags", TAGS, *PACKAGES.values()]
    with progress.phase("Downloading modules", None) as phase:
        return len(_run(command, phase.advance).splitlines())


def _compile(go: Path, destination: Path, packages: int, progress: Progress) -> None:
    destination.mkdir(parents=True)
    command = [str(go), "build", "-v", *_flags(), "-o", f"{destination}/", *PACKAGES.values()]
    with progress.phase("Compiling", packages) as phase:
        _run(command, phase.advance)


def _module_directory(go: Path, module: str) -> Path:
    command = [str(go), "list", "-m", "-f", "{{.Dir}}", module]
    return Path(_run(command, lambda _line: None).strip())


def _run(command: list[str], on_line: Progress.OnLine) -> str:
    """Runs a Go command, hands each line of its progress (stderr) on, and gives its output back."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command, cwd=MODULE, env=_environment(os.environ), stdout=output, stderr=subprocess.PIPE, text=True
        )
        tail: list[str] = []
        try:
            for line in process.stderr or ():
                on_line(line.strip())
                tail = [*tail[-19:], line]
        except BaseException:
            process.terminate()
            raise
        finally:
            process.wait()
        if process.returncode:
            raise BuildFailedError(f"{' '.join(command[:3])} failed ({process.returncode}):\n{''.join(tail)}")
        output.seek(0)
        return output.read()


def _environment(base: Mapping[str, str]) -> dict[str, str]:
    return {**base, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"}


def _flags() -> list[str]:
    major, minor, _ = KUBERNETES_VERSION.split(".")
    facts = {
        "gitVersion": f"v{KUBERNETES_VERSION}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
    }
    # Clients parse the server's version, so both copies of it are set, as Kubernetes's own build does.
    stamped = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    stamps = " ".join(f"-X {package}.{name}={value}" for package in stamped for name, value in facts.items())
    return ["-trimpath", "-buildvcs=false", "-tags", TAGS, "-ldflags", f"-s -w {stamps}"]
