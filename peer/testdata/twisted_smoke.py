#!/usr/bin/python3
"""Runs twisted_peer.py against itself, against the captured frames of wire.txt,
and against bad peers that it must refuse. --all takes every combination of its
options, instead of a sample of them.
"""

import itertools
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
from twisted_peer import Text, decode, umsgpack  # its u-msgpack works on this Python

HERE = os.path.dirname(os.path.abspath(__file__))
PEER = [sys.executable, os.path.join(HERE, "twisted_peer.py")]
bad = []


def start(*args):
    # Long enough for a machine that does much else.
    args = PEER + ["--timeout", "60"] + list(args)
    return subprocess.Popen(args, stdout=subprocess.PIPE, text=True)


def result(proc):
    lines = proc.stdout.read().splitlines()
    return proc.wait(), lines[-1] if lines else ""


def note(name, got, want):
    """want: OK, or a part of the FAIL line."""
    code, line = got
    ok = line.startswith("OK {") and code == 0
    if want != "OK":
        ok = line.startswith("FAIL ") and want in line and code != 0
    if not ok:
        bad.append(name)
        print("BAD  %s: exit %d, %s (want %s)" % (name, code, line, want))


def pair(name, server, client, want_server="OK", want_client="OK", unix=None):
    where = ["--unix", unix] if unix else ["--port", "0"]
    s = start("server", *where, *server)
    port = s.stdout.readline().split()[-1]
    where = where if unix else ["--port", port]
    c = result(start("client", *where, *client))
    note(name + " (client)", c, want_client)
    note(name + " (server)", result(s), want_server)


def combinations():
    ids = "--packet app:ping=40 --packet app:pong=41".split()
    flavours = itertools.product(
        (True, False),  # the client adapts, else the server
        ("str", "bin"),
        ("registration", "reversed", "hash"),
        ("", "--eager", "--burst"),
        ("", "server", "client", "both"),  # who dribbles
        ("", "server", "client"),  # who softquits
    )
    for adapts, keys, order, mode, dribble, quits in flavours:
        if order != "registration" and keys == "str":
            # Python 3 adapts only to names in its own order; the side that
            # does not adapt does not look.
            server, client = [], ["--order", order]
            if not adapts:
                server, client = client, server
        else:
            server, client = ["--order", order], ["--order", order]
        server += ["--keys", keys, "--wait-pings", "5"]
        client += ["--keys", keys] + ids
        (client if adapts else server).append("--adapt")
        if mode == "--burst":
            client += ["--burst", "3", "--pings", "2"]
        else:
            client += ["--pings", "5"] + mode.split()
        if dribble in ("server", "both"):
            server.append("--dribble")
        if dribble in ("client", "both"):
            client.append("--dribble")
        if quits:
            a, b = (server, client) if quits == "server" else (client, server)
            a += ["--softquit", "reason.bye"]
            b += ["--expect-softquit", "reason.bye"]
        yield adapts, keys, order, mode, dribble, quits, server, client


def good():
    # 7 shares no factor with the options' numbers of values: all of them occur.
    jobs = list(combinations())[:: 1 if "--all" in sys.argv else 7]
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                if not jobs:
                    return
                *name, server, client = jobs.pop()
            pair(repr(name), server, client)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()

    with tempfile.TemporaryDirectory() as tmp:
        pair("unix", ["--wait-pings", "70"], ["--adapt", "--pings", "70"],
             unix=os.path.join(tmp, "s"))
    pair("many", ["--wait-pings", "2000"], ["--adapt", "--pings", "2000"])


def faults():
    for keys in "str", "bin":
        k = ["--keys", keys]
        for r in "reason.sameadaptivepolicy", "reason.versionmismatch":
            end = k + ["--expect-softquit", r]
            extra = ["--version", "2"] if "version" in r else []
            pair(r, end, end + extra)
            end = k + ["--softquit", r]
            pair(r, end + ["--adapt"], end + ["--adapt"] + extra)
            pair(r + " unasked", k, k + extra, r, r)
        r = "reason.nonequalpackets"
        # The server is strict about the finish that the library sends after the softquit.
        pair(r, k + ["--expect-softquit", r],
             k + ["--adapt", "--softquit", r, "--packet", "app:ping=40", "--packet", "app:pong=41",
                  "--packet", "app:x=42"], "after the softquit")
    pair("order", ["--order", "reversed"], ["--adapt"], "reason.nonequal", "reason.nonequal")
    pair("bin to str", ["--keys", "str"], ["--keys", "bin", "--adapt"], "no text", "")
    pair("wrong reason", ["--expect-softquit", "reason.a"], ["--adapt", "--softquit", "reason.b"],
         "softquit reason.b, want reason.a")
    pair("no softquit", ["--expect-softquit", "reason.a"], ["--adapt"], "without softquit")
    pair("too few pings", ["--wait-pings", "3"], ["--adapt", "--pings", "2"], "too early")


# The captured frames.


def scenarios():
    with open(os.path.join(HERE, "wire.txt")) as f:
        for block in f.read().split("\n\n"):
            lines = [line.split() for line in block.splitlines()]
            head = {w[1].rstrip(":"): w[2:] for w in lines if w[0] == "#"}
            frames = [(w[0], bytes.fromhex(w[1])) for w in lines if w[0] != "#" and w[1] != "FIN"]
            yield head["scenario"][0], head, frames


def captured():
    for name, head, frames in scenarios():
        if not any(f[4:6] == b"\0\0" for _, f in frames):
            continue  # the end of a connection only
        python2 = name.startswith("p2")
        for role, mine, theirs in ("server", "S>C", "C>S"), ("client", "C>S", "S>C"):
            if role == "client" and name == "p2-unequal":
                continue  # two names collide in the dict's hash
            data = [f for d, f in frames if d == theirs]
            want = [f for d, f in frames if d == mine]
            quits = [f for f in want if f[4:6] == b"\0\1"]
            args = []
            if role == "client":  # its own pings are others
                data = [f for f in data if f[4] == 0 and f[5] < 16]
                want = [f for f in want if f[4] == 0 and f[5] < 16]
            if quits:
                text = Text("bin")
                reason = text.fields(decode(quits[0][6:]), "softquit")["reason"]
                args += ["--softquit", text.read(reason, "reason")]
            if python2:
                args += ["--keys", "bin", "--order", "hash"]
            for word in head[role]:
                key, _, value = word.partition("=")
                if key == "version":
                    args += ["--version", value]
                elif key != "adapt":
                    args += ["--packet", word]
                elif value == "true":
                    args.append("--adapt")
            want = b"".join(want)
            got = replay(role, args, b"".join(data), len(want))
            if got != want:
                bad.append(name)
                print("BAD  %s as %s: sent %s, want %s" % (name, role, got, want))


def replay(role, args, data, size):
    """What the peer sends to one that says data, and closes after size bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        if role == "client":
            p = start("client", "--port", str(listener.getsockname()[1]), *args)
            s = listener.accept()[0]
        else:
            p = start("server", "--port", "0", *args)
            s = socket.create_connection(("127.0.0.1", int(p.stdout.readline().split()[-1])))
    with s:
        s.settimeout(60)
        s.sendall(data)
        got = b""
        while chunk := s.recv(1 << 16):
            got += chunk
            if len(got) == size:
                s.shutdown(socket.SHUT_WR)
    result(p)
    return got


# Bad peers, on plain sockets.


def frame(i, value=None, raw=None):
    body = struct.pack(">H", i) + (umsgpack.packb(value) if raw is None else raw)
    return struct.pack(">I", len(body)) + body


NAMES = {"packetmq:handshake_init": 0, "packetmq:softquit": 1, "packetmq:handshake_pubids": 2,
         "packetmq:handshake_finish": 3, "app:ping": 17, "app:pong": 18}
INIT, FIN = frame(0, {"version": 1}), frame(3)
PING = frame(17, {"n": 0})


def pubids(adapt=True, **change):
    idmap = dict(NAMES, **change)
    return frame(2, {"adapt": adapt, "idmap": {k: v for k, v in idmap.items() if v != "gone"}})


PUB = pubids()
ALL = INIT + PUB + FIN
CASES = {
    "second init": (INIT + INIT, "second packetmq:handshake_init"),
    "second pubids": (INIT + PUB + PUB, "second packetmq:handshake_pubids"),
    "second finish": (ALL + FIN, "second packetmq:handshake_finish"),
    "pubids first": (PUB, "before packetmq:handshake_init"),
    "finish first": (FIN, "before packetmq:handshake_pubids"),
    "finish after init": (INIT + FIN, "before packetmq:handshake_pubids"),
    "data first": (PING, "before pubids"),
    "data after init": (INIT + PING, "before pubids"),
    "finish not nil": (INIT + PUB + frame(3, {}), "finish is {}"),
    "finish false": (INIT + PUB + frame(3, False), "finish is False"),
    "finish trailing": (INIT + PUB + frame(3, raw=b"\xc0\xc0"), "1 trailing"),
    "init trailing": (frame(0, raw=umsgpack.packb({"version": 1}) + b"\0"), "1 trailing"),
    "data trailing": (ALL + frame(17, raw=b"\xc0\xc0"), "1 trailing"),
    "init no map": (frame(0, 1), "init is no map"),
    "init without version": (frame(0, {}), "version is None"),
    "version true": (frame(0, {"version": True}), "version is True"),
    "version float": (frame(0, {"version": 1.0}), "version is 1.0"),
    "version 3": (frame(0, {"version": 3}), "versionmismatch"),
    "adapt 1": (INIT + pubids(1), "adapt is 1"),
    "adapt nil": (INIT + pubids(None), "adapt is None"),
    "adapt missing": (INIT + frame(2, {"idmap": NAMES}), "pubids has the keys"),
    "idmap list": (INIT + frame(2, {"adapt": True, "idmap": list(NAMES.items())}), "no map"),
    "id 65536": (INIT + pubids(**{"app:x": 65536}), "has the id 65536"),
    "id -1": (INIT + pubids(**{"app:x": -1}), "has the id -1"),
    "id text": (INIT + pubids(**{"app:x": "17"}), "has the id '17'"),
    "id true": (INIT + pubids(**{"app:x": True}), "has the id True"),
    "id 5": (INIT + pubids(**{"app:x": 5}), "internal id 5"),
    "id twice": (INIT + pubids(**{"app:x": 17}), "id 17 belongs to app:ping and app:x"),
    "moved": (INIT + pubids(**{"packetmq:softquit": 9}), "packetmq:softquit moved to 9"),
    "internal gone": (INIT + pubids(**{"packetmq:softquit": "gone"}), "idmap lacks packetmq:softquit"),
    "name not ascii": (INIT + pubids(**{"app:\u00fc": 30}), "no packet name"),
    "name without app": (INIT + pubids(**{"ping": 30}), "no packet name"),
    "same policy": (INIT + pubids(False), "sameadaptivepolicy"),
    "unknown id": (ALL + frame(99), "unknown id 99"),
    "unknown id first": (frame(99), "unknown id 99"),
    "frame of 2 bytes": (b"\0\0\0\2\0\0", "frame of 2 bytes"),
    "frame of 0 bytes": (b"\0\0\0\0", "frame of 0 bytes"),
    "frame too long": (ALL + b"\0\1\x86\xa0", "frame of 100000 bytes"),
    "cut-off frame": (ALL + PING[:-1], "closed within a frame"),
    "cut-off payload": (ALL + frame(17, raw=b"\x92\x01"), "InsufficientData"),
    "reserved code": (ALL + frame(17, raw=b"\xc1"), "ReservedCode"),
    "bad UTF-8": (ALL + frame(17, raw=b"\xa1\xff"), "InvalidString"),
    "duplicate key": (ALL + frame(17, raw=b"\x82\x01\x01\x01\x01"), "DuplicateKey"),
    "map as key": (ALL + frame(17, raw=b"\x81\x80\x01"), "UnhashableKey"),
    "deep": (ALL + frame(17, raw=b"\x91" * 5000 + b"\xc0"), "RecursionError"),
    "pong unasked": (ALL + frame(18, 1), "pong without a ping"),
    "bin at the top": (ALL + frame(17, b"x"), "bin at the top"),
    "softquit unasked": (ALL + frame(1, {"reason": "reason.x"}), "softquit reason.x, want none"),
    "softquit without reason": (ALL + frame(1, {}), "softquit has the keys []"),
    "softquit nil": (ALL + frame(1), "softquit is no map"),
    "softquit number": (ALL + frame(1, {"reason": 1}), "reason is no text"),
    "bin key": (frame(0, {b"version": 1}), "no text"),
    "close at once": (b"", "too early"),
    "close after init": (INIT, "too early"),
    "close after pubids": (INIT + PUB, "too early"),
}


def refused():
    def talk(data, reset, *args):
        p = start("server", "--port", "0", *args)
        port = int(p.stdout.readline().split()[-1])
        with socket.create_connection(("127.0.0.1", port)) as s:
            s.sendall(data)
            s.settimeout(60)
            if reset:
                # Its finish is the last that comes; then a reset instead of a FIN.
                got = b""
                while not got.endswith(FIN):
                    got += s.recv(4096)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                s.close()
            else:
                try:
                    s.shutdown(socket.SHUT_WR)
                    while s.recv(4096):
                        pass
                except OSError:
                    pass
        return result(p)

    for name, (data, want) in CASES.items():
        note(name, talk(data, False), want)
    note("complete", talk(ALL, False), "OK")
    note("extra keys in init", talk(frame(0, {"version": 1, "x": [1]}) + PUB + FIN, False), "OK")
    note("data before finish", talk(INIT + PUB + PING + FIN, False, "--wait-pings", "1"), "OK")
    quit_, expect = frame(1, {"reason": "r"}), ["--expect-softquit", "r"]
    note("softquit", talk(ALL + quit_, False, *expect), "OK")
    note("data after softquit", talk(ALL + quit_ + PING, False, *expect), "after the softquit")
    note("second softquit", talk(ALL + quit_ + quit_, False, *expect), "after the softquit")
    note("reset", talk(ALL, True), "unclean close")
    p = start("server", "--port", "0", "--timeout", "0.3")
    note("timeout", result(p), "timeout")


if __name__ == "__main__":
    good()
    faults()
    captured()
    refused()
    print("%d bad" % len(bad) if bad else "all as it should be")
    sys.exit(1 if bad else 0)
