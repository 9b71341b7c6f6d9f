"""ETags: names for contents, so that nobody is sent what he has (RFC 9110, 8.8.3).

    app.use(ETags())

A client that has a page says its ETag, and is answered "304 Not Modified" while that
is the same. `static` answers so for files; the middleware does for every page.
"""

import os
import re
from hashlib import blake2b

from dustdevil.routing import Handler
from dustdevil.speedups.choice import fs64
from dustdevil.web.messages import Request, Response

ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')


def etag_of_file(info: os.stat_result, coding: str = "") -> str:
    """A strong validator of a file's content (RFC 9110, section 8.8.3).

    It is the signature of what changes with the content: when the file was changed,
    its size, and how it is coded. Not of the content itself, which would have to be
    read to say that it is the same; nor of the file's number (inode), so that two
    servers with the same files agree.
    """
    high, low = fs64(f"{info.st_mtime_ns} {info.st_size} {coding}".encode())
    return f'"{high:08x}{low:08x}"'


def etag_of_page(content: bytes) -> str:
    """A strong validator of these bytes.

    Of a page, somebody else may choose a part. So this takes a hash under which nobody
    finds two pages, and not the quick one that is good enough for a date.
    """
    return f'"{blake2b(content, digest_size=8).hexdigest()}"'


def names(tags: str, etag: str) -> bool:
    """Whether a list of ETags, or "*", has this one, be it weak (section 8.8.3.2)."""
    found = [tag.removeprefix("W/") for tag in ETAG.findall(tags)]
    return tags.strip() == "*" or etag.removeprefix("W/") in found


class ETags:
    """Answer "304 Not Modified" where a page is the one that the client has.

    The page is made all the same, and hashed for its ETag: it is the way that is saved
    (RFC 9110, section 13.1.2). What comes in pieces is left alone, and a page with an
    `xsrf_field` in it is another one each time.
    """

    async def __call__(self, request: Request, call_next: Handler) -> Response:
        """Answer a request, or say that the answer is the same as before."""
        response = await call_next(request)
        body = response.body
        reading = request.method in ("GET", "HEAD") and response.status == 200
        if not reading or not isinstance(body, bytes) or response.upgrade:
            return response
        headers = response.headers
        if "etag" not in headers:
            headers["ETag"] = etag_of_page(body)
        known = request.headers.get("if-none-match")
        if known is not None and names(known, headers["etag"]):
            response.status, response.body = 304, b""
            for name in [*headers]:
                if name.lower().startswith("content-"):
                    del headers[name]
        return response
