"""Where an option comes from, and what is said of one that cannot be used."""

from pathlib import Path

import pytest

from rorqual_operator import settings
from rorqual_operator.settings import Settings, SettingsError, load


@pytest.fixture(autouse=True)
def outside_a_pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings, "NAMESPACE_FILE", tmp_path / "no-such-file")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.yaml"
    path.write_text("tick_seconds: 1\nlog_level: DEBUG\nnamespaces: [a, b]\n")
    return path


def test_defaults() -> None:
    found = load({}, None, {})
    assert (found.tick_seconds, found.namespaces, found.lease_namespace) == (10.0, (), "default")


def test_environment_is_over_the_file_and_the_command_line_over_both(file: Path) -> None:
    environ = {"RORQUAL_TICK_SECONDS": "2", "RORQUAL_LOG_LEVEL": "ERROR"}
    assert load({}, file, {}).tick_seconds == 1
    assert load(environ, file, {}).tick_seconds == 2
    found = load(environ, file, {"tick_seconds": 3.0, "log_level": None})
    assert (found.tick_seconds, found.log_level) == (3, "ERROR")


def test_hub_needs_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"fetch_from_hub: needs huggingface_hub: pip install 'rorqual\[hub\]'"):
        load({"RORQUAL_FETCH_FROM_HUB": "true"}, None, {})
    assert not load({"RORQUAL_FETCH_FROM_HUB": "false"}, None, {}).fetch_from_hub


def test_empty_variable_counts_as_none(file: Path) -> None:
    assert load({"RORQUAL_TICK_SECONDS": ""}, file, {}).tick_seconds == 1


@pytest.mark.parametrize(
    ("environ", "overrides", "expected"),
    [
        ({}, {}, ("a", "b")),
        ({"RORQUAL_NAMESPACES": "c, d,"}, {}, ("c", "d")),
        ({"RORQUAL_NAMESPACES": "c"}, {"namespaces": ("e",)}, ("e",)),
        ({"RORQUAL_NAMESPACES": "c"}, {"namespaces": ()}, ()),
    ],
)
def test_namespaces(
    file: Path, environ: dict[str, str], overrides: dict[str, object], expected: tuple[str, ...]
) -> None:
    assert load(environ, file, overrides).namespaces == expected


def test_lease_is_in_the_pods_namespace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mounted = tmp_path / "namespace"
    mounted.write_text("ops\n")
    monkeypatch.setattr(settings, "NAMESPACE_FILE", mounted)
    assert load({}, None, {}).lease_namespace == "ops"
    assert load({"RORQUAL_LEASE_NAMESPACE": "other"}, None, {}).lease_namespace == "other"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("TICK_SECONDS", "soon", "tick_seconds: .*found 'soon'"),
        ("TICK_SECONDS", "0", "tick_seconds: .*greater than 0.*found '0'"),
        ("SCRAPE_CONCURRENCY", "0", "scrape_concurrency: .*found '0'"),
        ("LOG_FORMAT", "xml", "log_format: .*'text' or 'json', found 'xml'"),
        ("LEASE_RENEW_SECONDS", "5", r"lease_renew_seconds: .*half of lease_duration_seconds, which is 10\.0"),
    ],
)
def test_error_names_the_option_and_what_was_found(variable: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load({f"RORQUAL_{variable}": value}, None, {})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("tick: 3", "tick: .*not permitted"),
        ("[1, 2]", "expected a mapping of options, found list"),
        ("{", "settings file .*settings.yaml"),
    ],
)
def test_unusable_file(file: Path, content: str, said: str) -> None:
    file.write_text(content)
    with pytest.raises(SettingsError, match=said):
        load({}, file, {})


def test_empty_file_is_fine(file: Path) -> None:
    file.write_text("")
    assert load({}, file, {}).tick_seconds == 10


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.yaml"):
        load({}, tmp_path / "gone.yaml", {})


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1:80", ("127.0.0.1", 80)), (":9", ("0.0.0.0", 9)), ("[::1]:0", ("::1", 0))],
)
def test_address(address: str, expected: tuple[str, int]) -> None:
    assert load({}, None, {"http_address": address}).http_host_port == expected


def test_address_without_port() -> None:
    with pytest.raises(SettingsError, match="http_address: expected HOST:PORT, found 'here'"):
        load({}, None, {"http_address": "here"})


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_option_is_documented(name: str) -> None:
    assert Settings.model_fields[name].description
