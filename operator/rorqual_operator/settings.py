"""Every option of the operator: its meaning, unit and default.

They come from a YAML file, over it RORQUAL_* variables, over those the command line.
"""

import os
import socket
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

PREFIX = "RORQUAL_"
NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class SettingsError(ValueError):
    """An option that cannot be used; the message names it, what was expected and what was found."""


class Settings(BaseModel):
    """Options of `rorqual operator run`. Durations are in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kubeconfig: str | None = None
    """Path of a kubeconfig. Default: the pod's service account, else $KUBECONFIG, else ~/.kube/config."""
    namespaces: tuple[str, ...] = ()
    """Namespaces to look after, separated by commas. Empty: all of them."""
    tick_seconds: Annotated[float, Field(gt=0)] = 10.0
    """Time between two rounds of observe, decide, act. A change of a service brings the next one forward."""
    prometheus_url: str | None = None
    """Where Prometheus answers, such as http://prometheus.monitoring:9090. Without it engines are scraped directly."""
    prometheus_timeout_seconds: Annotated[float, Field(gt=0)] = 5.0
    """Longest wait for one answer of Prometheus."""
    detector_step_seconds: Annotated[float, Field(ge=0)] = 60.0
    """Time between two looks of the detectors that learn from Prometheus' history; 60 looks come first. 0: none."""
    scrape_timeout_seconds: Annotated[float, Field(gt=0)] = 2.0
    """Longest wait for one engine's /metrics when it is scraped directly."""
    scrape_concurrency: Annotated[int, Field(ge=1)] = 64
    """Engines scraped at once."""
    metrics_window_seconds: Annotated[float, Field(gt=0)] = 60.0
    """Rates and latency quantiles are taken over so long."""
    fetch_from_hub: bool = False
    """Ask the hub for the config.json of models that neither spec nor catalog describes (extra `hub`; HF_TOKEN)."""
    hub_timeout_seconds: Annotated[float, Field(gt=0)] = 20.0
    """Longest wait for one answer of the hub."""
    http_address: str = "0.0.0.0:8080"
    """Address and port of /metrics, /healthz and /readyz."""
    lease_name: str = "rorqual"
    """Lease that makes one replica the leader."""
    lease_namespace: str = "default"
    """Namespace of the Lease. Default: the pod's own."""
    lease_duration_seconds: Annotated[float, Field(gt=0)] = 10.0
    """A leader that has not renewed for so long is replaced."""
    lease_renew_seconds: Annotated[float, Field(gt=0)] = 3.0
    """Time between two renewals, and between two attempts to take over."""
    identity: str = Field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")
    """Name of this replica in the Lease."""
    log_format: Literal["text", "json"] = "text"
    """One line a record: for people, or JSON."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severity that is logged."""

    @field_validator("lease_renew_seconds")
    @classmethod
    def _leaves_time_to_renew(cls, renew: float, info: ValidationInfo) -> float:
        duration = info.data.get("lease_duration_seconds")
        if duration is not None and 2 * renew >= duration:
            raise ValueError(f"must be below half of lease_duration_seconds, which is {duration}")
        return renew

    @field_validator("fetch_from_hub")
    @classmethod
    def _has_library(cls, value: bool) -> bool:
        if value and find_spec("huggingface_hub") is None:
            raise ValueError("needs huggingface_hub: pip install 'rorqual[hub]'")
        return value

    @field_validator("http_address")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        if not value.rpartition(":")[2].isdigit():
            raise ValueError("expected HOST:PORT")
        return value

    @property
    def http_host_port(self) -> tuple[str, int]:
        """Host and port of `http_address`."""
        host, _, port = self.http_address.rpartition(":")
        return host.strip("[]") or "0.0.0.0", int(port)


def load(environ: Mapping[str, str], file: Path | None, overrides: Mapping[str, Any]) -> Settings:
    """Settings from the environment, over those of a YAML file, under those of the command line.

    Raises SettingsError that names the option and where it came from.
    """
    values: dict[str, Any] = {}
    if NAMESPACE_FILE.exists():
        values["lease_namespace"] = NAMESPACE_FILE.read_text().strip()
    values.update(_from_file(file))
    values.update(_from_environment(environ))
    values.update({name: value for name, value in overrides.items() if value is not None})
    if isinstance(values.get("namespaces"), str):
        values["namespaces"] = tuple(name.strip() for name in values["namespaces"].split(",") if name.strip())
    try:
        return Settings(**values)
    except ValidationError as error:
        raise SettingsError(_describe(error)) from error


def _from_file(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        content = yaml.safe_load(file.read_text()) or {}
    except (OSError, yaml.YAMLError) as error:
        raise SettingsError(f"settings file {file}: {error}") from error
    if not isinstance(content, dict):
        raise SettingsError(f"settings file {file}: expected a mapping of options, found {type(content).__name__}")
    return content


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    names = {f"{PREFIX}{name.upper()}": name for name in Settings.model_fields}
    return {name: environ[variable] for variable, name in names.items() if environ.get(variable)}


def _describe(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc'])}: "
        f"{problem['msg'].removeprefix('Value error, ')}, found {problem['input']!r}"
        for problem in error.errors()
    )
