"""HTTP/1.1: a protocol that touches no socket, a server on it, a client on it.

A message is a head, lines of text that end with an empty one, and maybe a body. How
long the body is, the head says, and where it says so in two ways the two ends of a
connection may see two different messages: that is how requests are smuggled. So there
is one reading of a head, strict, and the same for both roles. Bytes go in as they come,
however they are cut, and events come out; sockets are others' business.

grammar     tokens, fields, targets, as regular expressions under the standard's lines
head        what a head says: its line, its fields, the length of its body
parser      bytes in, events out, for a server; responses: the same for a client
writer      a response as bytes
body        a request's body as its application reads it, piece by piece
channel     the way to one client; connection: its requests, one after another
server      listening, limits, deadlines, the end
outgoing    a client's connection; client: connections kept, redirects followed
"""

from dustdevil import lazy_names

HOMES = {
    "BODILESS": "writer",
    "NAME": "grammar",
    "Body": "body",
    "Client": "client",
    "ClientError": "outgoing",
    "ClientSettings": "client",
    "Connection": "connection",
    "Data": "parser",
    "End": "parser",
    "FIELD": "grammar",
    "Head": "head",
    "Headers": "head",
    "Host": "channel",
    "Limits": "parser",
    "NO_BODY": "body",
    "NO_HEADERS": "head",
    "ORIGIN_FORM": "grammar",
    "Page": "body",
    "ProtocolError": "head",
    "REG_NAME": "grammar",
    "RequestParser": "parser",
    "ResponseHead": "responses",
    "ResponseParser": "responses",
    "Server": "server",
    "ServerSettings": "server",
    "TOKEN": "grammar",
    "application_line": "writer",
    "close": "body",
    "serve": "server",
    "url": "server",
}

__all__ = sorted(HOMES)
__getattr__ = lazy_names(__name__, HOMES)
