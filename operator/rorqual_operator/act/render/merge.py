"""A strategic merge of two partial PodSpecs, as kubectl does it for the fields that people set."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from rorqual_operator.act.render.errors import RenderError

MERGED_BY_KEY = {
    "containers": "name",
    "initContainers": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}
"""Lists whose entries are merged with the entry of the same key."""
REPLACED_BY_KEY = {
    "volumes": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "resourceClaims": "name",
    "claims": "name",
}
"""Lists whose entries replace the entry of the same key: a volume with two sources would be refused."""
HANDLERS = frozenset({"exec", "httpGet", "tcpSocket", "grpc", "sleep"})
"""Of these a probe or a lifecycle hook has one: another in the template takes its place. (A null would say so too, but
the API server prunes nulls from what it does not know.)"""
APPENDED = frozenset({"tolerations", "envFrom"})


def merge(base: Mapping[str, Any], patch: Mapping[str, Any], path: str) -> dict[str, Any]:
    """`base` with `patch` laid over it; null removes a field. Neither is changed.

    Raises RenderError when a list that is merged by key is not one.
    """
    merged = deepcopy(dict(base))
    if HANDLERS & patch.keys():
        merged = {name: value for name, value in merged.items() if name not in HANDLERS or name in patch}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge_field(name, merged.get(name), value, f"{path}.{name}")
    return merged


def _merge_field(name: str, old: Any, new: Any, path: str) -> Any:
    if name in MERGED_BY_KEY or name in REPLACED_BY_KEY:
        return _merge_list(name, old or [], new, path)
    if name in APPENDED:
        _check_list(new, path)
        return [*(old or []), *(deepcopy(item) for item in new if item not in (old or []))]
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return merge(old, new, path)
    return deepcopy(new)


def _merge_list(name: str, old: list[dict[str, Any]], new: Any, path: str) -> list[dict[str, Any]]:
    key = MERGED_BY_KEY.get(name) or REPLACED_BY_KEY[name]
    _check_list(new, path)
    found = {item[key]: item for item in old}
    for position, item in enumerate(new):
        if not isinstance(item, Mapping) or key not in item:
            raise RenderError(f"{path}[{position}] has no {key}: expected an object with {key}")
        here = f"{path}[{item[key]}]"
        known = found.get(item[key], {}) if name in MERGED_BY_KEY else {}
        found[item[key]] = merge(known, item, here)
    return list(found.values())


def _check_list(value: Any, path: str) -> None:
    if not isinstance(value, list):
        raise RenderError(f"{path} is {type(value).__name__}: expected a list")
