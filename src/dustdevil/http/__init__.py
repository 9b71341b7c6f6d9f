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

A GET, from the bytes in to the bytes out. Each line calls the one below it, further in
or as far in as itself, and gets an answer back.

    loop.eventloop          turn()          the poller says: this socket is readable
      stream.iostream       _on_ready()     one recv(2)
        http.connection     _on_data()      `_converse` goes on behind its `yield`
          http.parser       receive(), next_event()   is the head complete?
            speedups        split_head()    in C or in Python: its parts by the grammar
            http.head       make_request()  what they mean: a Head
          the application   (head, body, connection): a route, a handler, a response
          http.writer       begin()         the response's head as bytes
          stream.iostream   write()         kept to the end of the turn
      stream.iostream       _flush()        one send(2)

A POST is the same as far as the application. That awaits the body:

          http.body         Body.read()     asks the connection for the next piece
            http.parser     next_event()    Data, End, or None: more bytes are needed
            http.connection _more_of_body() a Future; the coroutine becomes a Task, and
                                            `_converse` waits for that at a `yield`

Bytes come, `_on_data` gives them to the parser and sets the Future's result, and the
Task goes on where it was. When it is done, so does `_converse`, with the response.
"""

from dustdevil import homes, lazy_names

HOMES = homes(
    connection="Connection",
    headers="Headers Pair",
    grammar="FIELD HOST_PORT REQUEST_HEAD TOKEN USUAL_HEAD",
    framing="BODILESS Limits",
    head="Head ResponseHead",
    parser="Closed Data End Parser Role",
    errors="ProtocolError",
    writer="field_line",
    body="Body NO_BODY Page close",
    server="Server ServerSettings",
    serving="run serve url",
    outgoing="ClientError",
    client="Client ClientSettings",
)

__all__ = sorted(HOMES)
__getattr__ = lazy_names(__name__, HOMES)
