"""python -m demos.chat [--port 8000] [--redis redis://localhost]"""

import argparse
import os

from dustdevil import serve

from .app import make_app

parser = argparse.ArgumentParser(prog="python -m demos.chat", description="A chat.")
parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
parser.add_argument("--port", type=int, default=8000, help="default: %(default)s")
parser.add_argument(
    "--redis",
    metavar="URL",
    default=os.environ.get("REDIS_URL"),
    help="redis://[user:password@]host[:port]: chat with other processes, and hosts "
    "(default: $REDIS_URL, and without it this process alone)",
)
options = parser.parse_args()
try:
    app = make_app(options.redis)
except ValueError as error:
    parser.error(str(error))
serve(app, options.host, options.port, max_connections=50_000)
