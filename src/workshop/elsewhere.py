"""Where a page's notebook is beside this site: its repository, and Binder.

_config.yml names both addresses, by Jupyter Book's own keys. Without an address there
is no link, so that a page never leads to a repository that it doesn't come from.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

# Our theme's options, by the keys of _config.yml; theme.toml declares them.
KEYS = {
    "repository_url": ("repository", "url"),
    "repository_branch": ("repository", "branch"),
    "path_to_book": ("repository", "path_to_book"),
    "binderhub_url": ("launch_buttons", "binderhub_url"),
}


def options(config: Mapping[str, Any]) -> dict[str, str]:
    """The theme's options, from what _config.yml holds."""
    found = {
        name: (config.get(section) or {}).get(key)
        for name, (section, key) in KEYS.items()
    }
    return {name: value for name, value in found.items() if value}


def binder(options: Mapping[str, str], source: str) -> str:
    """The address that opens a notebook in Binder's JupyterLab; "" if there is none.

    `source` is the notebook's path below the book's root. The form of the address is
    BinderHub's: /v2/PROVIDER/PLACE/REF?urlpath=PATH.
    """
    hub = options.get("binderhub_url", "").rstrip("/")
    repository = options.get("repository_url", "").rstrip("/").removesuffix(".git")
    if not (hub and repository and source.endswith(".ipynb")):
        return ""
    branch = quote(options.get("repository_branch", "HEAD"), safe="")
    host, path = urlsplit(repository).netloc, urlsplit(repository).path
    git = f"git/{quote(repository, safe='')}"
    place = f"gh{path}" if host == "github.com" else git
    folder = options.get("path_to_book", "").strip("/")
    opened = quote("/".join(filter(None, ["lab/tree", folder, source])))
    return f"{hub}/v2/{place}/{branch}?urlpath={opened}"
