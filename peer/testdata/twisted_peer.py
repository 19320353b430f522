#!/usr/bin/python3
"""A packetmq peer for interop tests, on Twisted and u-msgpack.

It sends what the Python library sends, in the library's order and encodings,
and is stricter than the library on what it receives. README.md beside this
file says how to run it.
"""

import argparse
import collections
import collections.abc
import io
import json
import struct
import sys

# u-msgpack up to 2.3 looks for a name here that Python 3.10 moved.
if not hasattr(collections, "Hashable"):
    collections.Hashable = collections.abc.Hashable

import umsgpack
from twisted.internet import error, protocol, reactor
from twisted.protocols.basic import Int32StringReceiver

VERSION = 1
INIT, SOFTQUIT, PUBIDS, FINISH = range(4)
INTERNAL = {
    "packetmq:handshake_init": INIT,
    "packetmq:softquit": SOFTQUIT,
    "packetmq:handshake_pubids": PUBIDS,
    "packetmq:handshake_finish": FINISH,
}
# What must have come before.
NEEDS = {PUBIDS: INIT, FINISH: PUBIDS}
PING, PONG = "app:ping", "app:pong"

VERSION_MISMATCH = "reason.versionmismatch"
SAME_POLICY = "reason.sameadaptivepolicy"
NONEQUAL = "reason.nonequalpackets"
# Faults of a handshake; the first two both sides see, so both send the softquit.
SEEN_BY_BOTH = {VERSION_MISMATCH, SAME_POLICY}
HANDSHAKE_FAULTS = SEEN_BY_BOTH | {NONEQUAL}

# How long the client listens on before it closes on its own, in seconds: time
# for a frame too many to show up.
LINGER = 0.05


class Fault(Exception):
    """Something that a correct peer never sends."""


# --- values -----------------------------------------------------------------


def decode(raw):
    """The one msgpack object in raw."""
    fp = io.BytesIO(raw)
    try:
        value = umsgpack.unpack(fp)
    except (umsgpack.UnpackException, RecursionError, TypeError, ValueError) as e:
        raise Fault("payload %s: %s %s" % (raw[:32].hex(), type(e).__name__, e))
    if fp.tell() != len(raw):
        raise Fault("%d trailing bytes after the payload" % (len(raw) - fp.tell()))
    return value


class Text:
    """How keys, names and reasons are written: as str (Python 3) or bin (Python 2)."""

    def __init__(self, flavour):
        self.bin = flavour == "bin"

    def wire(self, s):
        return s.encode() if self.bin else s

    def read(self, x, what):
        """Python 2 takes either form, Python 3 takes str alone."""
        if self.bin and isinstance(x, bytes):
            try:
                return x.decode()
            except UnicodeDecodeError:
                raise Fault("%s is not UTF-8: %r" % (what, x))
        if not isinstance(x, str):
            raise Fault("%s is no text: %r" % (what, x))
        return x

    def fields(self, value, what):
        """value as a dict with str keys."""
        if not isinstance(value, dict):
            raise Fault("%s is no map: %r" % (what, value))
        out = {}
        for k, v in value.items():
            k = self.read(k, what + " key")
            if k in out:
                raise Fault("%s has the key %s twice" % (what, k))
            out[k] = v
        return out

    def same(self, a, b):
        """Equal in content and type; 1, 1.0 and True all differ."""
        if isinstance(a, dict):
            if not isinstance(b, dict) or len(a) != len(b):
                return False
            if self.bin:  # in Python 2 'k' and u'k' are the same key
                a, b = ({self.loose(k): v for k, v in m.items()} for m in (a, b))
            return all(k in b and self.same(v, b[k]) for k, v in a.items())
        if isinstance(a, (list, tuple)):
            return (
                isinstance(b, (list, tuple))
                and len(a) == len(b)
                and all(map(self.same, a, b))
            )
        if isinstance(a, float):
            return isinstance(b, float) and struct.pack(">d", a) == struct.pack(">d", b)
        return type(a) is type(b) and a == b

    @staticmethod
    def loose(key):
        return key.encode() if isinstance(key, str) else key


INTS = [0, 1, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**40]
INTS += [2**63 - 1, 2**63, 2**64 - 1, -1, -32, -33, -128, -129, -32768, -32769]
INTS += [-(2**31), -(2**31) - 1, -(2**40), -(2**63)]
FLOATS = [0.0, -0.0, 1.5, -2.25, 1e300, 5e-324, float("inf"), float("-inf")]
# Lengths on both sides of msgpack's header sizes.
TEXTS = ["", "h\u00e9", "\u65e5\u672c\u8a9e", "\U0001f40d", "\u00e9" * 15 + "x", "\u00e9" * 16]
TEXTS += ["x" * 255, "\u00df" * 128]
BINS = [b"", b"\x00\xff", bytes(range(255)), bytes(range(256))]
LISTS = [[], list(range(15)), [None] * 16, [[1, [2, [3, []]]], [True, -1, 0.5]]]


def sample(n, key):
    """The n-th ping: a bit of everything, and n. key makes a map key of a str."""
    text = "\u00e9" * 33000 if n % 64 == 63 else TEXTS[n % len(TEXTS)]
    deep = {key("a"): {key("\u00fc"): {}, key("l"): [{key("z"): None}]}}
    wide = {key("k%d" % i): i for i in range(15 + n % 3)}
    value = {
        "n": n,
        "ints": INTS,
        "floats": FLOATS,
        "text": text,
        "bin": BINS[n % len(BINS)],
        "nil": None,
        "bools": [True, False],
        "list": LISTS[n % len(LISTS)],
        "deep": deep,
        "wide": wide,
    }
    return {key(k): v for k, v in value.items()}


# --- names ------------------------------------------------------------------


def hash_order(names):
    """About the order of a Python 2 dict (64 bit; hash collisions aside)."""
    size = 8
    while 3 * len(names) >= 2 * size:
        size *= 4

    def slot(name):
        x = ord(name[0]) << 7
        for c in name:
            x = (1000003 * x ^ ord(c)) & (2**64 - 1)
        return (x ^ len(name)) % size

    return sorted(names, key=slot)


ORDERS = {
    "registration": list,
    "reversed": lambda names: list(names)[::-1],
    "hash": hash_order,
}


def check_idmap(value, text):
    """The idmap of a peer as a dict, in its order."""
    idmap = text.fields(value, "idmap")
    owner = {}
    for name, i in idmap.items():
        if type(i) is not int or not 0 <= i <= 65535:
            raise Fault("idmap: %s has the id %r" % (name, i))
        if i in owner:
            raise Fault("idmap: id %d belongs to %s and %s" % (i, owner[i], name))
        owner[i] = name
        if name in INTERNAL:
            if i != INTERNAL[name]:
                raise Fault("idmap: %s moved to %d" % (name, i))
        elif i < 16:
            raise Fault("idmap: %s has the internal id %d" % (name, i))
        elif not name.isascii() or not all(name.partition(":")):
            raise Fault("idmap: %r is no packet name" % name)
    missing = [name for name in INTERNAL if name not in idmap]
    if missing:
        raise Fault("idmap lacks %s" % ", ".join(missing))
    return idmap


# --- the connection ---------------------------------------------------------


class Dribble:
    """Writes single bytes: as a pull producer it gets its turn when the last one is out."""

    def __init__(self, transport):
        self.transport = transport
        self.rest = collections.deque()
        self.registered = False

    def write(self, data):
        self.rest.extend(data)
        if self.rest and not self.registered:
            self.registered = True
            self.transport.registerProducer(self, False)

    def resumeProducing(self):
        if self.rest:
            self.transport.write(bytes([self.rest.popleft()]))
        else:
            self.registered = False
            self.transport.unregisterProducer()

    def stopProducing(self):
        self.rest.clear()


class Peer(Int32StringReceiver):
    def __init__(self, args, run):
        self.args = args
        self.run = run
        self.text = Text(args.keys)
        self.own = dict(INTERNAL, **args.packets)  # in registration order
        self.ids = self.own  # those in use on this connection, by name
        self.names = {i: name for name, i in self.ids.items()}
        self.states = ["connMade"]
        self.sent = set()  # internal packets sent
        self.got = set()  # internal packets received
        self.waiting = collections.deque()  # pings without a pong
        self.pings_out = self.pings_in = self.pongs_in = 0
        self.frames_in = self.frames_out = 0
        self.done = False
        self.sent_reason = self.got_reason = None
        self.sent_after_softquit = False

    @property
    def state(self):
        return self.states[-1]

    # Sending.

    def frame(self, i, value):
        self.frames_out += 1
        body = struct.pack(">H", i) + umsgpack.packb(value)
        return struct.pack(">I", len(body)) + body

    def init(self):
        self.sent.add(INIT)
        return self.frame(INIT, {self.text.wire("version"): self.args.version})

    def pubids(self):
        self.sent.add(PUBIDS)
        names = ORDERS[self.args.order](self.own)
        idmap = {self.text.wire(name): self.own[name] for name in names}
        adapt, key = self.args.adapt, self.text.wire
        return self.frame(PUBIDS, {key("adapt"): adapt, key("idmap"): idmap})

    def finish(self):
        self.sent.add(FINISH)
        return self.frame(FINISH, None)

    def softquit(self, reason):
        self.sent.add(SOFTQUIT)
        self.sent_reason = reason
        self.states.append("softquitted")
        return self.frame(SOFTQUIT, {self.text.wire("reason"): self.text.wire(reason)})

    def pings(self, count):
        frames = []
        for _ in range(count):
            value = sample(self.pings_out, self.text.wire)
            self.pings_out += 1
            self.waiting.append(value)
            frames.append(self.frame(self.ids[PING], value))
        return frames

    def send(self, *frames):
        for frame in frames:
            self.out.write(frame)

    def quit(self, reason):
        """Ends the connection for a fault in the handshake."""
        self.send(self.softquit(reason))
        both = reason in SEEN_BY_BOTH and reason == self.args.expect_softquit
        if reason != self.args.softquit and not both:
            self.fail("handshake: %s" % reason)

    # Receiving.

    def connectionMade(self):
        self.out = self.transport
        if self.args.dribble:
            self.out = Dribble(self.transport)
            if hasattr(self.transport, "setTcpNoDelay"):
                self.transport.setTcpNoDelay(True)
        if self.args.burst and not self.args.adapt:
            # The ids are ours, so nothing that follows depends on the peer.
            frames = [self.init(), self.pubids(), self.finish()]
            self.send(b"".join(frames + self.pings(self.args.burst)))
        else:
            self.send(self.init())

    def lengthLimitExceeded(self, length):
        self.fail("frame of %d bytes" % length)

    def stringReceived(self, frame):
        if self.run.code is not None:
            return
        try:
            self.receive(frame)
        except Fault as e:
            self.fail(str(e))
        except Exception as e:
            self.fail("%s: %s" % (type(e).__name__, e))

    def receive(self, frame):
        self.frames_in += 1
        if len(frame) < 3:
            raise Fault("frame of %d bytes" % len(frame))
        (i,) = struct.unpack(">H", frame[:2])
        if SOFTQUIT in self.got:
            raise Fault("packet %d after the softquit" % i)
        if i not in self.names:
            raise Fault("unknown id %d" % i)
        value = decode(frame[2:])
        if i not in INTERNAL.values():
            return self.on_data(self.names[i], value)
        if i in self.got:
            raise Fault("second %s" % self.names[i])
        if i in NEEDS and NEEDS[i] not in self.got:
            raise Fault("%s before %s" % (self.names[i], self.names[NEEDS[i]]))
        self.got.add(i)
        (self.on_init, self.on_softquit, self.on_pubids, self.on_finish)[i](value)

    def on_init(self, value):
        version = self.text.fields(value, "init").get("version")
        if type(version) is not int:
            raise Fault("version is %r" % (version,))
        if self.state == "softquitted":
            return
        if version != self.args.version:
            return self.quit(VERSION_MISMATCH)
        self.states.append("idcheck")
        if PUBIDS not in self.sent:
            self.send(self.pubids())

    def on_pubids(self, value):
        fields = self.text.fields(value, "pubids")
        if set(fields) != {"adapt", "idmap"}:
            raise Fault("pubids has the keys %s" % sorted(fields))
        adapt = fields["adapt"]
        if not isinstance(adapt, bool):
            raise Fault("adapt is %r" % (adapt,))
        idmap = check_idmap(fields["idmap"], self.text)
        if self.state == "softquitted":
            return
        if adapt == self.args.adapt:
            return self.quit(SAME_POLICY)
        if self.args.adapt:
            if not self.same_names(idmap):
                # The library goes on after its softquit; so does this peer.
                self.quit(NONEQUAL)
                self.sent_after_softquit = True
                return self.send(self.finish())
            self.ids = idmap
            self.names = {i: name for name, i in idmap.items()}
        self.activate()

    def same_names(self, idmap):
        """Python 3 compares lists; Python 2's order means nothing."""
        if self.text.bin:
            return set(idmap) == set(self.own)
        return list(idmap) == list(self.own)

    def activate(self):
        self.states.append("active")
        frames = []
        if FINISH not in self.sent:
            frames = [self.finish()] + self.pings(self.args.burst)
        self.send(b"".join(frames))
        if self.args.eager:
            self.send(*self.pings(self.args.pings))

    def on_finish(self, value):
        if value is not None:
            raise Fault("finish is %r" % (value,))
        if self.state != "active":
            return
        if not self.args.eager:
            self.send(*self.pings(self.args.pings))
        self.check_done()

    def on_softquit(self, value):
        fields = self.text.fields(value, "softquit")
        if set(fields) != {"reason"} | set(self.args.further_key):
            raise Fault("softquit has the keys %s" % sorted(fields))
        self.got_reason = self.text.read(fields["reason"], "reason")
        both = self.got_reason == self.sent_reason and self.got_reason in SEEN_BY_BOTH
        if self.got_reason != self.args.expect_softquit and not both:
            want = self.args.expect_softquit or "none"
            raise Fault("softquit %s, want %s" % (self.got_reason, want))
        self.transport.loseConnection()

    def on_data(self, name, value):
        if PUBIDS not in self.got:
            raise Fault("%s before pubids" % name)
        if name == PONG:
            self.on_pong(value)
        elif name != PING:
            raise Fault("%s, which nobody asked for" % name)
        elif self.state == "active":
            if isinstance(value, bytes):
                raise Fault("a ping that is bin at the top, which the library cannot echo")
            self.pings_in += 1
            self.send(self.frame(self.ids[PONG], value))
        self.check_done()

    def on_pong(self, value):
        if not self.waiting:
            raise Fault("a pong without a ping")
        want = self.waiting.popleft()
        if not self.text.same(want, value):
            raise Fault("pong %d differs: %s" % (self.pongs_in, difference(want, value)))
        self.pongs_in += 1

    # Ending.

    def worked(self):
        if self.args.role == "server":
            return self.pings_in >= self.args.wait_pings
        return self.pongs_in == self.args.pings + self.args.burst

    def check_done(self):
        if self.done or self.state != "active" or FINISH not in self.got or not self.worked():
            return
        self.done = True
        if self.args.softquit:
            self.send(self.softquit(self.args.softquit))
        elif not self.args.expect_softquit and self.args.role == "client":
            reactor.callLater(LINGER, self.transport.loseConnection)

    def connectionLost(self, reason):
        self.states.append("disconnected")
        if not reason.check(error.ConnectionDone) and not self.sent_after_softquit:
            return self.fail("unclean close: %s" % reason.getErrorMessage())
        if self._unprocessed:
            return self.fail("closed within a frame: %s" % self._unprocessed[:32].hex())
        if self.args.expect_softquit and not self.got_reason:
            return self.fail("closed without softquit %s" % self.args.expect_softquit)
        if self.args.softquit and not self.sent_reason:
            return self.fail("closed before softquit %s" % self.args.softquit)
        if not HANDSHAKE_FAULTS & {self.sent_reason, self.got_reason}:
            if FINISH not in self.got or not self.worked():
                return self.fail("closed too early: %s" % self.progress())
        self.run.end(0, "OK " + json.dumps(self.summary()))

    def fail(self, reason):
        if isinstance(self.out, Dribble):
            self.out.stopProducing()
        self.transport.loseConnection()
        self.run.end(1, "FAIL " + reason)

    def progress(self):
        return "state %s, %d pings in, %d pings out, %d pongs in" % (
            self.state,
            self.pings_in,
            self.pings_out,
            self.pongs_in,
        )

    def summary(self):
        return {
            "frames_in": self.frames_in,
            "frames_out": self.frames_out,
            "states": self.states,
            "reason": self.got_reason or self.sent_reason,
            "pings_in": self.pings_in,
            "pongs_in": self.pongs_in,
            "softquit_sent": self.sent_reason,
            "softquit_received": self.got_reason,
        }


def difference(want, got):
    if isinstance(want, dict) and isinstance(got, dict):
        for k, v in want.items():
            if k not in got or got[k] != v:
                return "%r: sent %.80r, got %.80r" % (k, v, got.get(k))
    return "sent %.80r, got %.80r" % (want, got)


# --- the run ----------------------------------------------------------------


class Run(protocol.ClientFactory):
    """One connection, from the first line of output to the exit code."""

    noisy = False

    def __init__(self, args):
        self.args = args
        self.code = None
        self.peer = None
        self.port = None

    def buildProtocol(self, addr):
        if self.peer is not None:
            return None
        if self.port is not None:
            self.port.stopListening()
        self.peer = Peer(self.args, self)
        return self.peer

    def clientConnectionFailed(self, connector, reason):
        self.end(1, "FAIL connect: %s" % reason.getErrorMessage())

    def start(self):
        args = self.args
        if args.role == "client":
            if args.unix:
                reactor.connectUNIX(args.unix, self, timeout=args.timeout)
            else:
                reactor.connectTCP(args.host, args.port, self, timeout=args.timeout)
        elif args.unix:
            self.port = reactor.listenUNIX(args.unix, self)
            self.say("LISTENING %s" % args.unix)
        else:
            self.port = reactor.listenTCP(args.port, self, interface=args.host)
            self.say("LISTENING %d" % self.port.getHost().port)
        reactor.callLater(args.timeout, self.timeout)

    def timeout(self):
        where = self.peer.progress() if self.peer else "no connection"
        self.end(1, "FAIL timeout after %gs: %s" % (self.args.timeout, where))

    def end(self, code, line):
        """Sets the outcome; the first one counts."""
        if self.code is not None:
            return
        self.code = code
        self.say(line)
        # A failing peer still closes; whether that works changes nothing any more.
        reactor.callLater(0 if code == 0 else LINGER, reactor.stop)

    @staticmethod
    def say(line):
        print(" ".join(line.splitlines()), flush=True)


def packet(arg):
    name, _, i = arg.rpartition("=")
    # The library registers 65536 as well, although it cannot send it.
    if not name or not i.isdecimal() or not 16 <= int(i) <= 65536:
        raise argparse.ArgumentTypeError("%r is not name=id with an id from 16" % arg)
    return name, int(i)


def parse(argv):
    p = argparse.ArgumentParser(description="packetmq interop test peer")
    p.add_argument("role", choices=["server", "client"])
    p.add_argument("--host", default="127.0.0.1")
    p.add_argument("--port", type=int, help="server: 0 takes a free one and prints it")
    p.add_argument("--unix", metavar="PATH", help="a Unix socket instead of host and port")
    p.add_argument("--adapt", action="store_true", help="take over the peer's ids")
    p.add_argument("--packet", type=packet, action="append", metavar="NAME=ID",
                   help="repeatable, in order (default app:ping=17 app:pong=18)")
    p.add_argument("--keys", choices=["str", "bin"], default="str",
                   help="keys, names and reasons as Python 3 (str) or 2 (bin) sends them")
    p.add_argument("--order", choices=sorted(ORDERS), default="registration",
                   help="of the names in the idmap")
    p.add_argument("--version", type=int, default=VERSION)
    p.add_argument("--dribble", action="store_true", help="send byte by byte")
    p.add_argument("--burst", type=int, default=0, metavar="N",
                   help="client: N pings in one segment with the handshake frames before them")
    p.add_argument("--eager", action="store_true",
                   help="client: pings after the own finish, without waiting for the peer's")
    p.add_argument("--pings", type=int, default=0, metavar="N", help="client: send N pings")
    p.add_argument("--wait-pings", type=int, default=0, metavar="N",
                   help="server: answer N pings, then go on")
    p.add_argument("--softquit", metavar="REASON", help="send it after the work")
    p.add_argument("--expect-softquit", metavar="REASON", help="the peer must send it")
    p.add_argument("--further-key", action="append", default=[], metavar="KEY",
                   help="of the peer's softquit; the library looks at none but reason")
    p.add_argument("--timeout", type=float, default=20, metavar="S")
    args = p.parse_args(argv)
    args.packets = dict(args.packet or [(PING, 17), (PONG, 18)])
    if args.packet and len(args.packets) != len(args.packet):
        p.error("a packet name is used twice")
    if len(set(args.packets.values())) != len(args.packets):
        p.error("a packet id is used twice")
    if (args.port is None) == (args.unix is None):
        p.error("either --port or --unix")
    if args.role == "server" and (args.pings or args.burst or args.eager):
        p.error("--pings, --burst and --eager are for the client")
    if args.role == "client" and args.wait_pings:
        p.error("--wait-pings is for the server")
    if (args.pings or args.burst) and not {PING, PONG} <= set(args.packets):
        p.error("pings need the packets app:ping and app:pong")
    return args


def main():
    run = Run(parse(sys.argv[1:]))
    try:
        run.start()
    except error.CannotListenError as e:
        run.say("FAIL listen: %s" % e)
        return 1
    reactor.run()
    return 1 if run.code is None else run.code


if __name__ == "__main__":
    sys.exit(main())
