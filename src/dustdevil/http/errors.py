"""What is raised where a peer does not keep to HTTP."""


class ProtocolError(Exception):
    """The peer broke the rules, or a limit; `status` is the answer it gets.

    `method` is that of a request whose first line was read before the error: an
    answer to HEAD has no body, whatever it says (RFC 9110, 9.3.2).
    """

    method = ""

    def __init__(self, status: int, reason: str):
        super().__init__(status, reason)
        self.status = status
        self.reason = reason
