# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""vhost-user messages as in the protocol's document."""
import os
import socket
import struct

(GET_FEATURES, SET_FEATURES, SET_OWNER, RESET_OWNER, SET_MEM_TABLE, SET_LOG_BASE, SET_LOG_FD, SET_VRING_NUM,
 SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE, SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR,
 GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, GET_QUEUE_NUM, SET_VRING_ENABLE) = range(1, 19)
SET_BACKEND_REQ_FD, IOTLB_MSG, GET_CONFIG, SET_CONFIG = 21, 22, 24, 25
RESET_DEVICE, GET_MAX_MEM_SLOTS, ADD_MEM_REG, REM_MEM_REG, SET_STATUS, GET_STATUS = 34, 36, 37, 38, 39, 40
GET_SHMEM_CONFIG = 44
BACKEND_IOTLB_MSG, SHMEM_MAP, SHMEM_UNMAP = 1, 9, 10     # of a back-end
IOTLB_UPDATE, IOTLB_INVALIDATE = 2, 3

VERSION, REPLY, NEED_REPLY = 1, 4, 8
F_PROTOCOL, F_VERSION_1, F_LOG_ALL, F_PLATFORM = 1 << 30, 1 << 32, 1 << 26, 1 << 33
P_LOG, P_REPLY_ACK, P_BACKEND_REQ, P_SEND_FD, P_SLOTS, P_STATUS, P_SHMEM = (
    1 << 1, 1 << 3, 1 << 5, 1 << 10, 1 << 15, 1 << 16, 1 << 22)


def u64(value):
    return struct.pack("<Q", value)


class Channel:
    """A socket with messages; raises OSError at a time-out or hang-up."""

    def __init__(self, sock, timeout=10):
        self.sock = sock
        sock.settimeout(timeout)

    def send(self, request, payload=b"", fds=(), flags=VERSION):
        self.raw(struct.pack("<III", request, flags, len(payload)) + payload, fds)

    def raw(self, data, fds=()):
        if fds:
            socket.send_fds(self.sock, [data], list(fds))
        else:
            self.sock.sendall(data)

    def exact(self, size, fds):
        data = b""
        while len(data) < size:
            piece, more, _, _ = socket.recv_fds(self.sock, size - len(data), 32)
            fds += more
            if not piece:
                raise ConnectionError("the peer hung up")
            data += piece
        return data

    def receive(self):
        """(request, flags, payload, descriptors)"""
        fds = []
        request, flags, size = struct.unpack("<III", self.exact(12, fds))
        return request, flags, self.exact(size, fds) if size else b"", fds

    def ask(self, request, payload=b"", fds=()):
        """The payload of the reply, or the value of an acknowledgement."""
        asks = request in (GET_FEATURES, GET_PROTOCOL_FEATURES, GET_QUEUE_NUM, GET_VRING_BASE, GET_CONFIG,
                           GET_MAX_MEM_SLOTS, GET_STATUS)
        self.send(request, payload, fds, VERSION | (0 if asks else NEED_REPLY))
        _, _, answer, got = self.receive()
        for fd in got:
            os.close(fd)
        return answer
