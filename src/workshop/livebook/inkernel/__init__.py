"""The kernel process of the live book: ipykernel, with a few parts of our own.

    python -m workshop.livebook.inkernel -f kernel.json

starts an ordinary ipykernel. What differs from it stands in four modules:

    app         limits that never change, no TCP port, no file of the reader's profile
    publishing  what the kernel says waits in bounded memory until it is on its way
    printing    text is printed no faster than a page can show it
    parents     what a thread prints is shown under the cell that started the thread
"""
