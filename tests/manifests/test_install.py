"""The operator's installation asks for little, and for all that it needs."""

from typing import Any

import pytest

from rorqual_operator import kube
from rorqual_operator.kube import Resource
from rorqual_operator.settings import Settings

from .trees import MANIFESTS, collect, documents, of_kind

OVERLAYS = ["cluster", "namespaced"]
WRITTEN = [resource for resource in kube.BY_KIND.values() if resource is not kube.LLMSERVICES]
READ = [*kube.BY_KIND.values(), kube.PODS, kube.NODES, kube.AUTOSCALERS, kube.SCALED_OBJECTS, kube.CONFIG_MAPS]


@pytest.fixture(params=OVERLAYS)
def objects(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    return collect(MANIFESTS / "overlays" / request.param)


@pytest.fixture
def deployment() -> dict[str, Any]:
    (found,) = of_kind(collect(MANIFESTS / "base"), "Deployment")
    return found


def granted(objects: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """(group, resource, verb) that the operator's own roles allow; the roles for people are left aside."""
    roles = [role for role in of_kind(objects, "Role", "ClusterRole") if not aggregated(role)]
    return {
        (group, resource, verb)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def aggregated(role: dict[str, Any]) -> bool:
    return any(name.startswith("rbac.authorization.k8s.io/aggregate-to-") for name in role["metadata"]["labels"])


@pytest.mark.parametrize("resource", WRITTEN, ids=lambda resource: resource.plural)
def test_children_can_be_applied(objects: list[dict[str, Any]], resource: Resource) -> None:
    assert {(resource.group, resource.plural, verb) for verb in ("create", "patch")} <= granted(objects)


@pytest.mark.parametrize("resource", READ, ids=lambda resource: resource.plural)
def test_what_is_observed_can_be_watched(objects: list[dict[str, Any]], resource: Resource) -> None:
    assert {(resource.group, resource.plural, verb) for verb in ("list", "watch")} <= granted(objects)


def test_status_lease_and_events_can_be_written(objects: list[dict[str, Any]]) -> None:
    wanted = {
        ("rorqual.io", "llmservices/status", "patch"),
        ("coordination.k8s.io", "leases", "get"),
        ("coordination.k8s.io", "leases", "create"),
        ("coordination.k8s.io", "leases", "update"),
        ("", "events", "create"),
        ("", "events", "patch"),
    }
    assert wanted <= granted(objects)


def test_nothing_is_deleted_or_run_and_no_secret_is_read(objects: list[dict[str, Any]]) -> None:
    for _, resource, verb in granted(objects):
        assert "*" not in (resource, verb)
        assert not verb.startswith("delete")
        assert resource not in {"secrets", "pods/exec", "serviceaccounts/token"}


def test_the_spec_and_the_nodes_are_only_read(objects: list[dict[str, Any]]) -> None:
    read_only = {"llmservices", "pods", "nodes", "horizontalpodautoscalers", "scaledobjects"}
    assert {verb for _, resource, verb in granted(objects) if resource in read_only} == {"get", "list", "watch"}


def test_config_maps_are_watched_and_nothing_else(objects: list[dict[str, Any]]) -> None:
    assert {verb for _, resource, verb in granted(objects) if resource == "configmaps"} == {"list", "watch"}


def test_namespaced_mode_sees_nothing_of_the_cluster_but_nodes() -> None:
    cluster_wide = of_kind(collect(MANIFESTS / "overlays" / "namespaced"), "ClusterRole")
    assert {resource for role in cluster_wide for rule in role["rules"] for resource in rule["resources"]} == {"nodes"}


def test_both_modes_allow_the_same_in_a_namespace() -> None:
    cluster, namespaced = (granted(collect(MANIFESTS / "overlays" / name)) for name in OVERLAYS)
    assert cluster == namespaced


def test_bindings_name_roles_and_accounts_that_are_there(objects: list[dict[str, Any]]) -> None:
    names = {(item["kind"], item["metadata"]["name"]) for item in objects}
    for binding in of_kind(objects, "RoleBinding", "ClusterRoleBinding"):
        assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) in names
        assert {(subject["kind"], subject["name"]) for subject in binding["subjects"]} <= names


def test_people_get_roles_by_aggregation() -> None:
    roles = filter(aggregated, of_kind(collect(MANIFESTS / "overlays" / "cluster"), "ClusterRole"))
    to = {name.rsplit("-", 1)[1] for role in roles for name in role["metadata"]["labels"] if "aggregate-to" in name}
    assert to == {"view", "edit", "admin"}


def test_operator_runs_twice_and_unprivileged(deployment: dict[str, Any]) -> None:
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert deployment["spec"]["replicas"] == 2
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_variables_are_options(deployment: dict[str, Any]) -> None:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (kustomization,) = documents(MANIFESTS / "base" / "kustomization.yaml")
    literals = kustomization["configMapGenerator"][0]["literals"]
    named = [variable["name"] for variable in container["env"]] + [text.partition("=")[0] for text in literals]
    options = {f"RORQUAL_{name.upper()}" for name in Settings.model_fields}
    assert {name for name in named if name.startswith("RORQUAL_")} <= options


def test_probes_ask_the_port_that_is_served(deployment: dict[str, Any]) -> None:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (port,) = container["ports"]
    assert port["containerPort"] == Settings().http_host_port[1]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == port["name"]


def test_lease_is_the_one_that_may_be_held() -> None:
    (role,) = (role for role in of_kind(collect(MANIFESTS / "base"), "Role"))
    assert role["rules"][1]["resourceNames"] == [Settings().lease_name]
