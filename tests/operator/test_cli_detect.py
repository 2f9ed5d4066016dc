"""`rorqual detect`, as a user calls it on a file."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from rorqual_operator.cli_detect import detect

EPOCH = 1_800_000_000


def run(*arguments: str) -> Result:
    return CliRunner().invoke(detect, list(arguments))


def refused(*arguments: str) -> str:
    done = run(*arguments)
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit)
    return done.output


@pytest.fixture
def history(tmp_path: Path) -> str:
    """A day and a half of minutes; near its end TTFT is six times as long for half an hour."""
    random = np.random.default_rng(1)
    load = 20 + 5 * np.sin(np.arange(2000) / 200) + random.normal(size=2000)
    ttft, running = 0.01 * load + 0.01 * random.normal(size=2000), 2 * load + random.normal(size=2000)
    ttft[1700:1730] *= 6
    path = tmp_path / "chat.csv"
    rows = (f"{EPOCH + 60 * place},{running[place]:.3f},{ttft[place]:.4f}," for place in range(2000))
    path.write_text("\n".join(["time,running,TTFT p95,never", *rows]))
    return str(path)


def test_an_episode_is_told_with_what_it_shows_in(history: str) -> None:
    done = run("--metrics", history)
    assert done.exit_code == 0
    assert "1 episodes in" in done.output and "never known: never" in done.output
    assert "2027-01-16 12:20:00Z" in done.output and "TTFT p95 1." in done.output
    assert "usually 0.2" in done.output


def test_json_has_an_object_an_episode(history: str) -> None:
    (found,) = json.loads(run("--metrics", history, "-o", "json").stdout)
    assert found["since"] == EPOCH + 1700 * 60
    assert found["evidence"][0]["metric"] == "TTFT p95"


def test_a_quiet_history_has_no_episodes(history: str, tmp_path: Path) -> None:
    lines = Path(history).read_text().splitlines()
    quiet = tmp_path / "quiet.csv"
    quiet.write_text("\n".join(lines[:1600]))
    done = run("--metrics", str(quiet))
    assert done.exit_code == 0 and "0 episodes" in done.output


def test_iso_times_and_arrays_are_read_too(tmp_path: Path) -> None:
    iso = tmp_path / "iso.csv"
    rows = (f"2026-01-01T{place // 60:02}:{place % 60:02}:00Z,{place % 7}" for place in range(120))
    iso.write_text("\n".join(["time,x", *rows]))
    assert "120 samples of 1 metrics" in run("--metrics", str(iso)).output
    arrays = tmp_path / "arrays.npz"
    np.savez(arrays, values=np.random.default_rng(1).normal(size=(200, 3)))
    assert "200 samples of 3 metrics" in run("--metrics", str(arrays)).output


def test_a_picture_is_drawn(history: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "chat.png"
    assert run("--metrics", history, "--plot", str(picture)).exit_code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("time,x\n", "expected a header, a column of times and one of a metric"),
        ("time,x\n1,2,3\n", "line 2: expected 2 columns; found 3"),
        ("time,x\nnoon,2\n", "line 2: expected seconds or an ISO time; found 'noon'"),
        ("time,x\n1,much\n", "line 2: expected a number for x; found 'much'"),
        ("time,x\n" + "1,2\n" * 20, "expected at least 30 samples to learn from; found 10"),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_why(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(text)
    assert told in refused("--metrics", str(file))


def test_what_there_is_to_look_at_must_be_said(tmp_path: Path) -> None:
    assert "expected either --metrics FILE, or --prometheus URL with --service NAME" in refused()
    assert "cannot be read" in refused("--metrics", str(tmp_path / "none.csv"))
    bad = tmp_path / "bad.npz"
    bad.write_bytes(b"nothing")
    assert "expected an array `values`" in refused("--metrics", str(bad))
    assert "Prometheus at http://127.0.0.1:1" in refused("--prometheus", "http://127.0.0.1:1", "--service", "chat")
