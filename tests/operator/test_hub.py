"""What the real library makes of the answers of a hub on loopback."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hub_server import CONFIG, TOKEN, hub_server

from rorqual_operator.hub import HubError, fetch_config

constants = pytest.importorskip("huggingface_hub.constants", reason="the extra `hub` is not installed")


def ask(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets what the library reads from HF_ENDPOINT once, at import."""
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.removeprefix(constants.ENDPOINT)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + template)
    monkeypatch.setattr(constants, "ENDPOINT", url)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """URL of the hub that the library asks, without a token."""
    with hub_server() as url:
        ask(url, monkeypatch)
        monkeypatch.setenv("HF_TOKEN", "")
        yield url


def test_text_of_the_main_branch_and_of_a_revision(hub: str) -> None:
    assert fetch_config("acme/new", None, 5) == CONFIG
    assert json.loads(fetch_config("acme/new", "v2", 5)) == {"v": 2}


def test_a_model_that_was_renamed_is_found(hub: str) -> None:
    assert fetch_config("acme/old", None, 5) == CONFIG


def test_the_token_of_the_environment_opens_a_gated_model(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert fetch_config("acme/gated", None, 5) == CONFIG


@pytest.mark.parametrize(
    ("model", "revision", "told"),
    [
        ("acme/none", None, "acme/none: the hub has no such model, or a private one that HF_TOKEN does not open"),
        ("acme/gated", None, "acme/gated is gated: accept its terms on the hub, and set HF_TOKEN"),
        ("acme/new", "none", "acme/new at none: the hub has the model, but no such revision"),
        ("acme/bare", None, "acme/bare: the model has no config.json on the hub"),
        ("acme/broken", None, "acme/broken: no answer from the hub: Server error"),
        ("acme/large", None, "config.json of acme/large has more than 1,048,576 bytes"),
        ("acme/binary", None, "acme/binary: its config.json is no UTF-8 text"),
        ("a/b/c", None, "'a/b/c' is no name on the hub: expected ORG/NAME"),
    ],
)
def test_what_cannot_be_had_is_told(hub: str, model: str, revision: str | None, told: str) -> None:
    with pytest.raises(HubError) as caught:
        fetch_config(model, revision, 5)
    assert str(caught.value).startswith(told)


def test_a_hub_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with hub_server() as url:
        ask(url, monkeypatch)
    with pytest.raises(HubError, match="acme/new: no answer from the hub: "):
        fetch_config("acme/new", None, 5)


def recommend(url: str, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", "from rorqual_operator.cli_recommend import recommend; recommend()"]
    asked = ("--model", "acme/new", "--hub", "--gpu", "NVIDIA-H100-80GB-HBM3", "-o", "manifest")
    environment: dict[str, Any] = {**os.environ, "HF_ENDPOINT": url, **variables}
    return subprocess.run([*command, *asked, *arguments], env=environment, capture_output=True, text=True, check=False)


def test_recommend_asks_the_hub_that_hf_endpoint_names(hub: str) -> None:
    done = recommend(hub)
    assert done.returncode == 0, done.stderr
    assert "num_hidden_layers" in done.stdout


def test_recommend_keeps_offline_when_told_so(hub: str) -> None:
    done = recommend(hub, HF_HUB_OFFLINE="1")
    assert done.returncode == 1
    assert "acme/new: the hub is not asked, since HF_HUB_OFFLINE is set" in done.stderr
