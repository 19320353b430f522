"""A packetmq server on Twisted and u-msgpack that answers bench:echo by bench:reply.

    python3 server.py HOST:PORT any|raw

It insists on its ids, and prints "listening HOST:PORT".
"""

import collections
import collections.abc
import resource
import struct
import sys

# u-msgpack up to 2.3 looks for a name here that Python 3.10 moved.
if not hasattr(collections, "Hashable"):
    collections.Hashable = collections.abc.Hashable

import umsgpack
from twisted.internet import protocol, reactor
from twisted.protocols.basic import Int32StringReceiver

INIT, SOFTQUIT, PUBIDS, FINISH = range(4)
ECHO, REPLY = 17, 18
IDMAP = {
    "packetmq:handshake_init": INIT,
    "packetmq:softquit": SOFTQUIT,
    "packetmq:handshake_pubids": PUBIDS,
    "packetmq:handshake_finish": FINISH,
    "bench:echo": ECHO,
    "bench:reply": REPLY,
}


class Peer(Int32StringReceiver):
    raw = False  # whether payloads go back as they came

    def connectionMade(self):
        self.transport.setTcpNoDelay(True)
        self.state = "connMade"
        self.handlers = {
            INIT: self.on_init,
            SOFTQUIT: self.on_softquit,
            PUBIDS: self.on_pubids,
            FINISH: self.on_finish,
            ECHO: self.on_echo,
        }
        self.send(INIT, {"version": 1})

    def send(self, i, value):
        self.sendString(struct.pack(">H", i) + umsgpack.packb(value))

    def stringReceived(self, frame):
        (i,) = struct.unpack(">H", frame[:2])
        if self.raw and i == ECHO and self.state == "active":
            self.sendString(struct.pack(">H", REPLY) + frame[2:])
            return
        handler = self.handlers.get(i)
        if handler is None:
            return self.refuse("reason.protocol")
        try:
            value = umsgpack.unpackb(frame[2:])
        except umsgpack.UnpackException:
            return self.refuse("reason.payload")
        handler(value)

    def lengthLimitExceeded(self, length):
        self.refuse("reason.frame")

    def refuse(self, reason):
        self.send(SOFTQUIT, {"reason": reason})
        self.transport.loseConnection()

    def step(self, before, after):
        """Moves on in the handshake; what is out of turn ends the connection."""
        if self.state != before:
            self.refuse("reason.protocol")
            return False
        self.state = after
        return True

    def on_init(self, value):
        if not isinstance(value, dict) or value.get("version") != 1:
            self.refuse("reason.versionmismatch")
        elif self.step("connMade", "idcheck"):
            self.send(PUBIDS, {"adapt": False, "idmap": IDMAP})

    def on_pubids(self, value):
        if not isinstance(value, dict) or value.get("adapt") is not True:
            self.refuse("reason.sameadaptivepolicy")
        elif self.step("idcheck", "active"):
            self.send(FINISH, None)

    def on_finish(self, value):
        if self.state != "active":
            self.refuse("reason.protocol")

    def on_softquit(self, value):
        self.transport.loseConnection()

    def on_echo(self, value):
        if self.state != "active":
            return self.refuse("reason.protocol")
        self.send(REPLY, value)


def main(address, mode):
    if mode not in ("raw", "any"):
        sys.exit("no mode %r: want raw or any" % mode)
    Peer.raw = mode == "raw"
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    host, _, port = address.rpartition(":")
    factory = protocol.Factory.forProtocol(Peer)
    factory.noisy = False
    at = reactor.listenTCP(int(port), factory, backlog=1024, interface=host).getHost()
    print("listening %s:%d" % (at.host, at.port), flush=True)
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
