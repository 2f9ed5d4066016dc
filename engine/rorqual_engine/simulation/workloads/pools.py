"""Two services on one pool of GPUs."""

from rorqual_engine.simulation.workloads.shapes import CYCLES_OPENING, cycles_curve, shape
from rorqual_engine.simulation.workloads.step import step_curve
from rorqual_engine.simulation.workloads.workload import Pool

POOLS = (
    Pool(
        name="shared-pool",
        description="two services with opposite cycles of 22 ± 18 requests/s: together they always need about the same",
        services=(
            shape("first", "begins at the lowest", cycles_curve(0.0), CYCLES_OPENING),
            shape("second", "begins at the highest", cycles_curve(0.5), CYCLES_OPENING),
        ),
        gpus=6,
    ),
    Pool(
        name="scarce-gpus",
        description="two services go from 4 to 40 requests/s at once, minutes 20 to 30: more than there are GPUs for",
        services=(
            shape("first", "higher priority", step_curve(4.0, 1200.0, 3600.0)),
            shape("second", "lower priority", step_curve(4.0, 1200.0, 3600.0)),
        ),
        gpus=6,
    ),
)
