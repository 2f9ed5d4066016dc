"""Every alert fires when it should and keeps quiet otherwise, by promtool on written series of an hour and a half."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from rorqual_operator.monitoring.alerts import ALERTS, Alert
from rorqual_sandbox.handle import Sandbox

pytestmark = pytest.mark.sandbox
ROOT = Path(__file__).resolve().parents[1]
RULES = ROOT / "manifests" / "monitoring" / "rules.prometheus.yaml"
OF = 'namespace="llm", name="chat"'
Series = dict[str, str]

LEADING: Series = {"rorqual_leader": "1x90", "rorqual_last_tick_timestamp_seconds": "0+60x90"}
BAD: dict[str, Series] = {
    "RorqualAbsent": {},
    "RorqualNoLeader": {"rorqual_leader": "0x90"},
    "RorqualTickStale": {"rorqual_leader": "1x90", "rorqual_last_tick_timestamp_seconds": "0x90"},
    "RorqualTicksFailing": {
        'rorqual_ticks_total{outcome="done"}': "0+1x90",
        'rorqual_ticks_total{outcome="failed_in_part"}': "0+5x90",
    },
    "RorqualKubernetesErrors": {'rorqual_kubernetes_errors_total{resource="pods", reason="Forbidden"}': "0+60x90"},
    "RorqualServiceFault": {f'rorqual_service_verdict{{{OF}, verdict="Fault"}}': "1x90"},
    "RorqualServiceMisconfigured": {f'rorqual_service_verdict{{{OF}, verdict="Misconfigured"}}': "1x90"},
    "RorqualStalled": {f'rorqual_service_condition{{{OF}, condition="Stalled", status="True"}}': "1x90"},
    "RorqualTTFTObjectiveMissed": {
        f'rorqual_service_ttft_seconds{{{OF}, quantile="0.95"}}': "3x90",
        f'rorqual_service_objective_seconds{{{OF}, objective="ttft", quantile="0.95"}}': "2x90",
        f'rorqual_service_objective_seconds{{{OF}, objective="tpot", quantile="0.95"}}': "9x90",
    },
    "RorqualTPOTObjectiveMissed": {
        f'rorqual_service_tpot_seconds{{{OF}, quantile="0.95"}}': "0.06x90",
        f'rorqual_service_objective_seconds{{{OF}, objective="tpot", quantile="0.95"}}': "0.05x90",
    },
    "RorqualMetricsUnavailable": {
        f'rorqual_service_condition{{{OF}, condition="MetricsAvailable", status="False"}}': "1x90"
    },
    "RorqualCapacityShort": {
        f'rorqual_service_condition{{{OF}, condition="CapacityAvailable", status="False"}}': "1x90"
    },
    "RorqualScalingLimited": {
        f'rorqual_service_demand_replicas{{{OF}, signal="Concurrency"}}': "9.5x90",
        f'rorqual_service_demand_replicas{{{OF}, signal="KVCache"}}': "2x90",
        f'rorqual_service_replicas{{{OF}, state="desired"}}': "8x90",
    },
    "RorqualReplicasNotServing": {
        f'rorqual_service_replicas{{{OF}, state="current"}}': "3x90",
        f'rorqual_service_replicas{{{OF}, state="ready"}}': "2x90",
    },
}
GOOD: Series = {
    **LEADING,
    'rorqual_ticks_total{outcome="done"}': "0+6x90",
    'rorqual_kubernetes_errors_total{resource="leases", reason="Conflict"}': "1x90",
    f'rorqual_service_verdict{{{OF}, verdict="Fault"}}': "0x90",
    f'rorqual_service_verdict{{{OF}, verdict="Misconfigured"}}': "0x90",
    f'rorqual_service_condition{{{OF}, condition="Stalled", status="True"}}': "0x90",
    f'rorqual_service_condition{{{OF}, condition="MetricsAvailable", status="False"}}': "0x90",
    f'rorqual_service_condition{{{OF}, condition="CapacityAvailable", status="False"}}': "0x90",
    f'rorqual_service_ttft_seconds{{{OF}, quantile="0.95"}}': "1x90",
    f'rorqual_service_tpot_seconds{{{OF}, quantile="0.95"}}': "0.04x90",
    f'rorqual_service_objective_seconds{{{OF}, objective="ttft", quantile="0.95"}}': "2x90",
    f'rorqual_service_objective_seconds{{{OF}, objective="tpot", quantile="0.95"}}': "0.05x90",
    f'rorqual_service_demand_replicas{{{OF}, signal="Concurrency"}}': "2.6x90",
    f'rorqual_service_replicas{{{OF}, state="desired"}}': "3x90",
    f'rorqual_service_replicas{{{OF}, state="current"}}': "3x90",
    f'rorqual_service_replicas{{{OF}, state="ready"}}': "3x90",
}


def check(sandbox: Sandbox, folder: Path, series: Series, at_minutes: int, firing: list[str]) -> None:
    """Fails unless `firing` are just the alerts that fire at that minute."""
    found = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in firing]
    expression = 'count by (alertname) (ALERTS{alertstate="firing"})'
    test: dict[str, Any] = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": expression, "eval_time": f"{at_minutes}m", "exp_samples": found}],
    }
    file = folder / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]}))
    command = [sandbox.binaries.path("promtool"), "test", "rules", file]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def series_of(alert: Alert) -> Series:
    bad = BAD[alert.name]
    about_the_operator = any(name in LEADING for name in bad) or not bad
    return bad if about_the_operator else {**LEADING, **bad}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_alert_fires_after_its_time(sandbox: Sandbox, tmp_path: Path, alert: Alert) -> None:
    check(sandbox, tmp_path, series_of(alert), alert.minutes + 5, [alert.name])


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_alert_waits_for_its_time(sandbox: Sandbox, tmp_path: Path, alert: Alert) -> None:
    check(sandbox, tmp_path, series_of(alert), alert.minutes - 1, [])


@pytest.mark.parametrize("at_minutes", [5, 30, 85])
def test_all_well_is_quiet(sandbox: Sandbox, tmp_path: Path, at_minutes: int) -> None:
    check(sandbox, tmp_path, GOOD, at_minutes, [])
