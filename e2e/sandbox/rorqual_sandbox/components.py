"""The processes of a sandbox: how each is started, and where it tells that it is healthy."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from rorqual_sandbox.build import Binaries
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.network import Network, free_port

# A stopped etcd keeps its API server waiting for half a minute, hence this order (the reverse of the start).
ORDER = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "prometheus", "agent")


@dataclass(frozen=True)
class Component:
    """One process: its command, its port for people to see, and a URL that answers 200 when it is healthy."""

    name: str
    argv: tuple[str, ...]
    port: int
    health: str
    stop_seconds: float = 10.0


@dataclass(frozen=True)
class Endpoints:
    """Ports on the sandbox's host address."""

    host: str
    etcd: int
    etcd_peer: int
    apiserver: int
    controller_manager: int
    scheduler: int
    kwok: int
    prometheus: int
    agent: int

    @classmethod
    def choose(cls, network: Network) -> Endpoints:
        """The usual ports, or free ones where another process listens on all addresses."""
        usual = (2379, 2380, 6443, 10257, 10259, 10247, 9090, 10250)
        return cls(network.host, *(free_port(network.host, port) for port in usual))

    @property
    def server_url(self) -> str:
        return f"https://{self.host}:{self.apiserver}"

    @property
    def prometheus_url(self) -> str:
        return f"http://{self.host}:{self.prometheus}"

    @property
    def agent_url(self) -> str:
        return f"http://{self.host}:{self.agent}"


@dataclass(frozen=True)
class Plan:
    """All that the commands are made of."""

    layout: Layout
    binaries: Binaries
    network: Network
    endpoints: Endpoints

    def components(self) -> dict[str, Component]:
        """Every component by name, in starting order."""
        made = (_etcd, _apiserver, _controller_manager, _scheduler, _kwok, _prometheus, _agent)
        return {component.name: component for component in (make(self) for make in made)}


def _etcd(plan: Plan) -> Component:
    at = plan.endpoints
    client, peer = f"http://{at.host}:{at.etcd}", f"http://{at.host}:{at.etcd_peer}"
    argv = (
        plan.binaries.path("etcd"),
        f"--data-dir={plan.layout.data / 'etcd'}",
        "--unsafe-no-fsync",  # the data lives no longer than the sandbox
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
    )
    return Component("etcd", argv, at.etcd, f"{client}/health")


def _apiserver(plan: Plan) -> Component:
    at, certificates = plan.endpoints, plan.layout.certificates
    argv = (
        plan.binaries.path("kube-apiserver"),
        f"--etcd-servers=http://{at.host}:{at.etcd}",
        f"--bind-address={at.host}",
        f"--advertise-address={at.host}",
        f"--secure-port={at.apiserver}",
        f"--cert-dir={certificates}",
        "--service-cluster-ip-range=10.0.0.0/16",
        "--endpoint-reconciler-type=none",
        "--allow-privileged",
        "--authorization-mode=RBAC",
        f"--token-auth-file={certificates / 'tokens.csv'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={certificates / 'sa.pub'}",
        f"--service-account-signing-key-file={certificates / 'sa.key'}",
    )
    return Component("kube-apiserver", argv, at.apiserver, f"{at.server_url}/readyz", stop_seconds=5)


def _controller_manager(plan: Plan) -> Component:
    at, certificates = plan.endpoints, plan.layout.certificates
    argv = (
        plan.binaries.path("kube-controller-manager"),
        f"--kubeconfig={plan.layout.kubeconfig}",
        f"--bind-address={at.host}",
        f"--secure-port={at.controller_manager}",
        "--leader-elect=false",
        "--use-service-account-credentials",
        "--kube-api-qps=1000",  # one client a controller: the usual 20 a second make the start 4 s longer
        "--kube-api-burst=1000",
        f"--service-account-private-key-file={certificates / 'sa.key'}",
        f"--root-ca-file={certificates / 'apiserver.crt'}",
        # endpoints may not be loopback addresses, and here every pod has one
        "--controllers=*,-endpointslice-controller,-endpoints-controller,-endpointslice-mirroring-controller",
    )
    health = f"https://{at.host}:{at.controller_manager}/healthz"
    return Component("kube-controller-manager", argv, at.controller_manager, health)


def _scheduler(plan: Plan) -> Component:
    at = plan.endpoints
    argv = (
        plan.binaries.path("kube-scheduler"),
        f"--kubeconfig={plan.layout.kubeconfig}",
        f"--bind-address={at.host}",
        f"--secure-port={at.scheduler}",
        "--leader-elect=false",
    )
    return Component("kube-scheduler", argv, at.scheduler, f"https://{at.host}:{at.scheduler}/healthz")


def _kwok(plan: Plan) -> Component:
    at = plan.endpoints
    argv = (
        plan.binaries.path("kwok"),
        f"--kubeconfig={plan.layout.kubeconfig}",
        "--manage-all-nodes=true",
        f"--node-ip={at.host}",
        f"--cidr={plan.network.kwok_cidr}",
        f"--server-address={at.host}:{at.kwok}",
        "--node-lease-duration-seconds=40",
        "--enable-crds=",
        *(f"--config={stage}" for stage in plan.binaries.stages),
    )
    return Component("kwok", argv, at.kwok, f"http://{at.host}:{at.kwok}/healthz")


def _prometheus(plan: Plan) -> Component:
    at = plan.endpoints
    argv = (
        plan.binaries.path("prometheus"),
        f"--config.file={plan.layout.prometheus_config}",
        f"--storage.tsdb.path={plan.layout.data / 'prometheus'}",
        "--storage.tsdb.retention.time=1d",
        f"--web.listen-address={at.host}:{at.prometheus}",
        "--web.enable-lifecycle",
    )
    return Component("prometheus", argv, at.prometheus, f"{at.prometheus_url}/-/ready")


def _agent(plan: Plan) -> Component:
    at = plan.endpoints
    argv = (
        sys.executable,
        "-m",
        "rorqual_sandbox.agent",
        str(plan.layout.root),
        str(plan.network.number),
        str(at.agent),
        str(plan.binaries.root),
    )
    return Component("agent", argv, at.agent, f"{at.agent_url}/healthz", stop_seconds=40)
