"""How Prometheus is asked: prometheus-api-client is synchronous, waits for ever by default and retries in its own ways.

So one session of it, with a timeout and no retries, is asked in a thread.
"""

from collections.abc import Callable
from typing import TypeVar

from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from requests.exceptions import RequestException
from urllib3.util.retry import Retry

from rorqual_operator.observe.metrics.source import SourceError
from rorqual_operator.threads import in_daemon_thread

T = TypeVar("T")


def connect(url: str, timeout_seconds: float) -> PrometheusConnect:
    return PrometheusConnect(url=url, timeout=timeout_seconds, retry=Retry(total=0))


async def ask(work: Callable[[], T]) -> T:
    """What `work` makes of the answers. Raises SourceError where there are none, or none that can be read."""
    try:
        return await in_daemon_thread(work)
    except (RequestException, PrometheusApiClientException, KeyError, ValueError) as error:
        raise SourceError(f"Prometheus: {error}") from error
