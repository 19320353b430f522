#!/usr/bin/python3
"""A client on Twisted and u-msgpack that makes and handles calls by hand.

    shop_client.py PORT

It calls shop:buy of a server in Go, cancels such a call, and answers shop:stock, with
which the server calls it. What it sends is in section 15 of PROTOCOL.md. It says OK at
the end, or what was wrong.
"""

import collections
import collections.abc
import struct
import sys

# u-msgpack up to 2.3 looks for a name here that Python 3.10 moved.
if not hasattr(collections, "Hashable"):
    collections.Hashable = collections.abc.Hashable

import umsgpack
from twisted.internet import protocol, reactor
from twisted.protocols.basic import Int32StringReceiver

INIT, SOFTQUIT, PUBIDS, FINISH = range(4)
PACKETS = {
    "packetmq:handshake_init": INIT,
    "packetmq:softquit": SOFTQUIT,
    "packetmq:handshake_pubids": PUBIDS,
    "packetmq:handshake_finish": FINISH,
    "shop:buy": 40,
    "shop:buy.answer": 41,
    "shop:stock": 42,
    "shop:stock.answer": 43,
}
BUY, BOUGHT, STOCK, IN_STOCK = 40, 41, 42, 43


class Shopper(Int32StringReceiver):
    MAX_LENGTH = 99999

    def connectionMade(self):
        self.waiting = {}  # the function for the answer, by the id of the call
        self.last = 0  # the id of the last call
        self.send(INIT, {"version": 1})

    def send(self, packet, value):
        self.sendString(struct.pack(">H", packet) + umsgpack.packb(value))

    def call(self, body, answered, milliseconds=5000):
        self.last += 1
        self.waiting[self.last] = answered
        self.send(BUY, [self.last, milliseconds, body])
        return self.last

    def stringReceived(self, data):
        packet, value = struct.unpack(">H", data[:2])[0], umsgpack.unpackb(data[2:])
        if packet == INIT:
            self.send(PUBIDS, {"adapt": True, "idmap": PACKETS})
        elif packet == PUBIDS:  # the server's ids are the same
            self.send(FINISH, None)
            self.shop()
        elif packet == BOUGHT:
            number, error, body = value
            self.waiting.pop(number)(error, body)
        elif packet == STOCK:
            number, _, body = value
            if body["Of"] == "tea":
                self.send(IN_STOCK, [number, None, {"Left": 7}])
            else:
                self.send(IN_STOCK, [number, ["shop:unknown", "no " + body["Of"], None], None])
        elif packet == SOFTQUIT:
            self.quit("OK" if value["reason"] == "shop.done" else "softquit %r" % value)

    def shop(self):
        self.call({"Price": 3}, self.bought)

    def bought(self, error, body):
        if error is not None or body != {"Total": 3}:
            self.quit("bought: %r %r" % (error, body))
        self.call({"Price": 30}, self.refused)

    def refused(self, error, body):
        if body is not None or error != ["shop:poor", "at most 10", {"Short": 20}]:
            self.quit("refused: %r %r" % (error, body))
        # The server does not answer this one; it stops when it hears of the cancellation.
        number = self.call({"Price": -1}, lambda error, body: self.quit("answered: %r %r" % (error, body)))
        self.send(BUY, [number])

    def connectionLost(self, reason=protocol.connectionDone):
        self.quit("lost: %s" % reason.getErrorMessage())

    def quit(self, says):
        if reactor.running and not getattr(self, "over", False):
            self.over = True
            print(says)
            sys.stdout.flush()
            reactor.stop()


if __name__ == "__main__":
    protocol.ClientCreator(reactor, Shopper).connectTCP("127.0.0.1", int(sys.argv[1]))
    reactor.callLater(60, lambda: (print("too late"), reactor.stop()))
    reactor.run()
