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

With a device that fills the writable buffers of ring 0 with 0x5a:

    ring      none but these: ignores SET_VRING_ENABLE, goes on after GET_VRING_BASE,
              and calls a driver that does not wait
    overrun   writes one byte behind a writable buffer
    loop      ends at a chain that is a loop, with status 3
    leaves    ends at a chain that is a loop, with status 0
    length    reports one byte more than it has written
    mute      never signals a used buffer
    forgets   the reply to GET_VRING_BASE has the base 0

Serves one connection after another.
"""
import mmap
import os
import selectors
import signal
import socket
import struct
import sys
import time

GET_FEATURES, GET_PROTOCOL, GET_QUEUES, GET_SLOTS = 1, 15, 17, 36
SET_TABLE, SET_ADDR, SET_BASE, GET_BASE, SET_KICK, SET_CALL = 5, 9, 10, 11, 12, 13
RINGS = "ring", "overrun", "loop", "leaves", "length", "mute", "forgets"
FEATURES, PROTOCOL = 1 << 30 | 1 << 32, 0x9
NEED_REPLY, ANSWER = 8, 5


class Ring:
    """A split ring of 64 entries in one region of memory."""

    def __init__(self, fault):
        self.fault = fault
        self.memory = self.addr = self.kick = self.call = None
        self.guest = self.user = self.next = 0

    def close(self):
        for fd in (self.kick, self.call):
            if fd is not None:
                os.close(fd)

    def table(self, payload, fds):
        if len(payload) == 40 and len(fds) == 1:
            self.guest, size, self.user, offset = struct.unpack_from("=4Q", payload, 8)
            try:
                self.memory = mmap.mmap(fds[0], size, offset=offset)
            except (OSError, ValueError, OverflowError):
                self.memory = None

    def request(self, number, payload, fds):
        if number == SET_TABLE:
            self.table(payload, fds)
        elif number == SET_ADDR and len(payload) == 40:
            self.addr = [a - self.user for a in struct.unpack_from("=3Q", payload, 8)]
        elif number == SET_BASE and len(payload) == 8:
            self.next = struct.unpack("=2I", payload)[1] & 0xffff
        elif number in (SET_KICK, SET_CALL) and len(fds) == 1 and len(payload) == 8:
            name = "kick" if number == SET_KICK else "call"
            if getattr(self, name) is not None:
                os.close(getattr(self, name))
            setattr(self, name, os.dup(fds[0]))

    def word(self, area, offset, value=None):
        at = self.addr[area] + offset
        if value is not None:
            struct.pack_into("=H", self.memory, at, value)
        return struct.unpack_from("=H", self.memory, at)[0]

    def chain(self, head):
        """The buffers of a chain, as far as they are valid."""
        index, seen = head, 0
        while index < 64:
            addr, size, flags, follow = struct.unpack_from(
                "=QIHH", self.memory, self.addr[0] + 16 * index)
            at = addr - self.guest
            if at < 0 or at + size > len(self.memory):
                return
            yield at, size, flags
            seen += 1
            if not flags & 1 or seen == 64:
                if seen == 64 and self.fault in ("loop", "leaves"):
                    sys.exit(3 if self.fault == "loop" else 0)
                return
            index = follow

    def fill(self, head):
        written = 0
        for at, size, flags in self.chain(head):
            if flags & 2 and size < 4096:
                behind = 1 if self.fault == "overrun" else 0
                self.memory[at:at + size + behind] = b"\x5a" * (size + behind)
                written += size
        return written + (self.fault == "length")

    def run(self):
        os.read(self.kick, 8)
        if not self.memory or not self.addr:
            return
        for _ in range(64):
            if self.word(2, 2) == self.next:
                break
            head = self.word(2, 4 + 2 * (self.next % 64))
            used = self.word(1, 2)
            struct.pack_into("=II", self.memory, self.addr[1] + 4 + 8 * (used % 64),
                             head, self.fill(head))
            self.word(1, 2, (used + 1) & 0xffff)
            self.next = (self.next + 1) & 0xffff
        if self.call is not None and self.fault != "mute":
            os.write(self.call, struct.pack("=Q", 1))


def wait(sock, ring):
    """Until the socket is readable; runs the ring meanwhile."""
    while ring.kick is not None:
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_READ)
            selector.register(ring.kick, selectors.EVENT_READ)
            ready = [key.fileobj for key, _ in selector.select()]
        if sock in ready:
            return
        ring.run()


def receive(sock, n, fds=None):
    data = b""
    while len(data) < n:
        part, more = socket.recv_fds(sock, n - len(data), 253)[:2]
        if fds is None:
            for fd in more:
                os.close(fd)
        else:
            fds.extend(more)
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


def serve(sock, ring, fault):
    """One request; true if it asks for the queues."""
    fds = []
    wait(sock, ring)
    try:
        request, flags, size = struct.unpack("=III", receive(sock, 12, fds))
        payload = receive(sock, size)
        if fault in RINGS:
            ring.request(request, payload, fds)
    finally:
        for fd in fds:
            os.close(fd)
    if request == GET_BASE and fault in RINGS:
        sock.sendall(struct.pack("=5I", request, ANSWER, 8, 0,
                                 0 if fault == "forgets" else ring.next))
    else:
        answer(sock, request, flags, fault)
    return request == GET_QUEUES


def main(path, fault):
    if fault == "stays":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(4)
    while True:
        sock, _ = listener.accept()
        asked = False
        ring = Ring(fault)
        try:
            while True:
                asked = serve(sock, ring, fault) or asked
        except (EOFError, OSError):
            sock.close()
        ring.close()
        if fault == "later" and asked:
            time.sleep(0.03)
            sys.exit(3)


main(*sys.argv[1:3])
