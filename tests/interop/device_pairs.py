# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""
One cell of the table device-pairs: a guest (tests/guests/settings.c) changes a setting of a
device, then the device's process is killed, or the machine is saved, moved or cloned.

    device_pairs.py CVMM DAEMONS GUEST KIND SERVER EVENT

Works in the current folder. Ends with 1 and a sentence if the setting is not in force.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

from listening import unix_listens

PATIENCE = 60
CVMM, DAEMONS, GUEST, KIND, SERVER, EVENT = sys.argv[1:]
# The report of the guest, and properties of the device: of cvmm, and of its daemon.
KINDS = {
    "blk": ("writeback 0", "path=disk{n}", ["--blk-file=disk{n}"]),
    "console": ("input again", "socket=con{n},port=data:socket:data{n}", ["--console-socket=con{n}", "--port=data:socket:data{n}"]),
    "net": ("mac 77", "socket=frames{n},mac=02:00:00:00:00:1{n}", ["--socket=frames{n}", "--mac=02:00:00:00:00:1{n}"]),
    "rng": ("16 bytes", "", []),
    "balloon": ("actual 3", "size=0", []),
    "fs": ("root 0", "path=shared{n},tag=t", ["--shared-dir=shared{n}", "--tag=t"]),
    "vsock": ("", "cid=1{n},path=vsock{n}", ["--guest-cid=1{n}", "--uds-path=vsock{n}"]),
}
# After a kill, what the event device-back reports; a daemon of ours keeps its state.
# A back-end of another project does not: the driver has to set it up again.
SCRIPTED = [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "back_end.py"), "stateful"]
# A folder without a recovery file has to be mounted again: ENOTCONN until then.
MOUNTED_AGAIN = "root 107, mounted again 0"
RECOVERS = (KIND, SERVER, EVENT) == ("fs", "user", "killed")
if RECOVERS:
    KINDS["fs"][2].append("--recover=table{n}")
RESTORED = {"fs": "kept" if RECOVERS else "reset", "blk": "kept", "console": "kept", "net": "kept", "vsock": "kept", "rng": "repeated"}
CHILDREN = []


def fail(why):
    sys.exit("%s, %s, %s: %s" % (KIND, SERVER, EVENT, why))


def wait_for(what, why):
    end = time.monotonic() + PATIENCE
    while not what():
        if time.monotonic() > end:
            fail(why())
        time.sleep(0.02)


def start(*words, **streams):
    child = subprocess.Popen(words, **streams)
    CHILDREN.append(child)
    return child


PEERS = []


def serve_frames(path):
    """The other side of network cards."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(8)

    def accept():
        while True:
            PEERS.append(listener.accept()[0])
    threading.Thread(target=accept, daemon=True).start()


def foreign_words(path):
    """vhost-device-vsock of rust-vmm, or the scripted back-end."""
    program = os.environ.get("VHOST_DEVICE_VSOCK")
    return [program, "--guest-cid=7", "--socket=" + path, "--uds-path=vsock"] if program else SCRIPTED + [path]


def socket_of(n):
    return os.path.abspath("back%d" % n)


def start_device(n):
    """Its machine connects when it can, after which some back-ends do not listen any more."""
    path = socket_of(n)
    if os.path.exists(path):
        os.unlink(path)
    words = [os.path.join(DAEMONS, "cvmm-vhost-user-" + KIND), "--socket-path=" + path]
    words += [w.format(n=n) for w in KINDS[KIND][2]]
    return start(*(foreign_words(path) if SERVER == "foreign" else words))


def serve_device(n):
    daemon = start_device(n)
    wait_for(lambda: unix_listens(socket_of(n)) or daemon.poll() is not None, lambda: "the daemon does not listen")
    return daemon


def device(n):
    keys = KINDS[KIND][1].format(n=n)
    if SERVER in ("user", "foreign"):
        keys = "backend=user:back%d,reconnect=20" % n
    elif SERVER == "spawn":
        # the daemon of a machine that moves still has the image
        keys = ",".join(k for k in [keys, "backend=spawn", "locking=off" if KIND == "blk" else ""] if k)
    return "--device=" + ",".join(k for k in [KIND, keys] if k)


class Machine:
    count = 0

    def __init__(self, *words):
        Machine.count += 1
        self.control = os.path.abspath("control%d" % Machine.count)
        self.log = "log%d" % Machine.count
        with open(self.log, "wb") as log:
            self.process = start(CVMM, "run", *words, "--control=" + self.control, "--serial=stdio",
                                 stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT)

    def text(self):
        with open(self.log, errors="replace") as log:
            return log.read()

    def wait(self, text, since=0):
        wait_for(lambda: text in self.text()[since:] or self.process.poll() is not None,
                 lambda: "no '%s' in: %s" % (text, self.text()[-400:]))
        if text not in self.text()[since:]:
            fail("cvmm ended: " + self.text()[-400:])

    def type(self, keys):
        if self.process.poll() is not None:
            fail("cvmm ended: " + self.text()[-400:])
        self.process.stdin.write(keys)
        self.process.stdin.flush()

    def ctl(self, *words):
        answer = subprocess.run([CVMM, "ctl", "--json", self.control, *words], capture_output=True, text=True,
                                timeout=PATIENCE)
        if '"ok":true' not in answer.stdout:
            fail("%s: %s%s" % (words[0], answer.stdout, answer.stderr))
        return json.loads(answer.stdout)

    def report(self):
        since = len(self.text())
        self.type(b"r")
        self.wait("ready", since)
        return self.text()[since:]

    def end(self):
        self.process.kill()
        self.process.wait()


def daemons():
    return ["--daemon-path=" + DAEMONS] if SERVER == "spawn" else []


def subscribe(machine):
    start(CVMM, "ctl", machine.control, "subscribe", stdout=open("events", "wb"))
    wait_for(lambda: events_have('"ok":true'), lambda: "no subscription")


def events_have(text):
    with open("events") as events:
        return text in events.read()


def kill(machine, daemon):
    """Kills the process of the device with SIGKILL; another one serves it then."""
    subscribe(machine)
    if SERVER == "spawn":
        os.kill(machine.ctl("status")["devices"][0]["pid"], signal.SIGKILL)
    else:
        daemon.kill()
        daemon.wait()
        start_device(1)
    wait_for(lambda: events_have('"device-back"'), lambda: "the device did not return: " + machine.text()[-400:])
    with open("events") as events:
        back = [e for e in map(json.loads, events) if e.get("event") == "device-back"][0]
    if back["settings"] != ("reset" if SERVER == "foreign" else RESTORED[KIND]):
        fail("the event has " + json.dumps(back))
    return machine, 1


def save(machine, _, clone=False):
    machine.ctl("save", os.path.abspath("saved"))
    n = 2 if clone else 1
    if clone:
        shutil.copy2("disk1", "disk2")
        if SERVER == "user":
            serve_device(2)
    else:
        machine.end()
    words = daemons() + ["--from=saved"] + (["--clone", device(2)] if clone else [])
    other = Machine(*words)
    wait_for(lambda: unix_listens(other.control) or other.process.poll() is not None, lambda: "no control socket")
    return other, n


def move(machine, daemon):
    words = []
    if SERVER == "user":
        shutil.copy2("disk1", "disk2")
        serve_device(2)
        words = [device(2)]
    elif KIND in ("console", "vsock"):
        words = [device(2)]
    there = os.path.abspath("in")
    other = Machine(*daemons(), "--incoming=unix:" + there, *words)
    wait_for(lambda: unix_listens(there) or other.process.poll() is not None, lambda: "nobody waits: " + other.text())
    machine.ctl("migrate", "unix:" + there)
    return other, 2 if words else 1


def send_input(n):
    """Connects to the port when it is there, and stays connected."""
    peer = socket.socket(socket.AF_UNIX)

    def connected():
        try:
            peer.connect("data%d" % n)
            return True
        except OSError:
            return False
    wait_for(connected, lambda: "no port")
    peer.sendall(b"again")
    return peer


def send_frames(machine):
    """Frames for another card, of another VLAN, and for the guest; the last ones arrive last."""
    def frame(last, vlan):
        tag = bytes([0x81, 0, 0, vlan]) if vlan else b""
        return (bytes([2, 0, 0, 0, 0, last]) + bytes([2, 0, 0, 0, 0, 1]) + tag + bytes([8, 0])).ljust(60, b"\0")

    def received():
        for peer in PEERS:
            for bytes_ in (frame(0x99, 0), frame(0x77, 6), frame(0x77, 0), frame(0x77, 5)):
                try:
                    peer.sendall(len(bytes_).to_bytes(4, "big") + bytes_)
                except OSError:
                    pass
        time.sleep(0.1)
        return "frame 77\n" in machine.text() and "frame 77 of VLAN 5" in machine.text()
    wait_for(received, lambda: "no frame for the new address and VLAN: " + machine.text()[-300:])
    for wrong, why in (("frame 99", "a frame for another card"), ("of VLAN 6", "a frame of another VLAN")):
        if wrong in machine.text():
            fail(why + ": " + machine.text()[-300:])


def reported(machine):
    """The report has the setting; a front-end shows a change of its back-end's a little later."""
    wait_for(lambda: "device 0: " + KINDS[KIND][0] + "\n" in machine.report(), lambda: "not reported: " + machine.text()[-300:])


def check(machine, n):
    expected = MOUNTED_AGAIN if KIND == "fs" and EVENT == "killed" and not RECOVERS else KINDS[KIND][0]
    if KIND == "console":
        peer = send_input(n)
        machine.wait("device 0: " + expected)
        peer.close()
    elif KIND == "net":
        send_frames(machine)
        reported(machine)
    elif SERVER == "foreign":
        if "device 0: reset needed" not in machine.report():
            fail("the guest does not see it: " + machine.text()[-300:])
    elif KIND == "vsock":
        # The driver learns that connections have ended, or of another CID. Saved, there is neither.
        if EVENT != "saved":
            machine.wait("device 0: event 0")
        if "device 0: in order" not in machine.report():
            fail("after it: " + machine.text()[-300:])
    elif "device 0: " + expected + "\n" not in machine.report():
        fail("after it: " + machine.text()[-300:])


def main():
    if KIND == "net":
        serve_frames("frames1")
        serve_frames("frames2")
    os.mkdir("shared1")
    os.mkdir("shared2")
    with open("disk1", "wb") as disk:
        disk.truncate(1 << 20)
    daemon = serve_device(1) if SERVER in ("user", "foreign") else None
    words = ["--memory=size=64M,backend=memfd"] + daemons()
    machine = Machine(GUEST, device(1), *words)
    machine.wait("ready")
    check_before(machine)
    events = {"killed": kill, "saved": save, "moved": move, "cloned": lambda m, d: save(m, d, clone=True)}
    check(*events[EVENT](machine, daemon))


def check_before(machine):
    """The setting is in force in the first place."""
    if KIND == "net":
        reported(machine)
    if KIND in ("blk", "rng", "balloon", "fs") and "device 0: " + KINDS[KIND][0] not in machine.report():
        fail("before it: " + machine.text()[-300:])
    if KIND == "vsock" and "device 0: in order" not in machine.report():
        fail("before it: " + machine.text()[-300:])


try:
    main()
finally:
    for child in CHILDREN:
        child.kill()
