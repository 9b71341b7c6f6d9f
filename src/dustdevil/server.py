"""An HTTP/1.1 server: connections in, requests to the application, responses out.

The application is any callable `application(head, body, connection)`. It is called
once a request, with

- `head`, an `http1.Head`: method, target, version, headers. It belongs to the parser
  and is read only;
- `body`, a `Body`: `await body.read()` gives all of it, `async for chunk in body`
  gives it piece by piece, and reads no faster than the loop asks. What the
  application leaves unread is thrown away;
- `connection`: `remote` and `local` are the two addresses, as `socket.getpeername()`
  gives them, `scheme` is "http" or "https".

It returns a response, or a coroutine that returns one. A response is any object with
these five attributes:

    status    an int from 200 to 599, or 101 with an `upgrade`
    headers   pairs of str. Content-Length, Transfer-Encoding and Connection are
              refused: they are the server's to write, and so is Date
    body      bytes, or an asynchronous iterator of bytes
    length    None, or the number of bytes that an iterator will give. Without one,
              the body is sent in chunks
    upgrade   None, or an async callable: after the head with status 101 is sent, the
              server awaits `upgrade(stream)` and lets go of the connection. What the
              client sent after its request is read from the stream first

A response to HEAD is written like that to GET, and the server sends only its head.
An iterator that is not read to its end is closed with `aclose()`, if it has that.
When the client goes away while the application still works, its coroutine is
cancelled: `CancelledError` is raised where it waits. An exception from it is logged
and answered with a 500; `http1.ProtocolError(status, reason)`, raised by reading a
bad or too large body, is answered with its own status.
"""
