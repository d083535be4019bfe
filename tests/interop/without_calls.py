#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""
without_calls.py NAME[,NAME...] COMMAND...

Becomes a command for which the kernel seems to lack these system calls: they fail with
ENOSYS. On x86-64 only.
"""
import ctypes
import errno
import os
import struct
import sys

NUMBERS = {"seccomp": 317, "mount_setattr": 442, "landlock_create_ruleset": 444}
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, MODE_FILTER = 22, 38, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL = 0x7FFF0000, 0x00050000 | errno.ENOSYS


def instruction(code, value, if_true=0, if_false=0):
    return struct.pack("HBBI", code, if_true, if_false, value)


def filter_of(numbers):
    code = [instruction(LOAD, 0)]
    for number in numbers:
        code += [instruction(JUMP_IF_EQUAL, number, 0, 1), instruction(RETURN, FAIL)]
    return b"".join([*code, instruction(RETURN, ALLOW)])


def main():
    code = filter_of([NUMBERS[name] for name in sys.argv[1].split(",")])
    kept = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(kept))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or prctl(PR_SET_SECCOMP, MODE_FILTER, program, 0, 0):
        sys.exit(os.strerror(ctypes.get_errno()))
    os.execvp(sys.argv[2], sys.argv[2:])


main()
