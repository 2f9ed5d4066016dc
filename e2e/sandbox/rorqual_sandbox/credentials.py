"""Keys and tokens of one sandbox's API server."""

from __future__ import annotations

import base64
import secrets
import subprocess
from pathlib import Path
from typing import Any

import yaml

from rorqual_sandbox.errors import SandboxError
from rorqual_sandbox.layout import Layout


def create_token(layout: Layout) -> str:
    """Writes the token file that makes its bearer cluster-admin, and returns the token."""
    token = secrets.token_urlsafe(24)
    _write_private(layout.certificates / "tokens.csv", f'{token},admin,admin,"system:masters"\n')
    return token


def create_service_account_keys(layout: Layout) -> None:
    """The RSA pair that signs ServiceAccount tokens: sa.key and sa.pub. Needs openssl."""
    private, public = layout.certificates / "sa.key", layout.certificates / "sa.pub"
    for command in (
        ["openssl", "genrsa", "-out", str(private), "2048"],
        ["openssl", "rsa", "-in", str(private), "-pubout", "-out", str(public)],
    ):
        try:
            subprocess.run(command, capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise SandboxError(f"the keys of the ServiceAccount tokens need openssl on PATH: {error}") from error
    private.chmod(0o600)


def write_kubeconfig(layout: Layout, server: str, token: str) -> None:
    """A kubeconfig for `server`, with the certificate that the API server made for itself."""
    authority = (layout.certificates / "apiserver.crt").read_bytes()
    name = f"rorqual-{layout.name}"
    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": name,
                "cluster": {"server": server, "certificate-authority-data": base64.b64encode(authority).decode()},
            }
        ],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    _write_private(layout.kubeconfig, yaml.safe_dump(config))


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
