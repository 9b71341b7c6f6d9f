"""HTTP/1.1: a protocol that touches no socket, a server on it, a client on it.

A message is a head, lines of text that end with an empty one, and maybe a body. How
long the body is, the head says, and where it says so in two ways the two ends of a
connection may see two different messages: that is how requests are smuggled. So there
is one reading of a head, strict, and the same for both roles. Bytes go in as they come,
however they are cut, and events come out; sockets are others' business.

headers       header fields, for both directions
grammar       tokens, fields, targets, as regular expressions under the standard's lines
framing       where a message ends, and what comes after it
head          what a head says: what is asked for, and how the message is framed
parser        bytes in, events out, for both roles; errors: what breaks the rules
writer        messages as bytes
body          a message's body, piece by piece
connection    a conversation with one client, from top to bottom
server        listening, deadlines, the end; serving: a process for a server alone
outgoing      a client's connection; client: connections kept, redirects followed
"""

from dustdevil import lazy_names

HOMES = {
    "BODILESS": "framing",
    "Body": "body",
    "Client": "client",
    "ClientError": "outgoing",
    "ClientSettings": "client",
    "Closed": "parser",
    "Connection": "connection",
    "Data": "parser",
    "End": "parser",
    "FIELD": "grammar",
    "HOST_PORT": "grammar",
    "Head": "head",
    "Headers": "headers",
    "Limits": "parser",
    "NO_BODY": "body",
    "Page": "body",
    "Pair": "headers",
    "Parser": "parser",
    "ProtocolError": "errors",
    "REQUEST_HEAD": "grammar",
    "ResponseHead": "head",
    "Role": "parser",
    "Server": "server",
    "ServerSettings": "server",
    "TOKEN": "grammar",
    "USUAL_HEAD": "grammar",
    "close": "body",
    "field_line": "writer",
    "run": "serving",
    "serve": "serving",
    "url": "serving",
}

__all__ = sorted(HOMES)
__getattr__ = lazy_names(__name__, HOMES)
