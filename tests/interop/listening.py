# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""Whether a server listens. Its socket has a name, and its file exists, before that."""


def unix_listens(path):
    """At that path, as the server gave it to bind(): absolute, because other tests have sockets of the same name."""
    with open("/proc/net/unix") as table:
        return any(line.split(None, 7)[3:4] == ["00010000"] and line.rstrip("\n").endswith(" " + path) for line in table)


def tcp_listens(address, port):
    """At that IPv4 address."""
    there = "{:02X}{:02X}{:02X}{:02X}:{:04X}".format(*[int(n) for n in address.split(".")[::-1]], port)
    with open("/proc/net/tcp") as table:
        return any(f" {there} 00000000:0000 0A " in line for line in table)
