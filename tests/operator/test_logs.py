"""Log records as lines."""

import json
import logging
import sys
from typing import Any

import pytest

from rorqual_operator import logs
from rorqual_operator.logs import JsonLines, TextLines


def record(message: str = "applied %s", *args: object, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("rorqual", logging.WARNING, __file__, 1, message, args or ("Creating",), None)
    made.created = 0.0
    made.__dict__.update(extra)
    return made


def test_json_line() -> None:
    assert json.loads(JsonLines().format(record(service="llm/chat", reason="AtMaximum"))) == {
        "time": "1970-01-01T00:00:00.000000Z",
        "level": "warning",
        "logger": "rorqual",
        "message": "applied Creating",
        "service": "llm/chat",
        "reason": "AtMaximum",
    }


def test_json_line_stays_one_line_with_an_exception() -> None:
    try:
        raise KeyError("lost")
    except KeyError:
        line = JsonLines().format(record(exc_info=sys.exc_info()))
    assert "\n" not in line
    assert "KeyError: 'lost'" in json.loads(line)["exception"]


@pytest.mark.parametrize(
    ("extra", "end"),
    [({"service": "llm/chat"}, "WARNING [llm/chat] applied Creating"), ({}, "WARNING applied Creating")],
)
def test_text_line(extra: dict[str, str], end: str) -> None:
    assert TextLines().format(record(**extra)).endswith(end)


@pytest.fixture
def restored() -> Any:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    for name in ("kopf", "aiohttp", "urllib3", "asyncio", "kubernetes"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.mark.parametrize(("level", "of_kopf"), [("DEBUG", logging.WARNING), ("ERROR", logging.ERROR)])
def test_libraries_are_quieter(restored: None, level: str, of_kopf: int) -> None:
    logs.configure("json", level)
    assert logging.getLogger().level == getattr(logging, level)
    assert logging.getLogger("kopf").level == of_kopf
