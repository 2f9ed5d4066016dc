"""The files of one sandbox, all in one directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Paths inside the state directory `root`."""

    root: Path

    @property
    def name(self) -> str:
        return self.root.name

    @property
    def marker(self) -> Path:
        """Tells that the directory is a sandbox's, and may be removed as one."""
        return self.root / ".rorqual-sandbox"

    @property
    def options(self) -> Path:
        return self.root / "options.json"

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def kubeconfig(self) -> Path:
        return self.root / "kubeconfig"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def pod_logs(self) -> Path:
        return self.logs / "pods"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def certificates(self) -> Path:
        return self.root / "certificates"

    @property
    def prometheus_config(self) -> Path:
        return self.root / "prometheus" / "prometheus.yml"

    @property
    def prometheus_rules(self) -> Path:
        """Rule files (*.yaml) that Prometheus loads; reload it after a change."""
        return self.root / "prometheus" / "rules"

    @property
    def prometheus_targets(self) -> Path:
        """Target lists (file_sd, *.json) of the job `rorqual-operator`."""
        return self.root / "prometheus" / "targets"

    def create(self) -> None:
        """Makes the directories, readable by their owner alone: they hold a cluster-admin token."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.marker.touch()
        for directory in (
            self.logs,
            self.pod_logs,
            self.data,
            self.certificates,
            self.prometheus_rules,
            self.prometheus_targets,
        ):
            directory.mkdir(parents=True, exist_ok=True)

    def component_log(self, component: str) -> Path:
        return self.logs / f"{component}.log"

    def pod_log_directory(self, namespace: str, pod: str) -> Path:
        """Where the agent writes `<uid>-<restart>.log` for each run of the pod's container."""
        return self.pod_logs / namespace / pod
