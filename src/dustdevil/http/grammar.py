"""The grammar of HTTP/1.1 (RFC 9110, RFC 9112), as regular expressions.

Each stands under the lines of the standard that it comes from. What the readers of
heads and bodies let pass is here; whatever doesn't match is refused.

A + or * with another + behind it never gives back what it took: the expressions need
no second try, and nobody can make them try long.
"""

import re

# RFC 9110, 5.6.2   token = 1*tchar
TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"

# RFC 9110, 5.5     field-value: visible characters, obs-text, and SP or HTAB between
# RFC 9112, 5       field-line = field-name ":" OWS field-value OWS
FIELD = TOKEN + rb":[\t -~\x80-\xff]*+"

# RFC 3986, 3.3     pchar = unreserved / pct-encoded / sub-delims / ":" / "@"
# RFC 9112, 3.2.1   origin-form = absolute-path [ "?" query ]
PCHAR = rb"0-9A-Za-z\-._~!$&'()*+,;=:@"


def origin_form(raw_in_path: bytes = b"", raw_in_query: bytes = b"") -> bytes:
    """The form of a path with its query; `raw`: what else may be in it unencoded."""
    path = rb"/(?:[%b/%b]++|%%[0-9A-Fa-f]{2})*+" % (PCHAR, raw_in_path)
    query = rb"(?:[%b/?%b]++|%%[0-9A-Fa-f]{2})*+" % (PCHAR, raw_in_query)
    return path + rb"(?:\?" + query + rb")?+"


ORIGIN_FORM = origin_form()
# URL Standard, 1.3 and 4.4: browsers leave more as it is. A server that refuses it is
# right, and one that takes it loses nothing: it can end neither line nor target.
BROWSERS_FORM = origin_form(rb"\[\]|", rb"\[\]|{}\\^`")

# RFC 3986, 3.2.2   host = IP-literal / IPv4address / reg-name
#                   IP-literal = "[" ( IPv6address / IPvFuture ) "]"
# RFC 9110, 7.2     Host = uri-host [ ":" port ]
REG_NAME = rb"(?:[0-9A-Za-z\-._~!$&'()*+,;=]++|%[0-9A-Fa-f]{2})*+"
FUTURE = rb"[vV][0-9A-Fa-f]++\.[0-9A-Za-z\-._~!$&'()*+,;=:]++"
URI_HOST = rb"(?:\[(?:([0-9A-Fa-f:.]++)|" + FUTURE + rb")\]|" + REG_NAME + rb")"
# A port of no host can't be, and an empty field can (RFC 9110, 4.2.1; RFC 9112, 3.2).
HOST_PORT = re.compile(rb"(?!:)" + REG_NAME + rb"(?::[0-9]*+)?+")  # most are this
HOST = re.compile(rb"(?!:)" + URI_HOST + rb"(?::[0-9]*+)?+")

# RFC 9112, 3.2.2   absolute-form = absolute-URI, here one of http or https
# RFC 9112, 3.2.3   authority-form = uri-host ":" port
ABSOLUTE_FORM = re.compile(rb"((?i:https?))://([^/?]++)([/?].*+)?+")
AUTHORITY_FORM = re.compile(rb"(?!:)" + URI_HOST + rb":[0-9]++")

# RFC 9112, 3       request-line = method SP request-target SP HTTP-version
TARGET = rb"[!-~\x80-\xff]++"
METHOD = re.compile(rb"(%b) " % TOKEN)
REQUEST_LINE = re.compile(rb"%b %b HTTP/(?P<major>[0-9])\.[0-9]" % (TOKEN, TARGET))

# RFC 9112, 4       status-line = HTTP-version SP status-code SP [ reason-phrase ]
STATUS = rb"([1-9][0-9][0-9]) ([\t -~\x80-\xff]*+)"
STATUS_LINE = re.compile(rb"HTTP/(?P<major>[0-9])\.[0-9] " + STATUS)

# RFC 9112, 2.1     HTTP-message = start-line CRLF *( field-line CRLF ) CRLF ...
# Each field line with the CRLF before it, so that the last one is like the others. Of
# a request's target the first group has the usual form, and the next any other.
FIELDS = rb"((?:\r\n%b)*+)" % FIELD
REQUEST_HEAD = re.compile(
    rb"(%b) (?:(%b)|(%b)) HTTP/1\.([0-9])%b" % (TOKEN, ORIGIN_FORM, TARGET, FIELDS)
)
# Most requests ask for a path at one named host, and no more: no field frames a body or
# speaks of the connection, but to say that it is kept. Such a head is seen at one look.
FRAMING = rb"(?i:host|content-length|transfer-encoding|expect|upgrade|connection)"
KEPT = rb"(?i:connection:[ \t]*+keep-alive[ \t]*+)(?=\r|\Z)"
OTHERS = rb"(?:\r\n(?:(?=[^HhCcTtEeUu])|(?!%b:)|(?=%b))%b)*+" % (FRAMING, KEPT, FIELD)
USUAL_HEAD = re.compile(
    rb"(?!CONNECT )(%b) (%b) HTTP/1\.[1-9](%b\r\n(?i:host):[ \t]*+(%b)[ \t]*+%b)"
    % (TOKEN, ORIGIN_FORM, OTHERS, HOST_PORT.pattern, OTHERS)
)
RESPONSE_HEAD = re.compile(rb"HTTP/1\.([0-9]) " + STATUS + FIELDS)

# RFC 9112, 7.1     chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
# RFC 9112, 7.1.1   chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS value ] )
QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*+"'
CHUNK_LINE = re.compile(
    rb"([0-9A-Fa-f]++)((?:[ \t]*+;[ \t]*+%b(?:[ \t]*+=[ \t]*+(?:%b|%b))?+)*+)"
    % (TOKEN, TOKEN, QUOTED)
)

# RFC 9112, 2.2     a line ends in CRLF; a CR or an LF alone is no part of any line
LINE_END = re.compile(rb"\r\n|\n|\r(?=[^\n])")

# One that is no end of a line, as far as can be told by what has come.
STRAY = re.compile(rb"(?<!\r)\n|\r(?=[^\n])")

NAME, FIELD_LINE = map(re.compile, (TOKEN, FIELD))
ORIGIN, BROWSERS = map(re.compile, (ORIGIN_FORM, BROWSERS_FORM))
