# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""A back-end that misbehaves once its device runs, or from the start."""
import os
import socket
import struct
import threading

import odd
from wire import *

WINDOW = 1 << 20


class Backend:
    """Serves one front-end after another on a thread; without odds its replies are valid."""

    def __init__(self, path, dice, odds=None):
        self.dice, self.odds, self.channel = dice, odds, None
        self.running = threading.Event()
        self.over = threading.Event()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(4)
        self.fds = []
        self.main = None
        threading.Thread(target=self.serve_all, daemon=True).start()

    def close(self):
        self.listener.close()
        for fd in self.fds:
            odd.close(fd)
        if self.channel:
            self.channel.sock.close()

    def serve_all(self):
        try:
            sock, _ = self.listener.accept()
            self.main = Channel(sock, 60)
            while True:
                self.serve(*self.main.receive())
        except OSError:
            pass
        if self.main:
            self.main.sock.close()
        self.over.set()

    def serve(self, request, flags, payload, fds):
        if request == SET_BACKEND_REQ_FD:
            self.channel = Channel(socket.socket(fileno=os.dup(fds[0])), 5)
        if request == SET_VRING_ENABLE:
            self.running.set()
        self.fds += fds
        answer = self.answer(request, payload)
        if answer is None and flags & NEED_REPLY:
            answer = u64(0)
        if answer is None:
            return
        if self.odds and self.dice.random() < 0.1:
            self.answer_oddly(request, answer)
        else:
            self.main.send(request, answer, flags=VERSION | REPLY)

    def answer(self, request, payload):
        if request == GET_SHMEM_CONFIG:
            return struct.pack("<II256Q", 1, 0, WINDOW, *[0] * 255)
        if request == GET_CONFIG:
            return payload[:12] + bytes(len(payload) - 12)
        if request == GET_VRING_BASE:
            return payload[:4] + bytes(4)
        values = {GET_FEATURES: F_VERSION_1 | F_PROTOCOL, GET_QUEUE_NUM: 1, GET_MAX_MEM_SLOTS: 32, GET_STATUS: 15,
                  GET_PROTOCOL_FEATURES: P_REPLY_ACK | P_BACKEND_REQ | P_SEND_FD | P_SLOTS | P_SHMEM}
        return u64(values[request]) if request in values else None

    def answer_oddly(self, request, answer):
        way = self.dice.randrange(6)
        fds = [self.odds.make(self.main.sock) for _ in range(self.dice.randint(0, 3))]
        if way == 0:
            self.main.send(request, answer[:-1], fds, VERSION | REPLY)
        elif way == 1:
            self.main.send(request + 1, answer, fds, VERSION | REPLY)
        elif way == 2:
            self.main.send(request, self.dice.randbytes(len(answer)), fds, VERSION | REPLY)
        elif way == 3:
            self.main.send(request, answer, fds, self.dice.randrange(16))
        elif way == 4:
            self.main.raw(self.dice.randbytes(64), fds)
            self.main.sock.shutdown(socket.SHUT_RDWR)   # or it waits for the rest
        else:
            self.main.sock.shutdown(socket.SHUT_RDWR)
        for fd in fds:
            odd.close(fd)

    # --- the channel to the front-end ---

    def shmem(self, request, at, size, fd=None, writable=True):
        payload = struct.pack("<B7xQQQQ", 0, 0, at, size, 1 if writable and fd is not None else 0)
        self.channel.send(request, payload, [fd] if fd is not None else [], VERSION | NEED_REPLY)
        return self.result(request)

    def result(self, request):
        """Random requests may have been answered already."""
        while True:
            answered, _, payload, fds = self.channel.receive()
            for fd in fds:
                os.close(fd)
            if answered == request:
                return struct.unpack("<Q", payload)[0]

    def map_something(self):
        """Maps, and unmaps again if the map was granted."""
        fd = self.odds.make(self.main.sock)
        at, size = self.dice.randrange(16) * 65536, self.dice.choice([4096, 65536, 65536])
        try:
            if self.shmem(SHMEM_MAP, at, size, fd, self.dice.random() < 0.7) == 0:
                if self.dice.random() < 0.2:
                    self.cut(fd)
                self.shmem(SHMEM_UNMAP, at, size)
        finally:
            odd.close(fd)

    def cut(self, fd):
        try:
            os.ftruncate(fd, 0)
        except OSError:
            pass

    def any_request(self):
        fds = [self.odds.make(self.main.sock) for _ in range(self.dice.randint(0, 3))]
        size = self.dice.choice([0, 8, 40, self.dice.randint(0, 100)])
        self.channel.send(self.dice.choice([0, 1, 2, 3, 6, 7, 8, 11, 77]), self.dice.randbytes(size), fds)
        for fd in fds:
            odd.close(fd)

    def misbehave(self):
        self.dice.choice([self.map_something, self.map_something, self.map_something, self.any_request])()
