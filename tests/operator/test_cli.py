"""What the commands print, and how they end."""

import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from rorqual_engine.api.crd import crd
from rorqual_operator import cli, cli_operator, logs, main
from rorqual_operator.leader import LeadershipLost
from rorqual_operator.settings import PREFIX, Settings


@pytest.fixture(autouse=True)
def no_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "configure", lambda *_: None)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """Settings that operators were started with; none really runs."""
    found: list[Settings] = []

    async def run(settings: Settings) -> None:
        found.append(settings)

    monkeypatch.setattr(main, "run", run)
    return found


def rorqual(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(cli.main, arguments, env=environ)


def test_commands_are_the_installed_entry_points() -> None:
    listed = rorqual("--help").output
    assert {"operator", "crd"} <= set(re.findall(r"^  (\w+) ", listed, re.MULTILINE))


def test_unknown_command_is_a_usage_error() -> None:
    assert rorqual("dance").exit_code == 2


def test_crd_is_yaml_of_the_definition() -> None:
    assert yaml.safe_load(rorqual("crd").output) == crd()


def test_options_lists_every_variable() -> None:
    printed = rorqual("operator", "options").output
    for name in Settings.model_fields:
        assert f"{PREFIX}{name.upper()}" in printed


def test_options_do_not_print_this_machines_name() -> None:
    printed = rorqual("operator", "options").output.splitlines()
    assert f"{PREFIX}IDENTITY" in printed


def test_run_takes_options_over_variables(started: list[Settings]) -> None:
    result = rorqual(
        "operator", "run", "--namespace", "a", "--namespace", "b", "--tick-seconds", "3",
        RORQUAL_TICK_SECONDS="9", RORQUAL_NAMESPACES="c",
    )  # fmt: skip
    assert result.exit_code == 0
    assert (started[0].namespaces, started[0].tick_seconds) == (("a", "b"), 3)


def test_all_namespaces_is_over_the_variable(started: list[Settings]) -> None:
    rorqual("operator", "run", "--all-namespaces", RORQUAL_NAMESPACES="c")
    assert started[0].namespaces == ()


def test_namespace_and_all_namespaces_exclude_each_other(started: list[Settings]) -> None:
    result = rorqual("operator", "run", "--all-namespaces", "--namespace", "a")
    assert (result.exit_code, started) == (2, [])
    assert "exclude each other" in result.output


def test_bad_option_is_told_in_one_line(started: list[Settings]) -> None:
    result = rorqual("operator", "run", "--tick-seconds", "-1")
    assert (result.exit_code, started) == (1, [])
    assert result.output.startswith("Error: tick_seconds: ")


def test_file_of_options(started: list[Settings], tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("tick_seconds: 4")
    rorqual("operator", "run", "--config", str(file))
    assert started[0].tick_seconds == 4


def ending(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> Result:
    async def run(_: Settings) -> None:
        raise error

    monkeypatch.setattr(main, "run", run)
    return rorqual("operator", "run")


@pytest.mark.parametrize(
    "error",
    [
        OSError("address already in use"),
        ExceptionGroup("tasks", [ExceptionGroup("inner", [LeadershipLost("address already in use")])]),
    ],
)
def test_expected_end_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    result = ending(monkeypatch, error)
    assert result.exit_code == 1
    assert "address already in use" in result.output
    assert "Traceback" not in result.output


def test_unexpected_end_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    result = ending(monkeypatch, ExceptionGroup("tasks", [KeyError("bug")]))
    assert isinstance(result.exception, ExceptionGroup)


def test_first_leaf_of_groups() -> None:
    leaf = KeyError("x")
    assert cli_operator._first(ExceptionGroup("a", [ExceptionGroup("b", [leaf]), OSError()])) is leaf
