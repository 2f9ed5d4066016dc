"""An LLMService in a file, as the commands that need no cluster read it."""

import sys
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from rorqual_engine.api import KIND
from rorqual_engine.api.spec import LLMServiceSpec


class ServiceFileError(ValueError):
    """A file that does not hold what was expected; names the file or the field."""


def read_documents(file: Path) -> list[Any]:
    """The YAML documents that say anything; `-` reads stdin."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
        return [part for part in yaml.safe_load_all(text) if part]
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ServiceFileError(f"{file}: cannot be read: {' '.join(str(error).split())}") from error


def one_service(file: Path, documents: list[Any]) -> dict[str, Any]:
    """The only LLMService among them."""
    found = [part for part in documents if isinstance(part, dict) and part.get("kind") == KIND]
    if len(found) != 1:
        raise ServiceFileError(f"{file}: expected one {KIND}, found {len(found)} in {len(documents)} documents")
    return found[0]


def validated(spec: Any) -> LLMServiceSpec:
    """The spec; every field that is wrong is named."""
    try:
        return LLMServiceSpec.model_validate(spec)
    except ValidationError as error:
        lines = [f"{'.'.join(['spec', *map(str, one['loc'])])}: {one['msg']}" for one in error.errors()]
        raise ServiceFileError("; ".join(lines)) from error
