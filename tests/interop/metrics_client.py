#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""
Clients of the metrics socket of a daemon.

    metrics_client.py get SOCKET            prints the numbers, a line each, after a check of
                                            the syntax (Prometheus text format 0.0.4)
    metrics_client.py other SOCKET          a request that is no GET is refused
    metrics_client.py silent SOCKET N       N clients that send nothing, one of which
                                            remains; prints the numbers of another one
    metrics_client.py large SOCKET          a request that does not end
    metrics_client.py deaf SOCKET           ten thousand clients that leave without reading
"""
import re
import socket
import sys

LABEL = r'[a-z]+="[A-Za-z0-9.+-]+"'
SAMPLE = re.compile(r'^([a-z][a-z0-9_]*)(\{%s(,%s)*\})? [0-9]+(\.[0-9]+)?$' % (LABEL, LABEL))
PARTS = {"counter": {""}, "gauge": {""}, "untyped": {""}, "histogram": {"_bucket", "_sum", "_count"}}


def connect(path):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(path)      # without a time limit it waits for the listener
    sock.settimeout(60)
    return sock


def receive(sock):
    data = b""
    try:
        while more := sock.recv(65536):
            data += more
    except ConnectionResetError:
        pass
    return data.decode()


def ask(path, request):
    sock = connect(path)
    sock.sendall(request)
    return receive(sock)


def numbers(path):
    head, body = ask(path, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").split("\r\n\r\n", 1)
    assert head.startswith("HTTP/1.0 200 ") and "version=0.0.4" in head, head
    name = kind = None
    for line in body.splitlines():
        if line.startswith("# HELP "):
            assert len(line.split()) > 3, line
        elif line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            assert kind in PARTS, line
        else:
            sample = SAMPLE.match(line)
            assert sample and sample[1] in {name + part for part in PARTS[kind]}, line
        print(line)


def large(path):
    sock = connect(path)
    try:
        for _ in range(1024):
            sock.sendall(b"G" * 1024)
    except (BrokenPipeError, ConnectionResetError):
        pass
    print(receive(sock).splitlines()[:1])


path = sys.argv[2]
if sys.argv[1] == "get":
    numbers(path)
elif sys.argv[1] == "other":
    print(ask(path, b"PUT /metrics HTTP/1.1\r\n\r\n").splitlines()[0])
elif sys.argv[1] == "silent":
    clients = [connect(path) for _ in range(int(sys.argv[3]))]
    numbers(path)
elif sys.argv[1] == "large":
    large(path)
elif sys.argv[1] == "deaf":
    for _ in range(10000):
        connect(path).sendall(b"GET / HTTP/1.0\r\n\r\n")
