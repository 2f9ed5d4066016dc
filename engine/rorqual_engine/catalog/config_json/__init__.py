"""Reading an architecture from a config.json."""

from rorqual_engine.catalog.config_json.fields import ConfigError
from rorqual_engine.catalog.config_json.read import read_config_json

__all__ = ["ConfigError", "read_config_json"]
