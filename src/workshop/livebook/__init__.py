"""The live book: the server that shows these pages and runs their cells.

A *kernel* is a process that runs code for other programs. Jupyter's kernels speak
ZeroMQ: a message goes to the kernel on a request channel (`shell`, `control`), its
answer comes back there, and everything the code prints or draws is published on a
third channel, `iopub`. A browser cannot speak ZeroMQ. So a gateway stands between
them: one WebSocket a page on the one side, the kernel's ZeroMQ sockets on the other.

    browser ── WebSocket ── Client ┐                       ┌ shell   ┐
                                   ├── Kernel ── Channels ─┤ control ├─ kernel process
    browser ── WebSocket ── Client ┘                       │ stdin   │
                                                           └ iopub   ┘

Who waits for whom? Output flows one way, and each part waits for the next one only:

    cell ─▶ kernel's sender ─▶ ZeroMQ ─▶ server ─▶ mailbox ─▶ WebSocket ─▶ page

A cell waits until the sender has room, and the sender until the server has read
(`inkernel`). There the waiting ends: the server reads whatever a kernel says, at once,
and keeps what matters of it (`runs`); a mailbox that a page can't empty in time forgets
what is out of date (`client`). So no page, however slow, can hold up a kernel, and no
two limits can wait for each other. What a page has missed it is told when it comes back
(`reporter`).

All of it runs on one Dust Devil loop: the pages, the WebSockets, the ZeroMQ sockets
and the end of each kernel process are file descriptors that one poller watches.
"""
