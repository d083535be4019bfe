# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# faulty_front_end.py SOCKET FAULT: a front-end of vhost-user that negotiates, with one
# planted fault, for tests of "vhost-user-tool check-frontend". Faults of the back-end channel:
#
#     channel   none: SHMEM_MAP of region 0 is acknowledged, and what is beyond is refused
#     maps      each SHMEM_MAP is acknowledged
#     mute      SHMEM_MAP has no reply
import array
import os
import signal
import socket
import struct
import sys
import time

GET_FEATURES, SET_FEATURES, SET_OWNER, SET_MEM_TABLE = 1, 2, 3, 5
SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_KICK, SET_VRING_ENABLE = 8, 9, 12, 18
GET_VRING_BASE, GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES = 11, 15, 16
SET_BACKEND_REQ_FD, SHMEM_MAP, SHMEM_SIZE = 21, 9, 1 << 20
path, fault = sys.argv[1:]
has_channel = fault in ("channel", "maps", "mute")
peer = socket.socket(socket.AF_UNIX)
peer.connect(path)


def send(number, payload=b"", flags=1, fds=()):
    peer.sendmsg(
        [struct.pack("=III", number, flags, len(payload)) + payload],
        [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [],
    )


def get(number):
    send(number)
    header = peer.recv(12, socket.MSG_WAITALL)
    if len(header) < 12:
        sys.exit(1)
    answered, _, size = struct.unpack("=III", header)
    if answered != number and fault == "dies":
        os.abort()
    if answered != number or size != 8:
        sys.exit(1)
    return struct.unpack("=Q", peer.recv(size, socket.MSG_WAITALL))[0]


def talk(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        send(GET_FEATURES)
        peer.recv(4096)
        time.sleep(0.2)


if fault == "hangs":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if fault == "talks-at-end":
    signal.signal(signal.SIGTERM, talk)
if fault == "talks":
    talk()
features = get(GET_FEATURES) & (1 << 32 | 1 << 30)
if features & 1 << 30:
    wanted = 1 << 3 | 1 << 5 | 1 << 9 | 1 << 10 | 1 << 22 if has_channel else 1 << 9
    send(SET_PROTOCOL_FEATURES, struct.pack("=Q", get(GET_PROTOCOL_FEATURES) & wanted))
send(SET_OWNER, b"12345678" if fault == "size" else b"", 9 if fault == "need-reply" else 1)
send(SET_FEATURES, struct.pack("=Q", features | (1 << 5 if fault == "features" else 0)))


def start_ring(memory):
    os.ftruncate(memory, 65536)
    send(SET_MEM_TABLE, struct.pack("=II4Q", 1, 0, 0, 65536, 0, 0), fds=[memory])
    get(GET_FEATURES)
    if fault == "truncates":
        os.ftruncate(memory, 0)
    send(SET_VRING_NUM, struct.pack("=II", 0, 8))
    send(SET_VRING_ADDR, struct.pack("=II4Q", 0, 0, 0, 8192, 4096, 0))
    send(SET_VRING_KICK, struct.pack("=Q", 0), fds=[os.eventfd(0)])
    send(SET_VRING_ENABLE, struct.pack("=II", 0, 1))


def result_of(payload):
    region, _, offset, size = struct.unpack_from("=4Q", payload)
    valid = region & 0xFF == 0 and offset + size <= SHMEM_SIZE
    return 0 if valid or fault == "maps" else 1


def serve(channel):
    header = channel.recv(12, socket.MSG_WAITALL)
    while len(header) == 12:
        number, _, size = struct.unpack("=III", header)
        payload = channel.recv(size, socket.MSG_WAITALL) if size else b""
        if number == SHMEM_MAP and fault != "mute":
            channel.send(struct.pack("=IIIQ", number, 5, 8, result_of(payload)))
        header = channel.recv(12, socket.MSG_WAITALL)


if has_channel:
    ours, theirs = socket.socketpair()
    send(SET_BACKEND_REQ_FD, fds=[theirs.fileno()])
    theirs.close()
    start_ring(os.memfd_create("memory"))
    serve(ours)
if fault == "truncates":
    start_ring(os.memfd_create("memory"))
if fault == "no-ring":
    send(GET_VRING_BASE)
time.sleep(1)
