#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""
A vhost-user back-end with one shared memory region of 1 MiB, for tests of cvmm's
windows. It uses none of the libraries.

    back_end.py toggle PATH N          maps a file, then truncates and extends it
                                       N times
    back_end.py cut-and-unmap PATH N   maps, truncates and unmaps, N times
    back_end.py file PATH FILE         maps FILE, 1 MiB long, and keeps it
    back_end.py broken PATH HOW        maps, then sends a message that closes its channel:
                                       version, reply, length or descriptors
    back_end.py huge PATH              maps huge pages, none of which are free
    back_end.py greedy PATH N OTHER    maps every second page until a request is
                                       refused or N are mapped, waits for the
                                       file OTHER, unmaps all and maps one again
    back_end.py flood PATH             maps and unmaps a page without NEED_REPLY
                                       until its channel is closed
    back_end.py stateful PATH          has three queues and a configuration space, moves
                                       its state, but no windows, and keeps no state
                                       beside an in-flight area: as sockets of another
                                       project

Prints "mapped" when the guest may read, "refused" if the map was refused, and
"done" at the end; runs until the front-end disconnects.
"""
import array
import os
import socket
import struct
import sys
import threading
import time

GET_FEATURES, GET_BASE, SET_KICK = 1, 11, 12
GET_PROTOCOL, GET_QUEUES, ENABLE, SET_CHANNEL = 15, 17, 18, 21
GET_CONFIG, GET_SLOTS, GET_STATUS, GET_SHMEM = 24, 36, 40, 44
CONFIG_CHANGE, MAP, UNMAP = 2, 9, 10
VERSION_1, PROTOCOL_FEATURES = 1 << 32, 1 << 30
REPLY_ACK, BACKEND_REQ, SEND_FD, SLOTS, SHMEM = 1 << 3, 1 << 5, 1 << 10, 1 << 15, 1 << 22
MQ, CONFIG, STATUS, DEVICE_STATE = 1 << 0, 1 << 9, 1 << 16, 1 << 19
NEED_REPLY, ANSWER = 8, 5
WINDOW = 1 << 20
PAGE = 4096


class BackEnd:
    def __init__(self, path):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        self.socket, _ = listener.accept()
        self.channel, self.running = None, threading.Event()

    def receive(self, n, fds):
        data = b""
        while len(data) < n:
            part, extra, _, _ = self.socket.recvmsg(n - len(data), 4096)
            for _, _, rights in extra:
                fds += array.array("i", rights[:len(rights) // 4 * 4])
            if not part:
                raise EOFError
            data += part
        return data

    def answer_to(self, request, payload):
        value = {GET_FEATURES: VERSION_1 | PROTOCOL_FEATURES,
                 GET_PROTOCOL: REPLY_ACK | BACKEND_REQ | SEND_FD | SLOTS | SHMEM,
                 GET_QUEUES: 1, GET_SLOTS: 32, GET_STATUS: 15}.get(request)
        if value is not None:
            return struct.pack("=Q", value)
        if request == GET_BASE:
            return payload[:4] + bytes(4)
        if request == GET_CONFIG:
            return payload[:12] + bytes(len(payload) - 12)
        if request == GET_SHMEM:
            return struct.pack("=II256Q", 1, 0, WINDOW, *[0] * 255)
        return None

    def serve_one(self):
        fds = []
        request, flags, size = struct.unpack("=III", self.receive(12, fds))
        payload = self.receive(size, fds) if size else b""
        answer = self.answer_to(request, payload)
        if answer is None and flags & NEED_REPLY:
            answer = bytes(8)
        if request == SET_CHANNEL:
            self.channel = socket.socket(fileno=fds.pop())
            self.channel.settimeout(60)
        for fd in fds:
            os.close(fd)
        if answer is not None:
            self.socket.sendall(struct.pack("=III", request, ANSWER, len(answer)) + answer)
        if request == ENABLE:
            self.running.set()

    def serve(self):
        try:
            while True:
                self.serve_one()
        except (EOFError, OSError):
            os._exit(0)

    def ask(self, request, fds=(), at=0, size=WINDOW):
        """Maps the whole window or a piece; returns the reply of the front-end."""
        payload = struct.pack("=B7x4Q", 0, at if request == MAP else 0, at, size, 1 if request == MAP else 0)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
        head = struct.pack("=III", request, 1 | NEED_REPLY, len(payload))
        self.channel.sendmsg([head + payload], rights if fds else [])
        return struct.unpack("=IIIQ", self.channel.recv(20, socket.MSG_WAITALL))[3]


class Stateful(BackEnd):
    def answer_to(self, request, payload):
        value = {GET_PROTOCOL: MQ | REPLY_ACK | CONFIG | SLOTS | STATUS | DEVICE_STATE, GET_QUEUES: 3}.get(request)
        return super().answer_to(request, payload) if value is None else struct.pack("=Q", value)


def wait(_):
    """Until the front-end disconnects."""
    threading.Event().wait()


def new_file(flags=0, size=WINDOW):
    fd = os.memfd_create("window", flags)
    os.ftruncate(fd, size)
    return fd


def say(word):
    print(word, flush=True)


def map_it(peer, fd):
    say("refused" if peer.ask(MAP, [fd]) else "mapped")


def toggle(peer, n):
    fd = new_file()
    map_it(peer, fd)
    for i in range(int(n)):
        os.ftruncate(fd, 0)
        os.ftruncate(fd, WINDOW)
        if i % 100 == 99:    # it may have been taken away: once more
            peer.ask(UNMAP)
            peer.ask(MAP, [fd])


def cut_and_unmap(peer, n):
    for i in range(int(n)):
        fd = new_file()
        failed = peer.ask(MAP, [fd])
        if not i:
            say("refused" if failed else "mapped")
        os.ftruncate(fd, 0)
        peer.ask(UNMAP)
        os.close(fd)


def file(peer, path):
    map_it(peer, os.open(path, os.O_RDWR))


def broken(peer, how):
    map_it(peer, new_file())
    flags, size, n = {"version": (2, 0, 0), "reply": (5, 0, 0), "length": (1, 1 << 31, 0),
                      "descriptors": (1, 0, 64)}[how]
    rights = array.array("i", [peer.channel.fileno()] * n)
    peer.channel.sendmsg([struct.pack("=III", CONFIG_CHANGE, flags, size)],
                         [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if n else [])
    try:
        assert peer.channel.recv(1) == b"", "the channel continues"
    except ConnectionResetError:
        pass    # closed before all of it was read


def huge(peer):
    map_it(peer, new_file(os.MFD_HUGETLB, 2 << 20))


def greedy(peer, n, other):
    fd, places = new_file(), range(0, WINDOW, 2 * PAGE)
    had = []
    for at in places[:int(n)]:
        if peer.ask(MAP, [fd], at, PAGE):
            break
        had.append(at)
    say(f"has {len(had)}")
    say("mapped" if had else "refused")
    while not os.path.exists(other):
        time.sleep(0.01)
    for at in had:
        assert not peer.ask(UNMAP, [], at, PAGE), "an unmap was refused"
    say("again" if not peer.ask(MAP, [fd], 0, PAGE) else "refused again")


def flood(peer):
    map_it(peer, new_file())
    peer.ask(UNMAP)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [new_file(size=PAGE)]))]
    pair = b"".join(struct.pack("=IIIB7x4Q", request, 1, 40, 0, 0, 0, PAGE, request == MAP) for request in (MAP, UNMAP))
    peer.channel.setblocking(True)
    first = os.getpid()
    for _ in range(3):    # faster than they are served
        if not os.fork():
            break
    try:
        while True:
            peer.channel.sendmsg([pair], rights)
    except OSError:
        pass    # the machine has ended
    if os.getpid() != first:
        os._exit(0)


if __name__ == "__main__":
    peer = (Stateful if sys.argv[1] == "stateful" else BackEnd)(sys.argv[2])
    threading.Thread(target=peer.serve, daemon=True).start()
    peer.running.wait()
    {"toggle": toggle, "cut-and-unmap": cut_and_unmap, "file": file,
     "broken": broken, "huge": huge, "greedy": greedy, "flood": flood, "stateful": wait}[sys.argv[1]](peer, *sys.argv[3:])
    say("done")
    threading.Event().wait()
