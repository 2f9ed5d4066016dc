"""`pytest tests/operator/act/render --update-golden` rewrites the expected outputs; read the diff before committing."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite golden/*.output.yaml from what is rendered")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    # In a run of the whole suite this file is read too late for its option to exist.
    return bool(request.config.getoption("--update-golden", default=False))
