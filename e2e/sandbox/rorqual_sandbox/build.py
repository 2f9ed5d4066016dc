"""Builds the control plane once from Go modules, into the user's cache.

One `go build` over one module, so that packages which etcd, Kubernetes, kwok, Prometheus and the inference
simulator share compile once. The result is complete or absent: it is built aside and renamed into place.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rorqual_sandbox.errors import BuildFailedError, DownloadFailedError
from rorqual_sandbox.gotool import GoTool
from rorqual_sandbox.locks import exclusive
from rorqual_sandbox.paths import cache_directory
from rorqual_sandbox.progress import Progress, waiting
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

_TITLE = "Building the sandbox's control plane (once; some minutes on two cores)"
_WAITING = "Another process is building the sandbox's control plane"


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
    # two at once: the second waits, then finds it built
    with exclusive(cache / f"{build_key()}.lock", lambda: waiting(_WAITING)):
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
    prefix = f"building-{destination.name}-"
    for left in cache.glob(f"{prefix}*"):  # by a build that was killed; no other runs, for we hold its lock
        shutil.rmtree(left)
    with Progress(_TITLE) as progress, tempfile.TemporaryDirectory(dir=cache, prefix=prefix) as scratch:
        go = GoTool(find_go(cache, progress), MODULE)
        work = Path(scratch) / "build"
        packages = _list_packages(go, progress)
        _compile(go, work / "bin", packages, progress)
        write_stages(_module_directory(go, "sigs.k8s.io/kwok"), work / "stages")
        work.rename(destination)


def _list_packages(go: GoTool, progress: Progress) -> int:
    """How many packages the build has; as a side effect Go downloads the modules that it lacks."""
    arguments = ("list", "-deps", "-tags", TAGS, *PACKAGES.values())
    try:
        with progress.phase("Downloading modules", None) as phase:
            listed = go.run(*arguments, on_line=lambda line: phase.advance(line.removeprefix("go: downloading ")))
            return len(listed.splitlines())
    except BuildFailedError as error:
        proxy, reason = go.run("env", "GOPROXY").strip(), str(error).splitlines()[-1]
        raise DownloadFailedError(
            f"the Go modules of the sandbox's control plane could not be had. Check the network, and that the Go "
            f"module proxy can be reached (GOPROXY is {proxy!r}); then run the command again: what was downloaded "
            f"is kept.\n{reason}"
        ) from error


def _compile(go: GoTool, destination: Path, packages: int, progress: Progress) -> None:
    destination.mkdir(parents=True)
    with progress.phase("Compiling", packages) as phase:
        go.run("build", "-v", *_flags(), "-o", f"{destination}/", *PACKAGES.values(), on_line=phase.advance)


def _module_directory(go: GoTool, module: str) -> Path:
    return Path(go.run("list", "-m", "-f", "{{.Dir}}", module).strip())


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
