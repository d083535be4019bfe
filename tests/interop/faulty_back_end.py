#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""
A vhost-user back-end with one fault, for tests of "vhost-user-tool trace" and "check". It
uses none of the libraries.

    faulty_back_end.py PATH FAULT

    flags     replies have NEED_REPLY set, copied from the request's flags
    size      the reply to GET_QUEUE_NUM has 4 bytes
    twice     GET_PROTOCOL_FEATURES has two replies
    silent    GET_QUEUE_NUM has no reply
    dies      ends at GET_QUEUE_NUM without a reply, with status 3
    later     ends when a front-end that knows its queues has disconnected, with status 3
    large     the reply to GET_QUEUE_NUM has 5000 bytes
    slow      the reply to GET_QUEUE_NUM comes in bytes, one in 0.3 seconds
    stays     ignores SIGTERM
    offered   none: offers every feature

Serves one connection after another.
"""
import signal
import socket
import struct
import sys
import time

GET_FEATURES, GET_PROTOCOL, GET_QUEUES, GET_SLOTS = 1, 15, 17, 36
FEATURES, PROTOCOL = 1 << 30 | 1 << 32, 0x9
NEED_REPLY, ANSWER = 8, 5


def receive(sock, n):
    data = b""
    while len(data) < n:
        part = sock.recv(n - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def reply(sock, request, word, fault):
    payload = struct.pack("=Q", word)
    if fault == "size" and request == GET_QUEUES:
        payload = payload[:4]
    if fault == "large" and request == GET_QUEUES:
        payload = bytes(5000)
    flags = ANSWER | NEED_REPLY if fault == "flags" else ANSWER
    message = struct.pack("=III", request, flags, len(payload)) + payload
    if fault == "slow" and request == GET_QUEUES:
        for byte in message:
            time.sleep(0.3)
            sock.sendall(bytes([byte]))
    else:
        sock.sendall(message)


def answer(sock, request, flags, fault):
    words = {GET_FEATURES: FEATURES, GET_PROTOCOL: PROTOCOL, GET_QUEUES: 1, GET_SLOTS: 8}
    if request == GET_QUEUES and fault == "dies":
        sys.exit(3)
    if request == GET_QUEUES and fault == "silent":
        return
    if request in words or flags & NEED_REPLY:
        reply(sock, request, words.get(request, 0), fault)
    if request == GET_PROTOCOL and fault == "twice":
        reply(sock, request, PROTOCOL, fault)


def main(path, fault):
    if fault == "stays":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(4)
    while True:
        sock, _ = listener.accept()
        asked = False
        try:
            while True:
                request, flags, size = struct.unpack("=III", receive(sock, 12))
                asked = asked or request == GET_QUEUES
                receive(sock, size)
                answer(sock, request, flags, fault)
        except (EOFError, OSError):
            sock.close()
        if fault == "later" and asked:
            time.sleep(0.03)
            sys.exit(3)


main(*sys.argv[1:3])
