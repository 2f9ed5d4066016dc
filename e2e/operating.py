"""What the scenarios share: the operator as a process, services as manifests, and load over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rorqual_sandbox.handle import Sandbox
from rorqual_sandbox.network import free_port

Manifest = dict[str, Any]
COMMAND = [sys.executable, "-c", "from rorqual_operator.cli import main; main()", "operator", "run"]


def established(sandbox: Sandbox, *names: str) -> bool:
    """Whether CRDs (`crd/NAME`) are served; `kubectl wait` alone fails at once on one that has no conditions yet."""
    wait = ("wait", "--for=condition=Established", *names, "--timeout=30s")
    return sandbox.kubectl(*wait, check=False).returncode == 0


class OperatorProcess:
    """`rorqual operator run` for one namespace, with a tick of one second."""

    def __init__(self, sandbox: Sandbox, namespace: str, log: Path, **options: str) -> None:
        self.log, self.port = log, free_port("127.0.0.1", 0)
        variables = {
            "namespaces": namespace,
            "lease_namespace": namespace,
            "tick_seconds": "1",
            "metrics_window_seconds": "10",
            "http_address": f"127.0.0.1:{self.port}",
            "kubeconfig": str(sandbox.kubeconfig),
            "prometheus_url": sandbox.prometheus_url,
            **options,
        }
        environment = {f"RORQUAL_{name.upper()}": value for name, value in variables.items() if value}
        with log.open("ab") as out:
            self.process = subprocess.Popen(COMMAND, env={**os.environ, **environment}, stdout=out, stderr=out)

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of a GET of the operator's own HTTP; 0 while nothing answers."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    @property
    def leading(self) -> bool:
        return "rorqual_leader 1.0" in self.get("/metrics")[1]

    def kill(self) -> None:
        """SIGKILL: no graceful stop, no giving up of the Lease."""
        self.process.kill()
        self.process.wait()

    def stop(self, timeout_seconds: float = 15) -> int:
        """SIGTERM, and its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout_seconds)
        finally:
            self.process.kill()

    def text(self) -> str:
        return self.log.read_text(errors="replace")


def llmservice(namespace: str, name: str = "chat", **spec: Any) -> Manifest:
    """An LLMService on H100s with engines of two sequences, so that little load is much; `spec` overrides by field."""
    base: Manifest = {
        "model": {"name": "meta-llama/Llama-3.1-8B-Instruct"},
        "hardware": [{"gpu": "NVIDIA-H100-80GB-HBM3"}],
        "configuration": {"maxConcurrentSequences": 2},
        "scaling": {
            "minReplicas": 1,
            "maxReplicas": 4,
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 2}},
        },
        "template": {"spec": {"terminationGracePeriodSeconds": 2}},
    }
    return {
        "apiVersion": "rorqual.io/v1alpha1",
        "kind": "LLMService",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {**base, **spec},
    }


class Service:
    """One LLMService in the sandbox, as the scenarios look at it."""

    def __init__(self, sandbox: Sandbox, namespace: str, name: str = "chat") -> None:
        self.sandbox, self.namespace, self.name = sandbox, namespace, name

    def object(self) -> Manifest:
        return self.sandbox.get("llm", self.name, "-n", self.namespace)

    @property
    def status(self) -> Manifest:
        status: Manifest = self.object().get("status", {})
        return status

    def condition(self, kind: str) -> Manifest:
        found = (entry for entry in self.status.get("conditions", []) if entry["type"] == kind)
        return next(found, {"status": "", "reason": "", "message": ""})

    def holds(self, kind: str, status: str = "True") -> bool:
        return bool(self.condition(kind)["status"] == status)

    def deployment(self) -> Manifest:
        return self.sandbox.get("deployment", self.name, "-n", self.namespace)

    def pods(self) -> list[Manifest]:
        found = self.sandbox.get("pods", "-n", self.namespace, "-l", f"app.kubernetes.io/instance={self.name}")
        items: list[Manifest] = found["items"]
        return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]

    def ready_pods(self) -> list[Manifest]:
        return [pod for pod in self.pods() if _ready(pod)]

    def events(self) -> list[str]:
        found = self.sandbox.get("events", "-n", self.namespace)["items"]
        return [event["reason"] for event in found if event["involvedObject"]["name"] == self.name]

    def ready(self, count: int) -> Callable[[], bool]:
        """A probe: that many replicas are ready, by Rorqual's own status."""
        return lambda: self.status.get("readyReplicas") == count and len(self.ready_pods()) == count

    def patch(self, spec: Mapping[str, Any]) -> None:
        body = json.dumps({"spec": spec})
        self.sandbox.kubectl("patch", "llm", self.name, "-n", self.namespace, "--type=merge", "-p", body)


def _ready(pod: Manifest) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)


class Load:
    """So many requests at once to the ready pods, until it is ended. Loopback alone, at most `limit` in all."""

    def __init__(self, service: Service, at_once: int, tokens: int = 100, limit: int = 2000) -> None:
        self._service, self._tokens = service, tokens
        self._left, self._over = limit, threading.Event()
        self._addresses: list[str] = []
        self._avoided: set[str] = set()
        self._threads = [threading.Thread(target=self._work, args=(n,), daemon=True) for n in range(at_once)]

    def __enter__(self) -> Load:
        self._refresh()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=30)

    def avoid(self, address: str) -> None:
        """Sends nothing more to that pod, as a router that has lost it."""
        self._avoided.add(address)
        self._refresh()

    def _refresh(self) -> None:
        addresses = [pod["status"]["podIP"] for pod in self._service.ready_pods()]
        self._addresses = [address for address in addresses if address not in self._avoided]

    def _work(self, number: int) -> None:
        while not self._over.is_set() and self._left > 0:
            self._left -= 1
            if number == 0:
                self._refresh()
            address = self._addresses[number % len(self._addresses)] if self._addresses else None
            if address is None or not address.startswith("127.") or not self._ask(address):
                self._over.wait(0.2)  # no pod yet, or one that is ending

    def _ask(self, address: str) -> bool:
        body = {"model": "meta-llama/Llama-3.1-8B-Instruct", "prompt": "hello", "max_tokens": self._tokens}
        connection = http.client.HTTPConnection(address, 8000, timeout=20)
        try:
            connection.request("POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"})
            return connection.getresponse().read() != b""
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
