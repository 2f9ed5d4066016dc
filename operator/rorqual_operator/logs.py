"""Log records as lines: for people, or JSON with the service's name and the decision's reason."""

import json
import logging
import sys
from typing import Literal

from rorqual_operator.times import rfc3339_micro


class JsonLines(logging.Formatter):
    """One JSON object a record."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": rfc3339_micro(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in ("service", "reason"):
            if getattr(record, name, None):
                entry[name] = getattr(record, name)
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


class TextLines(logging.Formatter):
    """Time, level, service and message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(service_text)s%(message)s")

    def format(self, record: logging.LogRecord) -> str:
        service = getattr(record, "service", None)
        record.service_text = f"[{service}] " if service else ""
        return super().format(record)


def configure(form: Literal["text", "json"], level: str) -> None:
    """Sends everything to standard error; what kopf tells of its own workings only from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("kopf", "aiohttp", "urllib3", "asyncio", "kubernetes"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
