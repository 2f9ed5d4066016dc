"""Keys and tokens of one sandbox's API server."""

from __future__ import annotations

import base64
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from rorqual_sandbox.errors import OpensslMissingError, SandboxError
from rorqual_sandbox.layout import Layout


def create_token(layout: Layout) -> str:
    """Writes the token file that makes its bearer cluster-admin, and returns the token."""
    token = secrets.token_urlsafe(24)
    _write_private(layout.certificates / "tokens.csv", f'{token},admin,admin,"system:masters"\n')
    return token


def create_service_account_keys(layout: Layout) -> None:
    """The RSA pair that signs ServiceAccount tokens: sa.key and sa.pub. Raises OpensslMissingError."""
    private, public = layout.certificates / "sa.key", layout.certificates / "sa.pub"
    _openssl("genrsa", "-out", str(private), "2048")
    _openssl("rsa", "-in", str(private), "-pubout", "-out", str(public))
    private.chmod(0o600)


def find_openssl() -> str:
    """The openssl on PATH. Raises OpensslMissingError."""
    found = shutil.which("openssl")
    if found is None:
        raise OpensslMissingError(
            "openssl makes the keys of the sandbox's ServiceAccount tokens and is not on PATH. Install it, "
            "with `apt-get install openssl` or what your system has in its place."
        )
    return found


def _openssl(*arguments: str) -> None:
    result = subprocess.run([find_openssl(), *arguments], capture_output=True, text=True, check=False)
    if result.returncode:
        raise SandboxError(f"openssl {arguments[0]} failed ({result.returncode}): {result.stderr.strip()}")


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
