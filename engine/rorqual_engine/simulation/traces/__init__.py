"""Readers of published trace formats: from lines of text to `Requests`. They open no files."""

from rorqual_engine.simulation.traces.errors import BadRow, OnBadRow, Skipped, TraceError, refuse
from rorqual_engine.simulation.traces.read import Reading, read_trace

__all__ = ["BadRow", "OnBadRow", "Reading", "Skipped", "TraceError", "read_trace", "refuse"]
