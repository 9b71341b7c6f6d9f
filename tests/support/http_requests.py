"""Requests as bytes: how to make one, and those that a parser takes and refuses."""


def get(*lines, target=b"/", version=b"HTTP/1.1"):
    """A GET with these header lines after its Host."""
    head = [b"GET " + target + b" " + version, b"Host: a", *lines]
    return b"\r\n".join(head) + b"\r\n\r\n"


def post(*lines, body=b""):
    return get(*lines).replace(b"GET", b"POST") + body


def chunked(body):
    return post(b"Transfer-Encoding: chunked", body=body)


ACCEPTED = {
    # RFC 9112, 2.2: at least one empty line before the request is ignored
    "2.2 empty line first": b"\r\n" + get(),
    # 2.3: a higher minor version is treated as the highest that is known
    "2.3 HTTP/1.2": get(version=b"HTTP/1.2"),
    "2.3 HTTP/1.0 without Host": b"GET / HTTP/1.0\r\n\r\n",
    "2.3 HTTP/1.0 with Host": b"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
    "3.1 unknown method": get().replace(b"GET", b"F!#$%&'*+-.^_`|~9"),
    "3.1 lower-case method": get().replace(b"GET", b"get"),
    "3.2.1 path and query": get(target=b"/a/b;c=1/~d?e=f&g=/?:@"),
    "3.2.1 percent signs": get(target=b"/%00%ff/%2F?%2e"),
    "3.2.1 two slashes": get(target=b"//a//"),
    "3.2.1 sub-delims": get(target=b"/!$&'()*+,;=:@-._~"),
    "3.2.2 absolute": get(target=b"http://b:81/c?d"),
    "3.2.2 absolute without path": get(target=b"HTTP://b"),
    "3.2.2 absolute with query only": get(target=b"https://b?c"),
    "3.2.2 absolute, IPv6": get(target=b"http://[::1]:80/"),
    "3.2.3 authority": b"CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n",
    "3.2.3 authority, IPv6": b"CONNECT [::1]:443 HTTP/1.1\r\nHost: b\r\n\r\n",
    "3.2.4 asterisk": b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "3.2.4 asterisk, absolute": b"OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n",
    "5 no space after colon": get(b"A:b"),
    "5 spaces and tabs around": get(b"A: \t b c\t d \t "),
    "5 empty value": get(b"A:", b"B:  "),
    "5 colons in value": get(b"A: b:c:d"),
    "5.6.2 all of token": get(b"!#$%&'*+-.^_`|~09azAZ: x"),
    "5.5 obs-text": get(b"A: \x80\xff"),
    "5.2 RFC 9110: repeated": get(b"A: b", b"a: c"),
    "6.2 Content-Length": post(b"Content-Length: 5", body=b"hello"),
    "6.2 lower case": post(b"content-length:5", body=b"hello"),
    "6.2 zeros first": post(b"Content-Length: 0005", body=b"hello"),
    "6.2 zero": post(b"Content-Length: 0"),
    "6.2 body of a GET": get(b"Content-Length: 2") + b"ab",
    "6.3 no length": post(),
    "7.1 chunks": chunked(b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"),
    "7.1 zeros first": chunked(b"0005\r\nhello\r\n000\r\n\r\n"),
    "7.1 hex digits": chunked(b"1a\r\n" + b"x" * 26 + b"\r\nA\r\n" + b"y" * 10
                                 + b"\r\n0\r\n\r\n"),
    "7.1 CR and LF in data": chunked(b"4\r\n\r\n\r\n\r\n0\r\n\r\n"),
    "7.1 coding in capitals": post(b"Transfer-Encoding: CHUNKED \t", body=b"0\r\n\r\n"),
    "7.1.1 extensions": chunked(b'1;a;b=c ; d = "e\\" \t;" \r\nx\r\n0;z\r\n\r\n'
                                .replace(b'" \r', b'"\r')),
    "7.1.2 trailers": chunked(b"0\r\nA: b\r\nContent-Type: c\r\n\r\n"),
    "9.3 pipelined": get() * 5,
    "9.3 pipelined with bodies": (post(b"Content-Length: 1", body=b"x") + get()
                                  + chunked(b"1\r\ny\r\n0\r\n\r\n")) * 2,
    "9.6 nothing after close": get(b"Connection: close") + b"\x00 nonsense",
    "9.6 nor after 1.0": b"GET / HTTP/1.0\r\n\r\n\x00 nonsense",
    "9.3 kept open in 1.0": b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 2,
    "9.6 close among others": get(b"Connection: a,, Close", b"Connection: keep-alive"),
    "7.8 RFC 9110: upgrade": get(b"Connection: Upgrade", b"Upgrade: websocket")
                              + b"\x81",
    "10.1.1 RFC 9110: expect": post(b"Expect: 100-Continue", b"Content-Length: 1",
                                    body=b"x"),
    "7.2 RFC 9110: empty Host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "7.2 RFC 9110: Host forms": b"".join(
        b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"
        for host in (b"a.example:8080", b"127.0.0.1", b"[2001:db8::1]", b"[::1]:80",
                     b"a:", b"%41_b")),
}  # fmt: skip

REJECTED = {
    # RFC 9112, 2.2
    "2.2 two empty lines": (400, b"\r\n\r\n" + get()),
    "2.2 bare LF ends the line": (400, b"GET / HTTP/1.1\nHost: a\r\n\r\n"),
    "2.2 bare LF everywhere": (400, b"GET / HTTP/1.1\nHost: a\n\n"),
    "2.2 bare LF first": (400, b"\n" + get()),
    "2.2 bare CR ends the line": (400, b"GET / HTTP/1.1\rHost: a\r\n\r\n"),
    "2.2 bare CR before CRLF": (400, b"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"),
    "2.2 bare CR in a value": (400, get(b"A: b\rc")),
    "2.2 bare LF in a value": (400, get(b"A: b\nc")),
    "2.2 bare LF ends the head": (400, b"GET / HTTP/1.1\r\nHost: a\r\n\n"),
    "2.2 bare CR ends the head": (400, b"GET / HTTP/1.1\r\nHost: a\r\n\rX"),
    "2.2 space before the first field": (400, b"GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    # 2.3
    "2.3 HTTP/2.0": (505, get(version=b"HTTP/2.0")),
    "2.3 HTTP/0.9": (505, get(version=b"HTTP/0.9")),
    "2.3 the preface of HTTP/2": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "2.3 no version": (400, b"GET /\r\n\r\n"),
    "2.3 lower case": (400, get(version=b"http/1.1")),
    "2.3 HTTP/1": (400, get(version=b"HTTP/1")),
    "2.3 HTTP/1.10": (400, get(version=b"HTTP/1.10")),
    "2.3 HTTP/11.1": (400, get(version=b"HTTP/11.1")),
    "2.3 HTTP/1,1": (400, get(version=b"HTTP/1,1")),
    "2.3 HTTP/+1.1": (400, get(version=b"HTTP/+1.1")),
    "2.3 other protocol": (400, get(version=b"HTTPS/1.1")),
    "2.3 space behind": (400, get(version=b"HTTP/1.1 ")),
    # 3
    "3 two spaces": (400, b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "3 tab": (400, b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    "3 space first": (400, b" GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "3 TLS on a plain port": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\n"),
    "3 too long": (414, get(target=b"/" + b"a" * 300)),
    "3 too long, endless": (414, b"GET /" + b"a" * 300),
    "3 a method longer than any": (501, b"G" * 300),
    "3 too long, and no method": (414, b"[" * 300),
    "3.1 method with colon": (400, get().replace(b"GET", b"G:T")),
    "3.1 empty method": (400, get().replace(b"GET", b"")),
    # 3.2
    "3.2 control character": (400, get(target=b"/\x01")),
    "3.2 NUL": (400, get(target=b"/a\x00b")),
    "3.2 DEL": (400, get(target=b"/\x7f")),
    "3.2 space": (400, get(target=b"/a b")),
    "3.2 fragment": (400, get(target=b"/a#b")),
    "3.2 bytes above 127": (400, get(target="/é".encode())),
    "3.2 excluded characters": (400, get(target=b"/<a>")),
    "3.2 backslash": (400, get(target=b"/\\a")),
    "3.2 braces in the path": (400, get(target=b"/{a}")),
    "3.2 quotes": (400, get(target=b'/?a="b"')),
    "3.2 angle brackets": (400, get(target=b"/?<a>")),
    "3.2 bad percent sign": (400, get(target=b"/%zz")),
    "3.2 half a percent sign": (400, get(target=b"/%4")),
    "3.2 no slash": (400, get(target=b"a/b")),
    "3.2 query alone": (400, get(target=b"?a")),
    "3.2.2 no host": (400, get(target=b"http:///a")),
    "3.2.2 port without host": (400, get(target=b"http://:80/a")),
    "3.2.2 user": (400, get(target=b"http://me@b/")),
    "3.2.2 other scheme": (400, get(target=b"ftp://b/")),
    "3.2.2 fragment": (400, get(target=b"http://b/#c")),
    "3.2.2 bad IPv6": (400, get(target=b"http://[:::]/")),
    "3.2.3 authority with GET": (400, get(target=b"b:443")),
    "3.2.3 CONNECT to a path": (400, get().replace(b"GET", b"CONNECT")),
    "3.2.3 CONNECT without port": (400, get(target=b"b").replace(b"GET", b"CONNECT")),
    "3.2.3 no host": (400, get(target=b":443").replace(b"GET", b"CONNECT")),
    "3.2.3 bad IPv6": (400, get(target=b"[1]:443").replace(b"GET", b"CONNECT")),
    "3.2.4 asterisk with GET": (400, get(target=b"*")),
    # 3.2 and RFC 9110, 7.2
    "3.2 no Host": (400, b"GET / HTTP/1.1\r\nA: b\r\n\r\n"),
    "3.2 no field at all": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "3.2 two Hosts": (400, get(b"Host: a")),
    "3.2 two Hosts in 1.0": (400, get(b"host: b", version=b"HTTP/1.0")),
    "3.2 Host with space": (400, get().replace(b": a", b": a b")),
    "3.2 Host with user": (400, get().replace(b": a", b": a@b")),
    "3.2 Host with path": (400, get().replace(b": a", b": a/b")),
    "3.2 Host with bad port": (400, get().replace(b": a", b": a:8x")),
    "3.2 Host with two ports": (400, get().replace(b": a", b": a:1:2")),
    "3.2 Host, bad IPv6": (400, get().replace(b": a", b": [::1")),
    "3.2 Host, no IPv6": (400, get().replace(b": a", b": [1.2.3]")),
    "3.2 Host, bytes above 127": (400, get().replace(b": a", b": \xe9")),
    "3.2 bad Host of an absolute": (
        400,
        get(target=b"http://b/").replace(b": a", b":/"),
    ),
    # 5
    "5 no colon": (400, get(b"A")),
    "5 no name": (400, get(b": b")),
    "5.1 space before colon": (400, get(b"A : b")),
    "5.1 tab before colon": (400, get(b"A\t: b")),
    "5.1 space in name": (400, get(b"A B: c")),
    "5.1 name above 127": (400, get(b"\xc3\xa9: c")),
    "5.1 NUL in name": (400, get(b"A\x00: c")),
    "5.1 brackets": (400, get(b"(A): c")),
    "5.2 obs-fold": (400, get(b"A: b", b" c")),
    "5.2 obs-fold with tab": (400, get(b"A: b", b"\tc: d")),
    "5.2 line of spaces": (400, get(b"  ")),
    "5.5 NUL in value": (400, get(b"A: b\x00c")),
    "5.5 control in value": (400, get(b"A: b\x0bc")),
    "5.5 DEL in value": (400, get(b"A: \x7f")),
    "5.4 too many fields": (431, get(*[b"A: b"] * 6)),
    "5.4 too long": (431, get(b"A: " + b"b" * 300)),
    "5.4 too long together": (431, get(*[b"A: " + b"b" * 70] * 5)),
    "5.4 endless": (431, get()[:-2] + b"A" * 400),
    # 6.1
    "6.1 with Content-Length": (
        400,
        post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    ),
    "6.1 in HTTP/1.0": (
        400,
        get(b"Transfer-Encoding: chunked", version=b"HTTP/1.0") + b"0\r\n\r\n",
    ),
    "6.1 not known": (400, post(b"Transfer-Encoding: xchunked")),
    "6.1 not known, then chunked": (501, post(b"Transfer-Encoding: gzip, chunked")),
    "6.1 over two lines": (
        501,
        post(b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"),
    ),
    "6.1 chunked not last": (400, post(b"Transfer-Encoding: chunked, gzip")),
    "6.1 chunked twice": (400, post(b"Transfer-Encoding: chunked, chunked")),
    "6.1 two lines": (400, post(*[b"Transfer-Encoding: chunked"] * 2)),
    "6.1 identity": (400, post(b"Transfer-Encoding: identity")),
    "6.1 empty": (400, post(b"Transfer-Encoding:")),
    "6.1 empty members": (400, post(b"Transfer-Encoding: ,chunked")),
    "6.1 empty last": (400, post(b"Transfer-Encoding: chunked,")),
    "6.1 quoted": (400, post(b'Transfer-Encoding: "chunked"')),
    "6.1 vertical tab": (400, post(b"Transfer-Encoding: \x0bchunked")),
    "6.1 space before colon": (400, post(b"Transfer-Encoding : chunked")),
    "6.1 with parameter": (400, post(b"Transfer-Encoding: chunked;a=b")),
    # 6.2
    "6.2 two": (400, post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello!")),
    "6.2 twice the same": (400, post(*[b"Content-Length: 5"] * 2, body=b"hello")),
    "6.2 a list": (400, post(b"Content-Length: 5, 5", body=b"hello")),
    "6.2 plus": (400, post(b"Content-Length: +5", body=b"hello")),
    "6.2 minus": (400, post(b"Content-Length: -5", body=b"hello")),
    "6.2 underscore": (400, post(b"Content-Length: 1_0", body=b"helloworld")),
    "6.2 hex": (400, post(b"Content-Length: 0x5", body=b"hello")),
    "6.2 point": (400, post(b"Content-Length: 5.0", body=b"hello")),
    "6.2 empty": (400, post(b"Content-Length:")),
    "6.2 space within": (400, post(b"Content-Length: 1 0")),
    "6.2 other digits": (400, post(b"Content-Length: \xb2")),
    "6.2 letters": (400, post(b"Content-Length: five")),
    "6.2 over the limit": (413, post(b"Content-Length: 1001")),
    "6.2 enormous": (413, post(b"Content-Length: " + b"9" * 200)),
    # 7.1
    "7.1 no size": (400, chunked(b"\r\n\r\n")),
    "7.1 size not hex": (400, chunked(b"g\r\nhello\r\n")),
    "7.1 size with 0x": (400, chunked(b"0x5\r\nhello\r\n")),
    "7.1 size with plus": (400, chunked(b"+5\r\nhello\r\n")),
    "7.1 size with minus": (400, chunked(b"-5\r\nhello\r\n")),
    "7.1 size with underscore": (400, chunked(b"1_0\r\nhello\r\n")),
    "7.1 space before size": (400, chunked(b" 5\r\nhello\r\n")),
    "7.1 space after size": (400, chunked(b"5 \r\nhello\r\n")),
    "7.1 bare LF after size": (400, chunked(b"5\nhello\r\n0\r\n\r\n")),
    "7.1 bare CR after size": (400, chunked(b"5\rhello\r\n0\r\n\r\n")),
    "7.1 data too long": (400, chunked(b"5\r\nhello!\r\n0\r\n\r\n")),
    "7.1 other bytes in place of CRLF": (400, chunked(b"5\r\nhelloXY0\r\n\r\n")),
    "7.1 bare LF after data": (400, chunked(b"5\r\nhello\n0\r\n\r\n")),
    "7.1 bare CR after data": (400, chunked(b"5\r\nhello\r0\r\n\r\n")),
    "7.1 over the limit": (413, chunked(b"3e9\r\n")),
    "7.1 over the limit together": (
        413,
        chunked(b"1f4\r\n" + b"x" * 500 + b"\r\n1f5\r\n"),
    ),
    "7.1 enormous size": (413, chunked(b"f" * 50 + b"\r\n")),
    "7.1 endless size": (400, chunked(b"0" * 80)),
    "7.1.1 no name": (400, chunked(b"5;\r\nhello\r\n")),
    "7.1.1 no value": (400, chunked(b"5;a=\r\nhello\r\n")),
    "7.1.1 open quote": (400, chunked(b'5;a="\r\nhello\r\n')),
    "7.1.1 bare LF": (400, chunked(b"5;a\nb\r\nhello\r\n")),
    "7.1.1 bare CR": (400, chunked(b"5;a\rb\r\nhello\r\n")),
    "7.1.1 NUL": (400, chunked(b"5;a=\x00\r\nhello\r\n")),
    "7.1.1 one too long": (400, chunked(b"5;" + b"a" * 80 + b"\r\nhello\r\n")),
    "7.1.1 many": (413, chunked((b"1;" + b"a" * 40 + b"\r\nx\r\n") * 5)),
    "7.1.2 malformed": (400, chunked(b"0\r\nA : b\r\n\r\n")),
    "7.1.2 folded": (400, chunked(b"0\r\nA: b\r\n c\r\n\r\n")),
    "7.1.2 bare LF": (400, chunked(b"0\r\nA: b\n\r\n")),
    "7.1.2 bare LF at the end": (400, chunked(b"0\r\n\n")),
    "7.1.2 too many": (431, chunked(b"0\r\n" + b"A: b\r\n" * 9 + b"\r\n")),
    "7.1.2 too long": (431, chunked(b"0\r\nA: " + b"b" * 400 + b"\r\n\r\n")),
    # RFC 9110, 10.1.1
    "10.1.1 unknown expectation": (417, post(b"Expect: miracles")),
}  # fmt: skip

INCOMPLETE = {
    "a part of the line": b"GET / HT",
    "a CR": get()[:-1],
    "no empty line": get()[:-2],
    "a part of the body": post(b"Content-Length: 5", body=b"hell"),
    "a part of a chunk": chunked(b"5\r\nhell"),
    "no end of a chunk": chunked(b"5\r\nhello\r"),
    "no last chunk": chunked(b"5\r\nhello\r\n"),
    "no end of the last chunk": chunked(b"5\r\nhello\r\n0\r\n"),
    "no end of the trailers": chunked(b"0\r\nA: b\r\n"),
}

STREAMS = [*ACCEPTED.values(), *(stream for _, stream in REJECTED.values()),
           *INCOMPLETE.values()]  # fmt: skip

# Heads for the readers in C and in Python: a short one, a browser's, and one with all
# the fields that count.
BARE = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"

BROWSER = b"\r\n".join(
    (
        b"GET /articles/winter%20fair?page=3&sort=date HTTP/1.1",
        b"Host: 127.0.0.1:8000",
        b"Connection: keep-alive",
        b"Cache-Control: max-age=0",
        b'sec-ch-ua: "Chromium";v="124", "Not-A.Brand";v="99"',
        b"sec-ch-ua-mobile: ?0",
        b'sec-ch-ua-platform: "Linux"',
        b"Upgrade-Insecure-Requests: 1",
        b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/124.0.0.0 Safari/537.36",
        b"Accept: text/html,application/xhtml+xml,image/avif,image/webp,*/*;q=0.8",
        b"Accept-Encoding: gzip, deflate, br, zstd",
        b"Accept-Language: en-GB,en;q=0.9,de;q=0.8",
        b"Referer: http://127.0.0.1:8000/articles/",
        b"Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; seen=17",
        b"",
        b"",
    )
)

POST = b"\r\n".join(
    (
        b"POST /a/~b;c?d=@e&f=/%2f!? HTTP/1.0",
        b"HOST:\t b.example:81 \t",
        b"content-LENGTH: 5",
        b"X: \xe9\t \x80",
        b"Expect: 100-continue",
        b"Connection: keep-alive",
        b"connection:Upgrade",
        b"Upgrade: websocket",
        b"Transfer-Encoding: gzip, chunked",
        b"Content-Length:",
        b"",
        b"hello",
    )
)
