# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""
Clients of a control socket.

    control_client.py send SOCKET FILE     sends the lines of standard input over one
                                           connection; appends each, a tab and its answer
    control_client.py lines SOCKET         invalid lines: each is refused
    control_client.py connections SOCKET   a thousand connections
    control_client.py deaf SOCKET          sends commands and reads no answer
    control_client.py deaf-events SOCKET   subscribes, causes events and reads none
    control_client.py module SOCKET        the client is examples/ctl.py; ends the machine
    control_client.py events SOCKET FILE   subscribes, and appends a tab and each event until
                                           the machine ends
"""
import json
import pathlib
import socket
import sys

MAX_LINE = 8192


class Client:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(path)     # without a time limit it waits for the listener
        self.sock.settimeout(60)
        self.bytes = b""

    def send(self, data):
        """False: the machine closed the connection."""
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def line(self):
        """The next line, or None at the end."""
        while b"\n" not in self.bytes:
            try:
                more = self.sock.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            self.bytes += more
        line, self.bytes = self.bytes.split(b"\n", 1)
        return line.decode()

    def ask(self, line):
        return json.loads(self.line()) if self.send(line + b"\n") else None


def send(path, kept):
    client = Client(path)
    with open(kept, "a", encoding="utf-8") as file:
        for line in sys.stdin:
            client.send(line.encode())
            answer = client.line()
            print(line, answer, sep="")
            file.write(f"{line.rstrip()}\t{answer}\n")


# Each keeps its connection after a refusal.
REFUSED = [
    b'{"command": "status"', b'{"command":', b'{"a":' * 1000, b"[" * 8000, b"status {", b'"', b"",
    b"\xff\xfe\x80", b"status \xc3\x28", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\x1b[2J", b"\x7f",
    b"a " * 4000, b"s" * (MAX_LINE - 1), b"%s%n%d", b"resize 0 99999999999999999999",
    b"device-add ,,,,", b"device-add =", b"device-del 4294967296", b"log-level \xff", b"balloon -1",
]
# Each loses its connection.
ENDS = [b"s" * MAX_LINE, b"s" * (1 << 20) + b"\n", b"\0\n", b"status\0\n", b'{"a":"' + b"\\u0000" * 200000]


def lines(path):
    """A client that behaves well is served in between."""
    good = Client(path)
    bad = Client(path)
    for line in REFUSED:
        answer = bad.ask(line)
        assert answer and not answer["ok"] and answer["error"], (line, answer)
        assert good.ask(b"status")["ok"], line
    for line in ENDS:
        bad = Client(path)
        bad.send(line)
        answer = bad.line()
        while answer is not None:
            assert not json.loads(answer)["ok"], (line[:20], answer)
            answer = bad.line()
        assert good.ask(b"status")["ok"], line[:20]
    half = Client(path)
    half.send(b"quit")
    half.sock.shutdown(socket.SHUT_WR)
    assert not json.loads(half.line())["ok"]
    assert half.line() is None
    assert good.ask(b"status")["ok"]


def connections(path):
    clients = [Client(path) for _ in range(20)]
    for _ in range(980):
        clients.append(Client(path))
        clients.pop(0).sock.close()
    assert clients[-1].ask(b"status")["ok"]


def deaf(path):
    """The answers fill the socket; then the connection ends."""
    client = Client(path)
    while client.send(b"status\n" * 64):
        pass


def deaf_events(path):
    """Its connection ends; another subscriber receives all events."""
    other, deaf_client, good = Client(path), Client(path), Client(path)
    assert deaf_client.ask(b"subscribe")["ok"] and good.ask(b"subscribe")["ok"]
    for _ in range(4000):
        for command, event in (b"pause", "paused"), (b"resume", "resumed"):
            assert other.ask(command)["ok"]
            got = json.loads(good.line())
            assert got["event"] == event and got["time_us"] > 0 and len(got) == 2
    lines = 0
    while deaf_client.line() is not None:
        lines += 1
    assert 0 < lines < 8000, lines


def events(path, kept):
    client = Client(path)
    assert client.ask(b"subscribe")["ok"]
    client.sock.settimeout(None)
    line = ""
    while line is not None:
        with open(kept, "a", encoding="utf-8") as file:
            file.write(f"\t{line}\n" if line else "")
        line = client.line()


def module(path):
    """examples/ctl.py: replies, events, refusals, descriptors and the end."""
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "examples"))
    from ctl import Machine, Refused
    with Machine(path, 60) as watcher, Machine(path, 60) as machine, open("kept", "wb") as file:
        events = watcher.events()
        assert machine.ask("status")["state"] == "running"
        watcher.ask("subscribe")
        machine.ask("pause")
        assert machine.ask("status")["paused"]
        assert next(events)["event"] == "paused"
        for words, files, reason in (("resize", "balloon", "1M"), (), "balloon"), (("save", "fd:0"), (file,), "files"):
            try:
                machine.ask(*words, files=files)
                sys.exit("no refusal")
            except Refused as why:
                assert reason in str(why), why
        watcher.ask("quit")
        assert [e["event"] for e in events] == ["shutdown"]


COMMANDS = {"send": send, "lines": lines, "connections": connections, "deaf": deaf, "deaf-events": deaf_events,
            "events": events, "module": module}
COMMANDS[sys.argv[1]](*sys.argv[2:])
