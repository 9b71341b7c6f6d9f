"""The live book: the server that shows these pages and runs their cells.

A *kernel* is a process that runs code for somebody else. Jupyter's kernels speak
ZeroMQ: a message goes to the kernel on a request channel (`shell`, `control`), its
answer comes back there, and everything the code prints or draws is published on a
third channel, `iopub`. A browser cannot speak ZeroMQ. So a gateway stands between
them: one WebSocket a page on the one side, the kernel's ZeroMQ sockets on the other.

    browser ── WebSocket ── Client ┐                       ┌ shell   ┐
                                   ├── Kernel ── Channels ─┤ control ├─ kernel process
    browser ── WebSocket ── Client ┘                       │ stdin   │
                                                           └ iopub   ┘

All of it runs on one Dust Devil loop: the pages, the WebSockets, the ZeroMQ sockets
and the end of each kernel process are file descriptors that one poller watches.
"""
