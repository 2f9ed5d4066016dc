"""The sandbox keeps what it promises: a scheduler, a kubelet's manners, metrics, and nothing left behind."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rorqual_sandbox.admission import ENGINE_LABELS
from rorqual_sandbox.errors import AlreadyRunningError
from rorqual_sandbox.handle import Sandbox
from rorqual_sandbox.locks import is_held
from rorqual_sandbox.options import Engine, NodeSpec, Options
from rorqual_sandbox.process import INSTANCE_VARIABLE, find_marked

pytestmark = pytest.mark.sandbox
Until = Callable[..., Any]

MANAGED = {**ENGINE_LABELS, "app.kubernetes.io/instance": "chat"}
VLLM = {
    "name": "engine",
    "image": "vllm/vllm-openai:v0.19.0",
    "command": ["vllm", "serve", "m", "--max-num-seqs", "4", "--port", "8000"],
    "ports": [{"name": "http", "containerPort": 8000}],
    "resources": {"limits": {"nvidia.com/gpu": 1}},
    "readinessProbe": {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 1, "failureThreshold": 1},
}


def pod(name: str, namespace: str, container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    body = {"containers": [container or VLLM], "terminationGracePeriodSeconds": 5, **spec}
    metadata = {"name": name, "namespace": namespace, "labels": MANAGED}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": body}


def shell(script: str) -> dict[str, Any]:
    return {"name": "engine", "image": "busybox", "command": ["sh", "-c", script]}


def deployment(namespace: str) -> dict[str, Any]:
    template = {"metadata": {"labels": MANAGED}, "spec": pod("chat", namespace)["spec"]}
    spec = {"replicas": 1, "selector": {"matchLabels": MANAGED}, "template": template}
    metadata = {"name": "chat", "namespace": namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def container_status(sandbox: Sandbox, namespace: str, name: str) -> dict[str, Any]:
    status = sandbox.get("pod", name, "-n", namespace)["status"]
    found: dict[str, Any] = (status.get("containerStatuses") or [{}])[0]
    return found


def is_ready(sandbox: Sandbox, namespace: str, name: str) -> bool:
    return bool(container_status(sandbox, namespace, name).get("ready"))


def exists(sandbox: Sandbox, namespace: str, name: str) -> bool:
    return sandbox.kubectl("get", "pod", name, "-n", namespace, check=False).returncode == 0


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def stream_chat(host: str) -> list[str]:
    body = {"model": "m", "stream": True, "max_tokens": 3, "messages": [{"role": "user", "content": "hi"}]}
    connection = http.client.HTTPConnection(host, 8000, timeout=10)
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.status == 200
    return [line for line in response.read().decode().splitlines() if line.startswith("data:")]


def test_a_deployment_serves_and_is_scraped(sandbox: Sandbox, namespace: str, until: Until) -> None:
    sandbox.apply(deployment(namespace))
    sandbox.kubectl("wait", "-n", namespace, "deploy/chat", "--for=condition=Available", "--timeout=60s")
    (found,) = sandbox.get("pods", "-n", namespace)["items"]
    chunks = stream_chat(found["status"]["podIP"])
    assert chunks[-1] == "data: [DONE]" and len(chunks) > 3
    query = f'vllm:request_success_total{{namespace="{namespace}"}}'
    rows = until(lambda: [row for row in sandbox.query(query) if float(row["value"][1]) == 1])
    labels = rows[0]["metric"]
    assert (labels["pod"], labels["service"], labels["model_name"]) == (found["metadata"]["name"], "chat", "m")


def test_max_num_seqs_reaches_the_engine(sandbox: Sandbox, namespace: str, until: Until) -> None:
    sandbox.apply(pod("engine", namespace))
    until(lambda: is_ready(sandbox, namespace, "engine"))
    assert "--max-num-seqs=4" in sandbox.engine(namespace, "engine").log.read_text().splitlines()[0]


@pytest.mark.parametrize(
    "labels", [{}, {"app.kubernetes.io/managed-by": "rorqual", "app.kubernetes.io/component": "operator"}]
)
def test_pods_that_are_no_engines_are_played_by_kwok(sandbox: Sandbox, namespace: str, labels: dict[str, str]) -> None:
    plain = pod("plain", namespace, {"name": "a", "image": "nginx"})
    plain["metadata"]["labels"] = labels
    sandbox.apply(plain)
    sandbox.kubectl("wait", "-n", namespace, "pod/plain", "--for=condition=Ready", "--timeout=60s")
    assert [engine for engine in sandbox.engines() if engine.namespace == namespace] == []


def test_gpus_are_scheduled(sandbox: Sandbox, namespace: str, until: Until) -> None:
    greedy = {**VLLM, "resources": {"limits": {"nvidia.com/gpu": 9}}}
    sandbox.apply(pod("greedy", namespace, greedy))

    def message() -> str:
        conditions = sandbox.get("pod", "greedy", "-n", namespace)["status"].get("conditions", [])
        return "".join(str(condition.get("message")) for condition in conditions)

    assert until(lambda: "Insufficient nvidia.com/gpu" in message())


def test_a_crash_is_restarted_with_back_off(sandbox: Sandbox, namespace: str, until: Until) -> None:
    sandbox.apply(pod("crash", namespace, shell("echo run; exit 3")))

    def backing_off() -> dict[str, Any] | None:
        status = container_status(sandbox, namespace, "crash")
        waiting = status.get("state", {}).get("waiting", {}).get("reason") == "CrashLoopBackOff"
        return status if waiting and status["restartCount"] >= 2 else None

    status = until(backing_off)
    assert status["lastState"]["terminated"]["exitCode"] == 3
    assert status["lastState"]["terminated"]["reason"] == "Error"


def test_a_killed_engine_comes_back(sandbox: Sandbox, namespace: str, until: Until) -> None:
    sandbox.apply(pod("killed", namespace))
    until(lambda: is_ready(sandbox, namespace, "killed"))
    sandbox.kill_engine(namespace, "killed")
    status = until(lambda: _restarted(container_status(sandbox, namespace, "killed")))
    assert status["lastState"]["terminated"]["exitCode"] == 137


def _restarted(status: dict[str, Any]) -> dict[str, Any] | None:
    return status if status.get("restartCount") == 1 and status["ready"] else None


def test_restart_policy_never_ends_the_pod(sandbox: Sandbox, namespace: str) -> None:
    sandbox.apply(pod("once", namespace, shell("exit 0"), restartPolicy="Never"))
    sandbox.kubectl("wait", "-n", namespace, "pod/once", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")


def test_a_paused_engine_is_not_ready(sandbox: Sandbox, namespace: str, until: Until) -> None:
    sandbox.apply(pod("paused", namespace))
    until(lambda: is_ready(sandbox, namespace, "paused"))
    sandbox.pause_engine(namespace, "paused")
    until(lambda: not is_ready(sandbox, namespace, "paused"))
    sandbox.resume_engine(namespace, "paused")
    until(lambda: is_ready(sandbox, namespace, "paused"))
    assert container_status(sandbox, namespace, "paused")["restartCount"] == 0


def test_deletion_grants_the_grace_period(sandbox: Sandbox, namespace: str, until: Until, tmp_path: Path) -> None:
    traces = tmp_path / "traces"
    script = f"trap 'echo term >> {traces}; exit 0' TERM; echo up >> {traces}; while :; do sleep 0.05; done"
    hook = {"preStop": {"exec": {"command": ["sh", "-c", f"echo hook >> {traces}"]}}}
    sandbox.apply(pod("polite", namespace, {**shell(script), "lifecycle": hook}))
    until(traces.exists)
    pid = sandbox.engine(namespace, "polite").pid
    sandbox.kubectl("delete", "pod", "polite", "-n", namespace, "--timeout=30s")
    assert traces.read_text().split() == ["up", "hook", "term"]
    assert pid is not None and not is_alive(pid)


def test_the_deaf_are_killed_after_the_grace_period(sandbox: Sandbox, namespace: str, until: Until) -> None:
    deaf = shell("trap '' TERM; while :; do sleep 0.05; done")
    sandbox.apply(pod("deaf", namespace, deaf, terminationGracePeriodSeconds=1))
    pid = until(lambda: _pid(sandbox, namespace, "deaf"))
    sandbox.kubectl("delete", "pod", "deaf", "-n", namespace, "--timeout=30s")
    assert not exists(sandbox, namespace, "deaf") and not is_alive(pid)


def _pid(sandbox: Sandbox, namespace: str, name: str) -> int | None:
    pids = [e.pid for e in sandbox.engines() if (e.namespace, e.pod) == (namespace, name)]
    return pids[0] if pids else None


def test_a_missing_secret_holds_the_container_until_it_is_there(
    sandbox: Sandbox, namespace: str, until: Until, tmp_path: Path
) -> None:
    env = [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}}]
    script = f"echo $TOKEN > {tmp_path / 'token'}; sleep 100"
    sandbox.apply(pod("waits", namespace, {**shell(script), "env": env}))

    def reason() -> str | None:
        state = container_status(sandbox, namespace, "waits").get("state", {})
        return state.get("waiting", {}).get("reason")

    until(lambda: reason() == "CreateContainerConfigError")
    sandbox.kubectl("create", "secret", "generic", "hub", "-n", namespace, "--from-literal=token=abc")
    until(lambda: (tmp_path / "token").exists() and (tmp_path / "token").read_text() == "abc\n")


def test_an_unknown_image_says_why_it_does_not_run(sandbox: Sandbox, namespace: str, until: Until) -> None:
    sandbox.apply(pod("unknown", namespace, {"name": "engine", "image": "example.com/other:1"}))
    waiting = until(lambda: container_status(sandbox, namespace, "unknown").get("state", {}).get("waiting"))
    until(lambda: container_status(sandbox, namespace, "unknown")["state"]["waiting"]["reason"] == "ErrImagePull")
    assert waiting


def test_an_outage_of_the_api_server_costs_no_engine(sandbox: Sandbox, namespace: str, until: Until) -> None:
    sandbox.apply(pod("steady", namespace))
    until(lambda: is_ready(sandbox, namespace, "steady"))
    before = sandbox.engine(namespace, "steady").pid
    sandbox.stop("kube-apiserver")
    sandbox.start("kube-apiserver")
    until(lambda: sandbox.kubectl("delete", "pod", "steady", "-n", namespace, check=False).returncode == 0)
    until(lambda: not exists(sandbox, namespace, "steady"))
    assert before is not None and not is_alive(before)


def test_a_restarted_agent_takes_its_pods_up_again(sandbox: Sandbox, namespace: str, until: Until) -> None:
    sandbox.apply(pod("kept", namespace))
    until(lambda: is_ready(sandbox, namespace, "kept"))
    before = sandbox.engine(namespace, "kept")
    sandbox.stop("agent")
    assert before.pid is not None and not is_alive(before.pid)
    sandbox.start("agent")
    until(lambda: _restarted(container_status(sandbox, namespace, "kept")))
    assert sandbox.engine(namespace, "kept").pod_ip == before.pod_ip


def test_engines_die_with_their_node(sandbox: Sandbox, namespace: str, until: Until) -> None:
    sandbox.kubectl("create", "-f", "-", stdin=json.dumps(_node("doomed")))
    sandbox.kubectl("wait", "node/doomed", "--for=condition=Ready", "--timeout=60s")
    sandbox.apply(pod("passenger", namespace, nodeSelector={"kubernetes.io/hostname": "doomed"}))
    pid = until(lambda: _pid(sandbox, namespace, "passenger"))
    sandbox.delete_node("doomed")
    until(lambda: not is_alive(pid))


def _node(name: str) -> dict[str, Any]:
    from rorqual_sandbox.nodes import node_manifest

    return node_manifest(NodeSpec(name, "NVIDIA-L40S", 4))


def test_prometheus_stops_and_starts(sandbox: Sandbox, until: Until) -> None:
    sandbox.stop("prometheus")
    rows = {row["name"]: row for row in sandbox.status()["components"]}
    assert rows["prometheus"]["state"] == "stopped" and rows["etcd"]["healthy"]
    sandbox.start("prometheus")
    sandbox.register_target("127.0.0.1:9")
    until(lambda: sandbox.query('up{job="rorqual-operator",instance="127.0.0.1:9"}'))
    sandbox.unregister_target("127.0.0.1:9")


def test_rules_are_loaded(sandbox: Sandbox, until: Until) -> None:
    sandbox.add_rules("probe", "groups: [{name: g, rules: [{record: probe:one, expr: vector(1)}]}]")
    assert until(lambda: sandbox.query("probe:one"))


def test_a_service_account_gets_only_its_rights(sandbox: Sandbox, namespace: str) -> None:
    sandbox.kubectl("create", "serviceaccount", "meek", "-n", namespace)
    token = sandbox.kubectl("create", "token", "meek", "-n", namespace).stdout.strip()
    arguments = ("--kubeconfig=/dev/null", f"--server={sandbox.server_url}", "--insecure-skip-tls-verify")
    refused = sandbox.kubectl(*arguments, f"--token={token}", "get", "pods", "-n", namespace, check=False)
    assert "Forbidden" in refused.stderr and f"system:serviceaccount:{namespace}:meek" in refused.stderr


@pytest.mark.parametrize("end", ["down", "kill"])
def test_a_second_sandbox_leaves_nothing_behind(sandbox: Sandbox, tmp_path: Path, until: Until, end: str) -> None:
    other = Sandbox.up("other", root=tmp_path, options=Options(nodes=(NodeSpec("cpu-0"),)))
    assert other.state.network != sandbox.state.network
    # a grandchild in a session of its own, which no signal to its parent would reach
    other.apply(pod("parent", "default", shell("setsid sleep 1000 & wait")))
    until(lambda: _sleeper(other))
    if end == "kill":
        os.kill(other.state.pid, signal.SIGKILL)
        # before `down`, which sweeps too
        until(lambda: not find_marked(INSTANCE_VARIABLE, other.state.instance))
    other.down()
    until(lambda: not find_marked(INSTANCE_VARIABLE, other.state.instance))
    assert not other.layout.root.exists()
    # an exiting process loses its environment, by which it is found, before its sockets
    until(lambda: f"127.{other.state.network}." not in listening_addresses())


def test_a_name_is_taken_while_it_runs_and_free_after_a_crash(tmp_path: Path, until: Until) -> None:
    options = Options(nodes=(NodeSpec("cpu-0"),))
    first = Sandbox.up("again", root=tmp_path, options=options)
    with pytest.raises(AlreadyRunningError, match="runs already"):
        Sandbox.up("again", root=tmp_path, options=options)
    assert first.status()["state"]["phase"] == "ready"  # the refusal did it no harm
    os.kill(first.state.pid, signal.SIGKILL)
    until(lambda: not is_held(first.layout.lock))
    second = Sandbox.up("again", root=tmp_path, options=options)
    try:
        assert second.state.instance != first.state.instance
        assert not find_marked(INSTANCE_VARIABLE, first.state.instance)
        assert second.status()["state"]["phase"] == "ready"
    finally:
        second.down()


def _sleeper(other: Sandbox) -> list[int]:
    pids = find_marked(INSTANCE_VARIABLE, other.state.instance)
    return [pid for pid in pids if b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")]


def listening_addresses() -> str:
    """Local addresses of all TCP sockets, as the kernel has them, in dotted form."""
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    listening = [row.split()[1].split(":")[0] for row in rows if row.split()[3] == "0A"]
    return " ".join(".".join(str(byte) for byte in reversed(bytes.fromhex(address))) for address in listening)


def test_interrupting_the_foreground_leaves_nothing_behind(tmp_path: Path, until: Until) -> None:
    import sys

    environment = {**os.environ, "RORQUAL_STATE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "rorqual_sandbox", "up", "--name", "front", "--foreground"]
    front = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert front.stdout is not None and front.stdout.readline() == "sandbox front is up\n"
    instance = Sandbox.attach("front", root=tmp_path / "sandbox").state.instance
    front.send_signal(signal.SIGINT)
    assert front.wait(60) == 0
    until(lambda: not find_marked(INSTANCE_VARIABLE, instance))
    assert list((tmp_path / "sandbox").iterdir()) == []


@pytest.mark.vllm
@pytest.mark.timeout(900)
@pytest.mark.skipif(os.environ.get("RORQUAL_E2E_VLLM") != "1", reason="6 GB; set RORQUAL_E2E_VLLM=1")
def test_real_vllm_serves(tmp_path: Path, until: Until) -> None:
    real = Sandbox.up("vllm", root=tmp_path, options=Options(engine=Engine.VLLM))
    try:
        real.apply(pod("real", "default", terminationGracePeriodSeconds=30))
        until(lambda: is_ready(real, "default", "real"), 300)
        address = real.engine("default", "real").pod_ip
        assert stream_chat(address)[-1] == "data: [DONE]"
        assert until(lambda: real.query('vllm:request_success_total{pod="real"} > 0'))
    finally:
        real.down()
