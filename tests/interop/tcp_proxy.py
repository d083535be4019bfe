#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""
Passes one TCP connection on, as a network between the two ends would.

    tcp_proxy.py HOST LISTEN CONNECT record FILE    the file has what the client sent
    tcp_proxy.py HOST LISTEN CONNECT damage AT      one bit of the client's byte AT is another one
    tcp_proxy.py HOST LISTEN CONNECT cut AT         both connections end before that byte

LISTEN and CONNECT are ports of HOST. The connection to CONNECT is made when a client comes.
"""
import os
import socket
import sys
import threading

host, listen, target, mode, argument = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]


def pump(here, there, change):
    """change returns the bytes to pass on, and whether more may follow"""
    try:
        more = True
        while more and (data := here.recv(65536)):
            data, more = change(data)
            there.sendall(data)
    except OSError:
        pass
    os._exit(0)


def record(data):
    with open(argument, "ab") as file:
        file.write(data)
    return data, True


passed = 0


def disturb(data):
    global passed
    where = int(argument) - passed
    passed += len(data)
    if not 0 <= where < len(data):
        return data, True
    if mode == "cut":
        return data[:where], False
    return data[:where] + bytes([data[where] ^ 1]) + data[where + 1:], True


server = socket.create_server((host, listen))
client, _ = server.accept()
peer = socket.create_connection((host, target))
threading.Thread(target=pump, args=(peer, client, lambda data: (data, True))).start()
pump(client, peer, record if mode == "record" else disturb)
