# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# faulty_front_end.py SOCKET FAULT: a front-end of vhost-user that negotiates, with one
# planted fault, for tests of "vhost-user-tool check-frontend".
import os
import signal
import socket
import struct
import sys
import time

GET_FEATURES, SET_FEATURES, SET_OWNER = 1, 2, 3
GET_VRING_BASE, GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES = 11, 15, 16
path, fault = sys.argv[1:]
peer = socket.socket(socket.AF_UNIX)
peer.connect(path)


def send(number, payload=b"", flags=1):
    peer.sendall(struct.pack("=III", number, flags, len(payload)) + payload)


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
    send(SET_PROTOCOL_FEATURES, struct.pack("=Q", get(GET_PROTOCOL_FEATURES) & 1 << 9))
send(SET_OWNER, b"12345678" if fault == "size" else b"", 9 if fault == "need-reply" else 1)
send(SET_FEATURES, struct.pack("=Q", features | (1 << 5 if fault == "features" else 0)))
if fault == "no-ring":
    send(GET_VRING_BASE)
time.sleep(1)
