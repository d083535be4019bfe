# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""
The state of the device behind a vhost-user socket, as bytes.

    state.py SOCKET <STATE >STATE   loads standard input, unless it is empty, and
                                    saves the state

Ends with 1 if the back-end refuses, and prints which of the two.
"""
import os
import socket
import struct
import sys
import threading

from front_end import FrontEnd, GET_FEATURES, GET_PROTOCOL, PROTOCOL_FEATURES, SET_FEATURES, SET_OWNER, SET_PROTOCOL, \
    VERSION_1

MOVE, CHECK, DEVICE_STATE, NO_FD = 42, 43, 1 << 19, 1 << 8
SAVE, LOAD, STOPPED = 0, 1, 0


def begin(path):
    peer = FrontEnd(path)
    peer.get(GET_FEATURES)
    assert peer.get(GET_PROTOCOL) & DEVICE_STATE, "no state is offered"
    peer.send(SET_PROTOCOL, struct.pack("=Q", DEVICE_STATE))
    peer.send(SET_OWNER)
    peer.send(SET_FEATURES, struct.pack("=Q", VERSION_1 | PROTOCOL_FEATURES))
    return peer


def answer(peer):
    return struct.unpack("=IIIQ", peer.socket.recv(20, socket.MSG_WAITALL))[3]


def move(peer, direction, fd, what):
    peer.send(MOVE, struct.pack("=II", direction, STOPPED), [fd])
    os.close(fd)
    if answer(peer) != NO_FD:
        sys.exit("the back-end will not " + what)


def judge(peer, what):
    if peer.get(CHECK):
        sys.exit("the back-end did not " + what)


def load(peer, state):
    read, write = os.pipe()
    move(peer, LOAD, read, "load")
    with os.fdopen(write, "wb") as pipe:
        pipe.write(state)
    judge(peer, "load")


def save(peer):
    read, write = os.pipe()
    got = []
    with os.fdopen(read, "rb") as pipe:
        reader = threading.Thread(target=lambda: got.append(pipe.read()))
        reader.start()
        move(peer, SAVE, write, "save")
        judge(peer, "save")
        reader.join()
    return got[0]


peer = begin(sys.argv[1])
given = sys.stdin.buffer.read()
if given:
    load(peer, given)
sys.stdout.buffer.write(save(peer))
