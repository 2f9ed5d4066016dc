"""Snapshots of any shape that a cluster could be in, for hypothesis."""

from dataclasses import replace

from hypothesis import strategies as st

from rorqual_engine.plan import Configuration, Memory, Proposal, ScaleEvent
from rorqual_engine.snapshot import Snapshot

from .builders import A100, H100, NOW, a_node, a_pod, a_service, a_spec, a_starting_pod, a_workload, some_metrics

loads = st.one_of(st.just(0.0), st.floats(0, 300), st.floats(0, 5000))
metrics = st.builds(
    some_metrics,
    running=st.floats(0, 100),
    waiting=loads,
    age=st.sampled_from([0, 30, 61]),
    kv_use=st.none() | st.floats(0, 1),
)


@st.composite
def pods(draw, name):
    if draw(st.integers(0, 4)) == 0:
        return a_starting_pod(name)
    return a_pod(
        name,
        metrics=draw(st.none() | metrics),
        terminating=draw(st.integers(0, 9)) == 0,
        unanswered_since=draw(st.sampled_from([None, None, NOW - 60])),
        restarts=1,
        last_restart_at=draw(st.sampled_from([None, NOW - 30, NOW - 3000])),
    )


@st.composite
def rules(draw):
    policy = st.fixed_dictionaries(
        {
            "type": st.sampled_from(["Pods", "Percent"]),
            "value": st.integers(1, 200),
            "periodSeconds": st.sampled_from([15, 60, 600]),
        }
    )
    return {
        "stabilizationWindowSeconds": draw(st.sampled_from([0, 60, 300])),
        "selectPolicy": draw(st.sampled_from(["Max", "Min", "Disabled"])),
        "policies": draw(st.lists(policy, min_size=1, max_size=2)),
        "tolerancePercent": draw(st.sampled_from([0, 10, 50])),
    }


@st.composite
def scalings(draw, modes=("Internal",)):
    least = draw(st.integers(0, 5))
    return {
        "mode": draw(st.sampled_from(modes)),
        "minReplicas": least,
        "maxReplicas": max(1, least + draw(st.integers(0, 20))),
        "behavior": draw(st.just({}) | st.fixed_dictionaries({"scaleUp": rules(), "scaleDown": rules()})),
    }


ages = st.integers(0, 700).map(lambda age: NOW - age)
one_of_each_number = st.lists(
    st.builds(Proposal, ages, st.integers(0, 30)), max_size=4, unique_by=lambda proposal: proposal.replicas
)
memories = st.builds(
    Memory,
    proposals=one_of_each_number.map(tuple),
    events=st.lists(st.builds(ScaleEvent, ages, st.integers(-5, 5)), max_size=4).map(tuple),
    known_since=st.none() | ages,
)


@st.composite
def services(draw, name="chat", modes=("Internal",)):
    """A service whose pods run one shape; the number asked for may differ from the number of pods."""
    count = draw(st.integers(0, 8))
    one, two = Configuration(H100, 1, 100, 0.9, 8192), Configuration(A100, 2, 100, 0.9, 8192)
    shape = draw(st.sampled_from([one, two, replace(one, pipeline_parallel=3)]))
    return a_service(
        a_spec(gpus=(shape.gpu,), scaling=draw(scalings(modes)), priority=draw(st.integers(-1, 1))),
        tuple(draw(pods(f"{name}-{i}")) for i in range(count)),
        name=name,
        workload=a_workload(draw(st.integers(0, 30)), shape, rolled_out=draw(st.booleans())),
        memory=draw(memories),
        paused=draw(st.integers(0, 9)) == 0,
    )


@st.composite
def snapshots(draw, modes=("Internal",), most_services=3):
    """Services on two nodes, of which the pods with a node take their GPUs on the first of their product."""
    found = [draw(services(f"s{i}", modes)) for i in range(draw(st.integers(1, most_services)))]
    free = {product: draw(st.integers(0, 12)) for product in (H100, A100)}
    return settle_pods(Snapshot(tuple(found), ()), free)


def settle_pods(snapshot, free):
    """Puts the pods that have a node on the node of their product, and makes it so large that `free` GPUs remain."""
    used = dict.fromkeys(free, 0)
    moved = []
    for service in snapshot.services:
        shape = service.workload.configuration
        here = tuple(replace(pod, node=f"node-{shape.gpu}") if pod.node else pod for pod in service.pods)
        used[shape.gpu] += shape.gpus * sum(pod.node is not None for pod in here)
        moved.append(replace(service, pods=here))
    nodes = tuple(a_node(f"node-{gpu}", used[gpu] + free[gpu], used[gpu], gpu) for gpu in free)
    return Snapshot(tuple(moved), nodes)
