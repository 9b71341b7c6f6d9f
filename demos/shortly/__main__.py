"""python -m demos.shortly [--port 8000] [--database FILE | --redis URL]"""

import argparse
import os

from dustdevil import WSGI, serve

from .app import DATABASE, make_app

parser = argparse.ArgumentParser(
    prog="python -m demos.shortly", description="A URL shortener."
)
parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
parser.add_argument("--port", type=int, default=8000, help="default: %(default)s")
parser.add_argument(
    "--database",
    metavar="FILE",
    default=DATABASE,
    help="of SQLite, which holds the links (default: %(default)s)",
)
parser.add_argument(
    "--redis",
    metavar="URL",
    default=os.environ.get("REDIS_URL"),
    help="redis://[user:password@]host[:port]: keep them there instead "
    "(default: $REDIS_URL)",
)
options = parser.parse_args()
try:
    app = make_app(options.database, options.redis)
except ValueError as error:
    parser.error(str(error))
serve(WSGI(app), options.host, options.port)
