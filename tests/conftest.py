"""`pytest --stack FOLDER`: run the contract tests on somebody else's modules."""

import os
import ssl
import subprocess

import pytest
from hypothesis import HealthCheck, settings

from workshop import overlay

# What its modules assert is told as in a test. They are imported by the tests, after
# --stack has put somebody's modules in place.
pytest.register_assert_rewrite("support")

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


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """Contexts of a server and of a client that trusts it."""
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost"
    command += " -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context, ssl.create_default_context(cafile=folder / "cert.pem")


def pytest_report_header(config):
    folder = config.getoption("--stack")
    if folder:
        names = ", ".join(overlay.modules(folder)) or "nothing"
        return f"stack: {folder} replaces {names}"
    return None
