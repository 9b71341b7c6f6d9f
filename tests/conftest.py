"""`pytest --stack FOLDER`: run the contract tests on somebody else's modules."""

import os

import pytest
from hypothesis import HealthCheck, settings

from workshop import overlay

# The fixtures of the browser tests, which are several files.
pytest_plugins = ["live_reader"]

# Whether a test passes is no matter of how busy the machine is.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")


def pytest_addoption(parser):
    parser.addoption(
        "--stack",
        metavar="FOLDER",
        help="test FOLDER/sync.py in the place of dustdevil.sync, and so on",
    )


def pytest_configure(config):
    folder = config.getoption("--stack")
    if folder:
        overlay.install(folder)
        # Servers that the tests start are Python processes of their own.
        os.environ.update(overlay.environment(folder))
        # Which error is raised is the contract's; how it is worded, its author's.
        raises = pytest.raises
        pytest.raises = lambda *args, match=None, **kw: raises(*args, **kw)


@pytest.fixture
def loop():
    """An event loop, closed when the test is over."""
    from dustdevil.loop import Loop  # not before --stack has put somebody's in place

    loop = Loop()
    yield loop
    loop.close()


def pytest_report_header(config):
    folder = config.getoption("--stack")
    if folder:
        names = ", ".join(overlay.modules(folder)) or "nothing"
        return f"stack: {folder} replaces {names}"
    return None
