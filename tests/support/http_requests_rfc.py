"""Requests to take and requests to refuse, by the sections of RFC 9112 and RFC 9110.

`http_requests` has the tables of a parser with small limits. These are written with a
view to what went wrong elsewhere: in parsers that read a length with their language's
`int`, in pairs of a proxy and a server that disagreed about one byte, in servers that
kept all that somebody chose to send.
"""

from support.http_requests import chunked, get, post


def line(text, *fields):
    return b"\r\n".join([text, b"Host: a", *fields, b"", b""])


def hosted(host):
    return b"GET / HTTP/1.1\r\nHost:" + host + b"\r\n\r\n"


def old(*fields, body=b""):
    return b"\r\n".join([b"POST / HTTP/1.0", *fields, b"", b""]) + body


# What each stream stands for: a line "method target host body" for each request.
TAKE = {
    # RFC 9112
    "2.2 an empty line, then a request": (b"\r\n" + get(), "GET / a "),
    "2.2 an empty line after a body, as old clients add": (
        post(b"Content-Length: 1", body=b"x\r\n") + get(), "POST / a x", "GET / a "),
    "2.3 versions from 1.1 to 1.9": (
        b"".join(get(version=b"HTTP/1.%d" % i) for i in range(1, 10)),
        *["GET / a "] * 9),
    "3.1 a method is any token, and case counts": (
        line(b"get / HTTP/1.1") + line(b"M-SEARCH / HTTP/1.1")
        + line(b"|~^ / HTTP/1.1"),
        "get / a ", "M-SEARCH / a ", "|~^ / a "),
    "3.1 CONNECTION is not CONNECT": (
        line(b"CONNECTION / HTTP/1.1"), "CONNECTION / a "),
    "3.2.1 empty segments, dots, colons": (
        get(target=b"//..//.:80/;/"), "GET //..//.:80/;/ a "),
    "3.2.1 an empty query": (get(target=b"/?"), "GET /? a "),
    "3.2.1 question marks in the query": (get(target=b"/??/?"), "GET /??/? a "),
    "3.2.1 percent signs for anything": (
        get(target=b"/%00%0d%0a%5b%7C%ff?%20"), "GET /%00%0d%0a%5b%7C%ff?%20 a "),
    "3.2.1 a target that looks absolute": (
        get(target=b"/http://b/"), "GET /http://b/ a "),
    "3.2.2 the target's host counts, not the field's": (
        get(target=b"http://b:8/c"), "GET /c b:8 "),
    "3.2.2 and the field may be empty": (
        b"GET http://b/ HTTP/1.1\r\nHost:\r\n\r\n", "GET / b "),
    "3.2.2 in HTTP/1.0 too": (
        b"GET http://b/ HTTP/1.0\r\n\r\n", "GET / b "),
    "3.2.2 schemes have no case": (get(target=b"HtTp://b/"), "GET / b "),
    "3.2.2 an empty port": (get(target=b"http://b:/"), "GET / b: "),
    "3.2.4 OPTIONS of everything": (line(b"OPTIONS * HTTP/1.1"), "OPTIONS * a "),
    "3.2.4 OPTIONS of a path": (line(b"OPTIONS /a HTTP/1.1"), "OPTIONS /a a "),
    "5 white space around values only": (
        get(b"A:\t \tb\t ", b"Content-Length:\t 0 \t"), "GET / a "),
    "5 a name with every sign of a token": (get(b"!#$%&'*+-.^_`|~:x"), "GET / a "),
    "5 names that begin like those that count": (
        get(b"Content-Length2: x", b"Transfer-Encoding-: gzip", b"Hosts: b",
            b"X-Content-Length: 5", b"Content_Length: 5"), "GET / a "),
    "5.1 no field but Host, without a space": (hosted(b"a"), "GET / a "),
    "6.1 TE is no Transfer-Encoding": (
        get(b"Connection: TE", b"TE: trailers, gzip;q=0.5"), "GET / a "),
    "6.2 zeros before a length": (
        post(b"Content-Length: " + b"0" * 40 + b"3", body=b"abc"), "POST / a abc"),
    "6.2 the body of a GET, HEAD, DELETE, OPTIONS": (
        b"".join(line(method + b" / HTTP/1.1", b"Content-Length: 2") + b"hi"
                 for method in (b"GET", b"HEAD", b"DELETE", b"OPTIONS")),
        "GET / a hi", "HEAD / a hi", "DELETE / a hi", "OPTIONS / a hi"),
    "6.2 a body that looks like a request": (
        post(b"Content-Length: %d" % len(get()), body=get()) + get(target=b"/b"),
        "POST / a " + get().decode(), "GET /b a "),
    "6.3 neither length nor coding, so no body": (
        post() + get(), "POST / a ", "GET / a "),
    "6.3 a body in HTTP/1.0": (
        old(b"Content-Length: 2", b"Connection: keep-alive", body=b"ab") + get(),
        "POST /  ab", "GET / a "),
    "7 a coding's name has no case": (
        post(b"tRANSFER-eNCODING:\tChUnKeD ", body=b"0\r\n\r\n"), "POST / a "),
    "7.1 hex digits of both cases": (
        chunked(b"A\r\n0123456789\r\na\r\nabcdefghij\r\n0\r\n\r\n"),
        "POST / a 0123456789abcdefghij"),
    "7.1 many zeros": (chunked(b"0" * 60 + b"1\r\nx\r\n" + b"0" * 60 + b"\r\n\r\n"),
                       "POST / a x"),
    "7.1 data that looks like chunks": (
        chunked(b"7\r\n0\r\n\r\nGE\r\n0\r\n\r\n") + get(),
        "POST / a 0\r\n\r\nGE", "GET / a "),
    "7.1.1 extensions with and without values": (
        chunked(b'1;a\r\nx\r\n1;a=b;c\r\ny\r\n1;d="e; f, \\" \\\\"\r\nz\r\n'
                b'0;last\r\n\r\n'),
        "POST / a xyz"),
    "7.1.1 bad white space where it is let pass": (
        chunked(b"1 ; a = b\t;\tc\r\nx\r\n0\r\n\r\n"), "POST / a x"),
    "7.1.1 an empty quoted value": (chunked(b'1;a=""\r\nx\r\n0\r\n\r\n'), "POST / a x"),
    "7.1.2 trailers stay apart from the head": (
        chunked(b"1\r\nx\r\n0\r\nDigest: x\r\nETag: \"y\"\r\nContent-Type: z\r\n"
                b"Hosts: evil\r\nKeep-Alive: 1\r\nTrailer: x\r\n\r\n") + get(),
        "POST / a x", "GET / a "),
    "9.3 what comes after close is no request": (
        get(b"Connection: CLOSE") + get(), "GET / a "),
    "9.6 close among other options": (
        get(b"Connection: keep-alive , close") + get(), "GET / a "),
    "9.6 close in a second line": (
        get(b"Connection: x", b"Connection: close") + get(), "GET / a "),
    "9.3 unknown options, empty members": (
        get(b"Connection: ,, close-notify,, ,x") + get(), "GET / a ", "GET / a "),
    # RFC 9110
    "7.2 hosts": (
        b"".join(map(hosted, (b"", b" ", b"a.b.:0080", b"1.2.3.4", b" a_b~!$&'()*+,;=",
                              b"%e4:1"))),
        "GET /  ", "GET /  ", "GET / a.b.:0080 ", "GET / 1.2.3.4 ",
        "GET / a_b~!$&'()*+,;= ", "GET / %e4:1 "),
    "7.2 addresses of IPv6, and of what may follow it": (
        b"".join(map(hosted, (b"[::]", b"[::1]:80", b"[1:2:3:4:5:6:7:8]", b"[1::8]:",
                              b"[::ffff:1.2.3.4]", b"[v1.fe:ed]", b"[vF.a]:80"))),
        "GET / [::] ", "GET / [::1]:80 ", "GET / [1:2:3:4:5:6:7:8] ", "GET / [1::8]: ",
        "GET / [::ffff:1.2.3.4] ", "GET / [v1.fe:ed] ", "GET / [vF.a]:80 "),
    "7.8 an upgrade without its Connection option": (
        get(b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA") + get(),
        "GET / a ", "GET / a "),
    "9.3.8 TRACE": (line(b"TRACE / HTTP/1.1"), "TRACE / a "),
    "10.1.1 an expectation without a body": (
        get(b"Expect: 100-continue") + get(), "GET / a ", "GET / a "),
    "10.1.1 of a body that is here already": (
        post(b"expect: 100-CONTINUE", b"Content-Length: 2", body=b"ab") + get(),
        "POST / a ab", "GET / a "),
    "10.1.1 a list of nothing, and of the same twice": (
        post(b"Expect:", b"Content-Length: 1", body=b"x")
        + post(b"Expect: ,100-continue,", b"expect: 100-Continue",
               b"Content-Length: 1", body=b"y"), "POST / a x", "POST / a y"),
    "10.1.1 in HTTP/1.0, where there are none": (
        old(b"Expect: more", b"Content-Length: 2", body=b"ab"), "POST /  ab"),
}  # fmt: skip

REFUSE = {
    # RFC 9112
    "2.2 LF alone ends everything": (400, b"GET / HTTP/1.1\nHost: a\n\n"),
    "2.2 LF alone ends a field": (400, b"GET / HTTP/1.1\r\nA: b\nHost: a\r\n\r\n"),
    "2.2 LF CR": (400, b"GET / HTTP/1.1\n\rHost: a\n\r\n\r"),
    "2.2 CR alone hides a field": (400, get(b"X: \rTransfer-Encoding: chunked")),
    "2.2 CR alone before the colon": (400, get(b"Content-Length\r: 5")),
    "2.2 CR CR LF": (400, get(b"A: b\r")),
    "2.2 LF CR LF": (400, get(b"A: b\n")),
    "2.2 white space before the first field": (
        400, b"GET / HTTP/1.1\r\n\tA: b\r\nHost: a\r\n\r\n"),
    "2.2 a line of white space": (400, b"GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n"),
    "2.2 white space, then a request": (400, b" \r\n" + get()),
    "2.2 a NUL first": (400, b"\x00" + get()),
    "2.2 a byte order mark": (400, b"\xef\xbb\xbf" + get()),
    "2.2 UTF-16": (400, get().decode().encode("utf-16")),
    "2.3 HTTP/0.9": (400, b"GET /\r\n"),
    "2.3 HTTP/2's preface": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "2.3 HTTP/3.0": (505, get(version=b"HTTP/3.0")),
    "2.3 no minor version": (400, get(version=b"HTTP/1.")),
    "2.3 no major version": (400, get(version=b"HTTP/.1")),
    "2.3 a version of two digits": (400, get(version=b"HTTP/1.01")),
    "2.3 a sign in the version": (400, get(version=b"HTTP/1.-1")),
    "2.3 other digits": (400, get(version="HTTP/1.\u0661".encode())),
    "2.3 mixed case": (400, get(version=b"Http/1.1")),
    "2.3 a dash": (400, get(version=b"HTTP-1.1")),
    "2.3 something behind": (400, get(version=b"HTTP/1.1 x")),
    "2.3 an ICY server's": (400, get(version=b"ICY/1.1")),
    "3 a tab in place of a space": (400, b"GET /\tHTTP/1.1\r\nHost: a\r\n\r\n"),
    "3 a form feed in place of a space": (400, b"GET\x0c/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    "3 two spaces": (400, b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
    "3 no target": (400, b"GET  HTTP/1.1\r\nHost: a\r\n\r\n"),
    "3 a field line first": (400, b"Host: a\r\n\r\n"),
    "3 a response": (400, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "3.1 methods that are no tokens": (400, line(b"GE(T / HTTP/1.1")),
    "3.1 a method in quotes": (400, line(b'"GET" / HTTP/1.1')),
    "3.1 a method with a NUL": (400, line(b"G\x00T / HTTP/1.1")),
    "3.1 a method above 127": (400, line(b"G\xc8T / HTTP/1.1")),
    "3.1 a method with a comma": (400, line(b"GET,POST / HTTP/1.1")),
    "3.2 a tab": (400, get(target=b"/\ta")),
    "3.2 a backslash for a slash": (400, get(target=b"\\a")),
    "3.2 a fragment": (400, get(target=b"/#")),
    "3.2 a percent sign alone": (400, get(target=b"/%")),
    "3.2 a percent sign and a sign": (400, get(target=b"/%+1")),
    "3.2 a percent sign at the query's end": (400, get(target=b"/?%a")),
    "3.2 IIS's %u": (400, get(target=b"/%u0041")),
    "3.2 dots": (400, get(target=b"../a")),
    "3.2 an asterisk and more": (400, line(b"OPTIONS *a HTTP/1.1")),
    "3.2 an asterisk with a query": (400, line(b"OPTIONS *?a HTTP/1.1")),
    "3.2.2 a user": (400, get(target=b"http://a@b/")),
    "3.2.2 a user and a password": (400, get(target=b"http://a:b@c/")),
    "3.2.2 an empty host": (400, get(target=b"http://")),
    "3.2.2 no second slash": (400, get(target=b"http:/a")),
    "3.2.2 a backslash": (400, get(target=b"http:\\\\a/")),
    "3.2.2 a bad port": (400, get(target=b"http://a:b/")),
    "3.2.2 a space encoded in a host is one, but no bracket": (
        400, get(target=b"http://a[/")),
    "3.2.2 a fragment in the query": (400, get(target=b"http://a?b#c")),
    "3.2.2 with a bad path": (400, get(target=b"http://a/%g0")),
    "3.2.2 with a bad Host beside it": (
        400, b"GET http://b/ HTTP/1.1\r\nHost: a b\r\n\r\n"),
    "3.2.2 with no Host beside it": (400, b"GET http://b/ HTTP/1.1\r\n\r\n"),
    "3.2.3 CONNECT to a URL": (400, line(b"CONNECT http://b:80/ HTTP/1.1")),
    "3.2.3 CONNECT with an empty port": (400, line(b"CONNECT b: HTTP/1.1")),
    "3.2.3 CONNECT with a user": (400, line(b"CONNECT a@b:80 HTTP/1.1")),
    "5 a name and no colon": (400, get(b"Content-Length 5")),
    "5 a colon and no name": (400, get(b":")),
    "5.1 space before the colon of what counts": (400, get(b"Host : b")),
    "5.1 tab before the colon": (400, get(b"Content-Length\t: 5")),
    "5.1 quotes, commas, slashes": (400, get(b"A/B: c")),
    "5.1 a name in brackets": (400, get(b"[a]: b")),
    "5.1 a name above 127": (400, get(b"\xe9: b")),
    "5.2 a folded length": (400, post(b"Content-Length:", b" 5", body=b"hello")),
    "5.2 a folded coding": (400, post(b"Transfer-Encoding:", b"\tchunked")),
    "5.2 folded by a line of spaces": (400, get(b"A: b", b"   ", b"C: d")),
    "5.5 escape": (400, get(b"A: \x1b[31m")),
    "5.5 backspace": (400, get(b"A: \x08")),
    "6.1 beside a length, coding first": (
        400, post(b"Transfer-Encoding: chunked", b"Content-Length: 5")),
    "6.1 beside a length of zero": (
        400, post(b"Content-Length: 0", b"Transfer-Encoding: chunked")),
    "6.1 in HTTP/1.0": (
        400, old(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    "6.1 identity": (400, post(b"Transfer-Encoding: identity")),
    "6.1 identity, then chunked": (501, post(b"Transfer-Encoding: identity, chunked")),
    "6.1 chunked, then identity": (400, post(b"Transfer-Encoding: chunked, identity")),
    "6.1 gzip alone": (400, post(b"Transfer-Encoding: gzip")),
    "6.1 almost chunked": (400, post(b"Transfer-Encoding: chunked1")),
    "6.1 chunk": (400, post(b"Transfer-Encoding: chunk")),
    "6.1 something before it": (400, post(b"Transfer-Encoding: x chunked")),
    "6.1 something behind it": (400, post(b"Transfer-Encoding: chunked x")),
    "6.1 a semicolon behind it": (400, post(b"Transfer-Encoding: chunked;")),
    "6.1 a NUL behind it": (400, post(b"Transfer-Encoding: chunked\x00")),
    "6.1 a form feed before it": (400, post(b"Transfer-Encoding:\x0cchunked")),
    "6.1 a no-break space before it": (400, post(b"Transfer-Encoding: \xa0chunked")),
    "6.1 a letter that lowers to k": (
        400, post("Transfer-Encoding: chun\u212aed".encode())),
    "6.1 twice in two cases": (
        400, post(b"Transfer-Encoding: chunked", b"transfer-encoding: Chunked")),
    "6.1 the second one empty": (
        400, post(b"Transfer-Encoding: chunked", b"Transfer-Encoding:")),
    "6.1 the second one unknown": (
        400, post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: x")),
    "6.3 the same length as a list": (
        400, post(b"Content-Length: 5, 5", body=b"hello")),
    "6.3 two lengths as a list": (400, post(b"Content-Length: 5,6", body=b"hello!")),
    "6.3 twice, zero": (400, post(b"Content-Length: 0", b"content-length: 0")),
    "6.2 a comma behind": (400, post(b"Content-Length: 5,", body=b"hello")),
    "6.2 +": (400, post(b"Content-Length: +5", body=b"hello")),
    "6.2 -": (400, post(b"Content-Length: -1")),
    "6.2 -0": (400, post(b"Content-Length: -0")),
    "6.2 _": (400, post(b"Content-Length: 1_0", body=b"0123456789")),
    "6.2 0x": (400, post(b"Content-Length: 0x5", body=b"hello")),
    "6.2 0o": (400, post(b"Content-Length: 0o5", body=b"hello")),
    "6.2 an exponent": (400, post(b"Content-Length: 5e0", body=b"hello")),
    "6.2 quotes": (400, post(b'Content-Length: "5"', body=b"hello")),
    "6.2 a vertical tab": (400, post(b"Content-Length: \x0b5", body=b"hello")),
    "6.2 a no-break space": (400, post(b"Content-Length: 5\xa0", body=b"hello")),
    "6.2 fullwidth digits": (400, post("Content-Length: \uff15".encode())),
    "6.2 a unit": (400, post(b"Content-Length: 5 bytes", body=b"hello")),
    "6.2 more than 64 bits": (413, post(b"Content-Length: 18446744073709551616")),
    "6.2 one that wraps to 5": (413, post(b"Content-Length: 18446744073709551621")),
    "6.2 five thousand digits": (413, post(b"Content-Length: " + b"7" * 5000)),
    "7.1 +": (400, chunked(b"+5\r\nhello\r\n0\r\n\r\n")),
    "7.1 -": (400, chunked(b"-5\r\nhello\r\n0\r\n\r\n")),
    "7.1 _": (400, chunked(b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n")),
    "7.1 0x": (400, chunked(b"0x5\r\nhello\r\n0\r\n\r\n")),
    "7.1 h": (400, chunked(b"5h\r\nhello\r\n0\r\n\r\n")),
    "7.1 fullwidth digits": (400, chunked("\uff15\r\nhello\r\n0\r\n\r\n".encode())),
    "7.1 space before the size": (400, chunked(b" 5\r\nhello\r\n0\r\n\r\n")),
    "7.1 space behind the size": (400, chunked(b"5 \r\nhello\r\n0\r\n\r\n")),
    "7.1 tab behind the size": (400, chunked(b"5\t\r\nhello\r\n0\r\n\r\n")),
    "7.1 space behind the last size": (400, chunked(b"0 \r\n\r\n")),
    "7.1 no size": (400, chunked(b"\r\nhello\r\n0\r\n\r\n")),
    "7.1 an extension and no size": (400, chunked(b";a\r\nhello\r\n0\r\n\r\n")),
    "7.1 a NUL": (400, chunked(b"5\x00\r\nhello\r\n0\r\n\r\n")),
    "7.1 a size that wraps": (413, chunked(b"10000000000000005\r\nhello\r\n0\r\n\r\n")),
    "7.1 sizes whose sum wraps": (
        413, chunked(b"1\r\nx\r\nffffffffffffffff\r\nhello\r\n0\r\n\r\n")),
    "7.1 LF alone behind the size": (400, chunked(b"5\nhello\r\n0\r\n\r\n")),
    "7.1 CR alone behind the size": (400, chunked(b"5\rhello\r\n0\r\n\r\n")),
    "7.1 CR CR LF behind the size": (400, chunked(b"5\r\r\nhello\r\n0\r\n\r\n")),
    "7.1 LF alone behind the data": (400, chunked(b"5\r\nhello\n0\r\n\r\n")),
    "7.1 two other bytes behind the data": (400, chunked(b"5\r\nhelloxx0\r\n\r\n")),
    "7.1 nothing behind the data": (400, chunked(b"5\r\nhello0\r\n\r\n")),
    "7.1 data shorter than the size": (400, chunked(b"8\r\nhello\r\n0\r\n\r\n")),
    "7.1 data longer than the size": (400, chunked(b"3\r\nhello\r\n0\r\n\r\n")),
    "7.1 LF alone behind the last size": (400, chunked(b"0\n\r\n")),
    "7.1 LF alone at the very end": (400, chunked(b"0\r\n\n")),
    "7.1 a request in place of the end": (400, chunked(b"0\r\nGET / HTTP/1.1\r\n\r\n")),
    "7.1.1 LF in an extension": (400, chunked(b"5;a\nb\r\nhello\r\n0\r\n\r\n")),
    "7.1.1 CR in an extension": (400, chunked(b"5;a\rb\r\nhello\r\n0\r\n\r\n")),
    "7.1.1 CR LF in quotes": (400, chunked(b'5;a="\r\n"\r\nhello\r\n0\r\n\r\n')),
    "7.1.1 LF in quotes": (400, chunked(b'5;a="\n"\r\nhello\r\n0\r\n\r\n')),
    "7.1.1 LF quoted with a backslash": (400, chunked(b'5;a="\\\n"\r\nhello\r\n')),
    "7.1.1 a quote that stays open": (400, chunked(b'5;a="b\r\nhello\r\n0\r\n\r\n')),
    "7.1.1 something behind a quote": (400, chunked(b'5;a="b"c\r\nhello\r\n')),
    "7.1.1 a quoted name": (400, chunked(b'5;"a"\r\nhello\r\n0\r\n\r\n')),
    "7.1.1 a name of nothing": (400, chunked(b"5;=b\r\nhello\r\n0\r\n\r\n")),
    "7.1.1 two semicolons": (400, chunked(b"5;;a\r\nhello\r\n0\r\n\r\n")),
    "7.1.1 a comma": (400, chunked(b"5,a\r\nhello\r\n0\r\n\r\n")),
    "7.1.1 a control character": (400, chunked(b"5;a=\x01\r\nhello\r\n0\r\n\r\n")),
    "7.1.2 a trailer with a space before its colon": (
        400, chunked(b"0\r\nA : b\r\n\r\n")),
    "7.1.2 a folded trailer": (400, chunked(b"0\r\nA: b\r\n c\r\n\r\n")),
    "7.1.2 a trailer with a CR": (400, chunked(b"0\r\nA: b\rc\r\n\r\n")),
    "7.1.2 a trailer with a NUL": (400, chunked(b"0\r\nA: \x00\r\n\r\n")),
    "7.1.2 a trailer that would frame the message: a length": (
        400, chunked(b"1\r\nx\r\n0\r\ncontent-length: 1\r\n\r\n") + get()),
    "7.1.2 a coding": (
        400, chunked(b"0\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n")),
    "7.1.2 a host": (400, chunked(b"0\r\nHOST: evil\r\n\r\n")),
    "7.1.2 a connection option": (400, chunked(b"0\r\nConnection: keep-alive\r\n\r\n")),
    "7.1.2 another protocol": (400, chunked(b"0\r\nUpgrade: h2c\r\n\r\n")),
    "7.1.2 an expectation": (400, chunked(b"0\r\nExpect: 100-continue\r\n\r\n")),
    "9.3 a bad one after a good one": (
        400, get() + b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    "9.3 a body that was not announced": (400, post() + b"a=b\r\n\r\n"),
    # RFC 9110
    "7.2 no Host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "7.2 two, the same": (400, get(b"host: a")),
    "7.2 two, one empty": (400, get(b"Host:")),
    "7.2 two in HTTP/1.0": (400, old(b"Host: a", b"Host: b")),
    "7.2 a list": (400, hosted(b" a, b")),
    "7.2 a user": (400, hosted(b"me@a")),
    "7.2 a URL": (400, hosted(b"http://a")),
    "7.2 a path": (400, hosted(b"a/")),
    "7.2 a query": (400, hosted(b"a?b")),
    "7.2 a port of no host": (400, hosted(b":80")),
    "7.2 a colon": (400, hosted(b" :")),
    "7.2 a port of letters": (400, hosted(b"a:http")),
    "7.2 a negative port": (400, hosted(b"a:-1")),
    "7.2 IPv6 without its brackets": (400, hosted(b"::1")),
    "7.2 half a bracket": (400, hosted(b"[::1")),
    "7.2 something behind the bracket": (400, hosted(b"[::1]a")),
    "7.2 a zone": (400, hosted(b"[fe80::1%25eth0]")),
    "7.2 a zone as it is typed": (400, hosted(b"[fe80::1%eth0]")),
    "7.2 nine groups": (400, hosted(b"[1:2:3:4:5:6:7:8:9]")),
    "7.2 a group of five digits": (400, hosted(b"[::12345]")),
    "7.2 a version and no address": (400, hosted(b"[v1.]")),
    "7.2 an address and no version": (400, hosted(b"[v.a]")),
    "7.2 a bad percent sign": (400, hosted(b"%zz")),
    "7.2 a tab within": (400, hosted(b"a\tb")),
    "10.1.1 an expectation that nobody knows": (417, get(b"Expect: 200-ok")),
    "10.1.1 with a value": (417, get(b"Expect: 100-continue=yes")),
    "10.1.1 one known and one not": (
        417, post(b"Expect: 100-continue, x", b"Content-Length: 1", body=b"x")),
}  # fmt: skip

# The characters of which browsers do not encode all that RFC 3986 wants encoded.
RAW = [b"/a[1]", b"/a|b", b"/?a[]=1", b"/?a|b", b"/?{}", b"/?^", b"/?\\", b"/?`"]


for raw in RAW:
    REFUSE[f"3.2.1 as browsers send it: {raw.decode()}"] = (400, get(target=raw))
    whole = b"http://a" + raw
    REFUSE[f"3.2.2 as browsers send it: {raw.decode()}"] = (400, get(target=whole))
