"""The config.json of a model from the Hugging Face hub, by its own library, which reads HF_ENDPOINT and HF_TOKEN.

The library is the extra `hub`. Calls block.
"""

from typing import Any

MOST_BYTES = 1024**2
"""Of a config.json, as of a ConfigMap; the largest known have some 100 KiB."""


class HubError(Exception):
    """Why there is no config.json; the message names the model, what was wrong and what would help."""


def fetch_config(model: str, revision: str | None, timeout_seconds: float) -> str:
    """Text of the config.json of `model` (ORG/NAME) at a branch, tag or commit; None is the model's main branch.

    Raises HubError. The timeout is that of each wait for the server, not of the whole.
    """
    try:
        from huggingface_hub import errors
    except ImportError as error:
        raise HubError("the hub needs huggingface_hub: pip install 'rorqual[hub]'") from error
    where = f"{model} at {revision}" if revision else model
    try:
        return _get(model, revision, timeout_seconds).decode("utf-8")
    except HubError:
        raise
    except errors.GatedRepoError as error:
        raise HubError(f"{where} is gated: accept its terms on the hub, and set HF_TOKEN to that account's") from error
    except errors.RevisionNotFoundError as error:
        raise HubError(f"{where}: the hub has the model, but no such revision") from error
    except errors.RepositoryNotFoundError as error:
        raise HubError(f"{where}: the hub has no such model, or a private one that HF_TOKEN does not open") from error
    except errors.EntryNotFoundError as error:
        raise HubError(f"{where}: the model has no config.json on the hub") from error
    except errors.HFValidationError as error:
        raise HubError(f"{model!r} is no name on the hub: expected ORG/NAME") from error
    except errors.OfflineModeIsEnabled as error:
        raise HubError(f"{where}: the hub is not asked, since HF_HUB_OFFLINE is set") from error
    except UnicodeDecodeError as error:
        raise HubError(f"{where}: its config.json is no UTF-8 text") from error
    except Exception as error:  # what the transport raises differs from version to version of the library
        raise HubError(f"{where}: no answer from the hub: {_first_line(error)}") from error


def _get(model: str, revision: str | None, timeout_seconds: float) -> bytes:
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

    url = hf_hub_url(model, "config.json", revision=revision)
    headers = build_hf_headers(library_name="rorqual")
    options = {"headers": headers, "timeout": timeout_seconds, "follow_redirects": True}
    with get_session().stream("GET", url, **options) as response:
        if response.is_error:
            response.read()
        hf_raise_for_status(response)
        return _bounded(model, response)


def _bounded(model: str, response: Any) -> bytes:
    found = bytearray()
    for part in response.iter_bytes():
        found += part
        if len(found) > MOST_BYTES:
            raise HubError(f"config.json of {model} has more than {MOST_BYTES:,} bytes")
    return bytes(found)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
