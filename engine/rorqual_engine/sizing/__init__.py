"""Which configuration an engine gets: a memory budget, the fewest GPUs that fit, and what the spec fixes."""

from rorqual_engine.sizing.concurrency import concurrent_sequences
from rorqual_engine.sizing.configuration import Sizing, size
from rorqual_engine.sizing.live import observe

__all__ = ["Sizing", "concurrent_sequences", "observe", "size"]
