"""Keys and tokens."""

from __future__ import annotations

from pathlib import Path

import pytest

from rorqual_sandbox.api import Credentials
from rorqual_sandbox.credentials import create_service_account_keys, create_token, write_kubeconfig
from rorqual_sandbox.errors import OpensslMissingError, SandboxError
from rorqual_sandbox.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "s")
    layout.create()
    return layout


def test_the_token_makes_its_bearer_admin(layout: Layout) -> None:
    token = create_token(layout)
    path = layout.certificates / "tokens.csv"
    assert path.read_text() == f'{token},admin,admin,"system:masters"\n'
    assert path.stat().st_mode & 0o777 == 0o600
    assert create_token(layout) != token


def test_service_account_keys_are_a_pair(layout: Layout) -> None:
    create_service_account_keys(layout)
    assert "PRIVATE KEY" in (layout.certificates / "sa.key").read_text()
    assert "BEGIN PUBLIC KEY" in (layout.certificates / "sa.pub").read_text()
    assert (layout.certificates / "sa.key").stat().st_mode & 0o777 == 0o600


def test_without_openssl_the_error_says_what_to_install(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(OpensslMissingError, match="`apt-get install openssl`"):
        create_service_account_keys(layout)


def test_what_openssl_complains_of_is_shown(layout: Layout) -> None:
    (layout.certificates / "sa.key").mkdir()
    with pytest.raises(SandboxError, match=r"openssl genrsa failed \(1\): [\s\S]*sa\.key"):
        create_service_account_keys(layout)


def test_the_kubeconfig_holds_what_a_client_needs(layout: Layout) -> None:
    (layout.certificates / "apiserver.crt").write_text("pem")
    write_kubeconfig(layout, "https://127.7.0.1:6443", "t")
    assert Credentials.read(layout.kubeconfig) == Credentials("https://127.7.0.1:6443", "t", "pem")
    assert layout.kubeconfig.stat().st_mode & 0o777 == 0o600
