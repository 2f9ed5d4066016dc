"""Kubernetes' timestamps <-> seconds since the epoch."""

from datetime import UTC, datetime


def seconds(text: str) -> float:
    """RFC 3339 text, as in metadata.creationTimestamp. Raises ValueError."""
    return datetime.fromisoformat(text).timestamp()


def rfc3339(at: float) -> str:
    """Whole seconds, UTC: metav1.Time."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339_micro(at: float) -> str:
    """Microseconds, UTC: metav1.MicroTime."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
