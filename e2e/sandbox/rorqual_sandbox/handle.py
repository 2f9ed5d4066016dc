"""`Sandbox`: what tests and scripts hold in their hands, with the hooks that break things on purpose."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rorqual_sandbox import control, launch, monitoring, process
from rorqual_sandbox.build import Binaries
from rorqual_sandbox.errors import EngineUnavailableError
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.options import Options
from rorqual_sandbox.paths import check_name, state_root
from rorqual_sandbox.state import State, running_state

MODEL_PROCESS = "EngineCore"
"""In the title of vLLM's process with the model."""
_HTTP_SECONDS = 10


@dataclass(frozen=True)
class EngineProcess:
    """The process of an engine pod; `pid` is None between two runs."""

    namespace: str
    pod: str
    pid: int | None
    pod_ip: str
    restarts: int
    log: Path


class Sandbox:
    """A running sandbox.

    `Sandbox.up(...)` starts one, `Sandbox.attach(...)` finds one that runs; both raise SandboxError.
    """

    def __init__(self, layout: Layout, state: State) -> None:
        self.layout = layout
        self.state = state

    @classmethod
    def up(cls, name: str = "default", *, root: Path | None = None, options: Options | None = None) -> Sandbox:
        """Starts a sandbox, detached, with its state in `root`/`name`, and waits until it is ready."""
        layout = layout_of(name, root)
        return cls(layout, launch.up_detached(layout, options or Options()))

    @classmethod
    def attach(cls, name: str = "default", *, root: Path | None = None) -> Sandbox:
        """The sandbox of that name. Raises NotRunningError."""
        layout = layout_of(name, root)
        return cls(layout, running_state(layout))

    def down(self) -> None:
        """Stops it and removes its directory; safe to repeat."""
        launch.down(self.layout)

    @property
    def kubeconfig(self) -> Path:
        return self.layout.kubeconfig

    @property
    def server_url(self) -> str:
        return self.state.server_url

    @property
    def prometheus_url(self) -> str:
        return self.state.prometheus_url

    @property
    def binaries(self) -> Binaries:
        return Binaries(Path(self.state.binaries))

    @property
    def env(self) -> Mapping[str, str]:
        """KUBECONFIG, and PATH with kubectl and promtool in front."""
        path = os.pathsep.join([str(self.binaries.bin), os.environ.get("PATH", "")])
        return {"KUBECONFIG": str(self.kubeconfig), "PATH": path}

    def kubectl(self, *args: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs kubectl against the sandbox; CalledProcessError on failure unless `check` is False."""
        command = [self.binaries.path("kubectl"), *args]
        env = {**os.environ, **self.env}
        return subprocess.run(command, input=stdin, env=env, capture_output=True, text=True, check=check)

    def get(self, *args: str) -> dict[str, Any]:
        """`kubectl get … -o json`, read."""
        answer: dict[str, Any] = json.loads(self.kubectl("get", *args, "-o", "json").stdout)
        return answer

    def apply(self, *manifests: Mapping[str, Any]) -> None:
        """`kubectl apply` of the manifests."""
        body = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(body))

    def status(self) -> dict[str, Any]:
        """`state`, and `components` as rows of name, pid, port, state, healthy, resident_bytes."""
        return control.ask(self.layout, command="status")

    def stop(self, component: str) -> None:
        """Stops a component, as `prometheus` or `kube-apiserver`."""
        control.ask(self.layout, command="stop", component=component)

    def start(self, component: str) -> None:
        """Starts a component that was stopped or died, and waits until it is healthy."""
        control.ask(self.layout, timeout_seconds=90, command="start", component=component)

    def engines(self) -> list[EngineProcess]:
        """The processes of all engine pods."""
        rows = json.loads(_http("GET", f"{self.state.agent_url}/pods"))
        return [EngineProcess(**{**row, "log": Path(row["log"])}) for row in rows]

    def engine(self, namespace: str, pod: str) -> EngineProcess:
        """The process of one engine pod. Raises EngineUnavailableError."""
        for engine in self.engines():
            if (engine.namespace, engine.pod) == (namespace, pod):
                return engine
        raise EngineUnavailableError(f"the agent runs no pod {namespace}/{pod}")

    def pause_engine(self, namespace: str, pod: str) -> None:
        """Freezes an engine (SIGSTOP): it keeps its connections and answers nothing."""
        self._signal(namespace, pod, signal.SIGSTOP)

    def pause_model(self, namespace: str, pod: str) -> None:
        """Freezes vLLM's process with the model (SIGSTOP); its API server goes on to answer."""
        pid = self._pid(namespace, pod)
        cores = [member for member in process.members(pid) if MODEL_PROCESS in process.title(member)]
        if not cores:
            raise EngineUnavailableError(f"pod {namespace}/{pod}: expected a process named {MODEL_PROCESS}; found none")
        for core in cores:
            os.kill(core, signal.SIGSTOP)

    def resume_engine(self, namespace: str, pod: str) -> None:
        """Lets a frozen engine go on, whole or in part."""
        self._signal(namespace, pod, signal.SIGCONT)

    def kill_engine(self, namespace: str, pod: str) -> None:
        """Kills an engine (SIGKILL), as a fault would; the agent restarts it by its restart policy."""
        self._signal(namespace, pod, signal.SIGKILL)

    def delete_node(self, name: str) -> None:
        """Deletes a node; its engines die with it at once."""
        self.kubectl("delete", "node", name)

    def register_target(self, host_port: str) -> None:
        """Lets Prometheus scrape `host:port` as job `rorqual-operator`."""
        monitoring.write_target(self.layout, host_port)

    def unregister_target(self, host_port: str) -> None:
        """Ends what `register_target` began."""
        monitoring.remove_target(self.layout, host_port)

    def add_rules(self, name: str, text: str) -> None:
        """Loads Prometheus rules (a rule file's text) under `name`."""
        (self.layout.prometheus_rules / f"{name}.yaml").write_text(text)
        self.reload_prometheus()

    def reload_prometheus(self) -> None:
        """Lets Prometheus read its configuration and rules again."""
        _http("POST", f"{self.prometheus_url}/-/reload")

    def query(self, promql: str) -> list[dict[str, Any]]:
        """Result of an instant query: rows of `metric` and `value`."""
        parameters = urllib.parse.urlencode({"query": promql})
        answer = json.loads(_http("GET", f"{self.prometheus_url}/api/v1/query?{parameters}"))
        rows: list[dict[str, Any]] = answer["data"]["result"]
        return rows

    def _signal(self, namespace: str, pod: str, number: signal.Signals) -> None:
        os.killpg(self._pid(namespace, pod), number)

    def _pid(self, namespace: str, pod: str) -> int:
        """Of the engine's first process, which leads its group."""
        engine = self.engine(namespace, pod)
        if engine.pid is None:
            raise EngineUnavailableError(f"pod {namespace}/{pod} has no process now (restarts: {engine.restarts})")
        return engine.pid


def layout_of(name: str, root: Path | None = None) -> Layout:
    """Where the sandbox `name` keeps its state."""
    return Layout((root or state_root()) / check_name(name))


def _http(method: str, url: str) -> str:
    # loopback never goes through a proxy, whatever the environment says
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, method=method), timeout=_HTTP_SECONDS) as answer:
        text: str = answer.read().decode()
        return text
