#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""
A vhost-user back-end that writes the guest's memory all the time and logs the pages
during a migration, for tests of cvmm. It uses none of the libraries, and no ring.

    logging_back_end.py HOW PATH

HOW is "writes", or what it does otherwise:

    idle        writes nothing
    no-log      does not offer a log
    all         sets all bits of the log, also beyond the memory
    truncate    tries to truncate the log
    deaf-log    answers nothing from SET_LOG_BASE on
    dies-log    disconnects instead
    deaf-base   answers nothing from the second GET_VRING_BASE on
    dies-base   disconnects instead

Prints "log on" and "log off" when that changes while a ring is enabled, "rings logged" if
the front-end requested it for a ring, and at the end of the rings "last N": the number that
it has written at the addresses AT of all pages. Runs until the front-end disconnects.
"""
import array
import mmap
import os
import socket
import struct
import sys
import threading

GET_FEATURES, SET_FEATURES, ADDR_OF_RING, SET_BASE, GET_BASE = 1, 2, 9, 10, 11
SET_LOG, GET_PROTOCOL, GET_QUEUES, ENABLE, GET_SLOTS, ADD_MEMORY = 6, 15, 17, 18, 36, 37
VERSION_1, PROTOCOL_FEATURES, LOG_ALL = 1 << 32, 1 << 30, 1 << 26
LOG_SHMFD, REPLY_ACK, SLOTS = 1 << 1, 1 << 3, 1 << 15
NEED_REPLY, ANSWER = 8, 5
PAGE = 4096
AT, PAGES = 48 << 20, 16    # in memory that the guest does not use


def say(word):
    print(word, flush=True)


class BackEnd:
    def __init__(self, how, path):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        self.socket, _ = listener.accept()
        self.how, self.memory, self.log = how, None, None
        self.logs, self.bases, self.stops, self.last = False, {}, 0, 0
        self.writer, self.running = None, False

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

    def write_pages(self):
        while self.running:
            self.last += 1
            for page in range(AT, AT + PAGES * PAGE, PAGE):
                self.memory[page:page + 8] = struct.pack("=Q", self.last)
                if self.logs:
                    self.log[page // PAGE // 8] |= 1 << page // PAGE % 8

    def start(self):
        self.running = True
        if self.logs and self.how == "all":
            self.log[:] = b"\xff" * len(self.log)
        if self.how == "writes" and not self.writer:
            self.writer = threading.Thread(target=self.write_pages)
            self.writer.start()

    def stop(self):
        if self.running:
            self.stops += 1
        self.running = False
        if self.writer:
            self.writer.join()
            self.writer = None
            say(f"last {self.last}")

    def set_log(self, payload, fds):
        if self.how == "dies-log":
            os._exit(0)
        if self.how == "truncate":
            try:
                os.ftruncate(fds[0], 0)
                say("truncated")
            except PermissionError:
                say("sealed")
        self.log = mmap.mmap(fds[0], struct.unpack("=QQ", payload)[0])
        if self.how == "deaf-log":
            threading.Event().wait()
        return payload

    def set_features(self, payload):
        logs = bool(struct.unpack("=Q", payload)[0] & LOG_ALL)
        if logs != self.logs:
            say("log on" if logs else "log off")
        self.logs = logs

    def get_base(self, payload):
        self.stop()
        if self.stops > 1 and self.how == "dies-base":
            os._exit(0)
        if self.stops > 1 and self.how == "deaf-base":
            threading.Event().wait()
        return payload[:4] + struct.pack("=I", self.bases.get(payload[:4], 0))

    def answer_to(self, request, payload, fds):
        log = 0 if self.how == "no-log" else LOG_ALL
        value = {GET_FEATURES: VERSION_1 | PROTOCOL_FEATURES | log,
                 GET_PROTOCOL: LOG_SHMFD | REPLY_ACK | SLOTS,
                 GET_QUEUES: 3, GET_SLOTS: 32}.get(request)
        if value is not None:
            return struct.pack("=Q", value)
        if request == GET_BASE:
            return self.get_base(payload)
        if request == SET_LOG:
            return self.set_log(payload, fds)
        if request == SET_FEATURES:
            self.set_features(payload)
        if request == SET_BASE:
            self.bases[payload[:4]] = struct.unpack("=II", payload)[1]
        if request == ADDR_OF_RING and struct.unpack("=II", payload[:8])[1] & 1:
            say("rings logged")
        if request == ADD_MEMORY and not self.memory:
            self.memory = mmap.mmap(fds[0], struct.unpack("=5Q", payload)[2])
        return None

    def serve_one(self):
        fds = []
        request, flags, size = struct.unpack("=III", self.receive(12, fds))
        payload = self.receive(size, fds) if size else b""
        answer = self.answer_to(request, payload, fds)
        if answer is None and flags & NEED_REPLY:
            answer = bytes(8)
        for fd in fds:
            os.close(fd)
        if request == ENABLE:
            self.start()
        if answer is not None:
            self.socket.sendall(struct.pack("=III", request, ANSWER, len(answer)) + answer)


if __name__ == "__main__":
    peer = BackEnd(sys.argv[1], sys.argv[2])
    try:
        while True:
            peer.serve_one()
    except (EOFError, OSError):
        peer.stop()
