"""How many sequences one replica works on at once, as it runs."""

from rorqual_engine import catalog
from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.fleet import Inventory
from rorqual_engine.plan import Configuration
from rorqual_engine.sizing.fit import MOST_SEQUENCES


def concurrent_sequences(spec: LLMServiceSpec, running: Configuration | None, inventory: Inventory) -> int:
    """What the running configuration says, else the engine's own default on that GPU and version."""
    if running is not None and running.max_concurrent_sequences is not None:
        return running.max_concurrent_sequences
    gpu = catalog.gpu(running.gpu, inventory.memory_mib(running.gpu)) if running is not None else None
    if gpu is None:
        return MOST_SEQUENCES
    rules = catalog.runtime_version(spec.engine.runtime, spec.engine.version)
    return rules.batch_defaults(gpu.batch_class).sequences
