# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""Clients of UNIX sockets that send a file and read the echo.

stream.py SOCKET FILE [SOCKET FILE]...   connects to each SOCKET, sends its
FILE and reads the same number of bytes, concurrently and in pieces of odd sizes;
prints for each the number of bytes and whether they are equal.
"""
import selectors
import socket
import sys

PIECE = 3001


class Client:
    def __init__(self, path, file):
        with open(file, "rb") as f:
            self.bytes = f.read()
        self.sent = 0
        self.got = b""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.sock.setblocking(False)

    def wants(self):
        sends = selectors.EVENT_WRITE if self.sent < len(self.bytes) else 0
        return selectors.EVENT_READ | sends

    def serve(self, events):
        if events & selectors.EVENT_WRITE:
            self.sent += self.sock.send(self.bytes[self.sent:self.sent + PIECE])
        if events & selectors.EVENT_READ:
            piece = self.sock.recv(PIECE)
            self.got += piece
            return bool(piece) and len(self.got) < len(self.bytes)
        return True


def run(clients):
    waits = selectors.DefaultSelector()
    for client in clients:
        waits.register(client.sock, client.wants(), client)
    while waits.get_map():
        for key, events in waits.select():
            if key.data.serve(events):
                waits.modify(key.fileobj, key.data.wants(), key.data)
            else:
                waits.unregister(key.fileobj)
                key.fileobj.close()


everybody = [Client(*pair) for pair in zip(sys.argv[1::2], sys.argv[2::2])]
run(everybody)
for one in everybody:
    print(len(one.got), "same" if one.got == one.bytes else "different")
