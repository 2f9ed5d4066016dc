"""Names of NVIDIA's dcgm-exporter under Rorqual's own, and what its figures mean.

Sources: dcgm-exporter's etc/default-counters.csv (throttle reasons and double-bit errors are not in its defaults), and
the bits DCGM_CLOCKS_THROTTLE_REASON_* of DCGM's dcgm_fields.h.
"""

GAUGES: dict[str, tuple[str, ...]] = {
    "clock_mhz": ("DCGM_FI_DEV_SM_CLOCK",),
    "temperature_celsius": ("DCGM_FI_DEV_GPU_TEMP",),
    "busy_percent": ("DCGM_FI_DEV_GPU_UTIL",),
    "throttle_reasons": ("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS"),
    "remap_failed": ("DCGM_FI_DEV_ROW_REMAP_FAILURE",),
}
XID = "DCGM_FI_DEV_XID_ERRORS"
"""The last error, not when it came."""
DOUBLE_BIT_ERRORS = "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL"
"""Uncorrectable, since the driver was loaded."""

_HARDWARE_SLOWDOWN, _SOFTWARE_THERMAL, _HARDWARE_THERMAL, _POWER_BRAKE = 0x08, 0x20, 0x40, 0x80


def held_down_by(reasons: int) -> tuple[str, ...]:
    """What ought not to keep a clock low, in words: idleness, set clocks and a power limit are left out."""
    found = []
    if reasons & (_SOFTWARE_THERMAL | _HARDWARE_THERMAL):
        found.append("heat")
    if reasons & _POWER_BRAKE:
        found.append("a power brake")
    if reasons & _HARDWARE_SLOWDOWN and not found:
        found.append("the hardware")
    return tuple(found)
