// Client: a program's side of conns to a server, one at a time, over WebSocket.

import { Backoff, type BackoffOptions } from "./backoff.js";
import { type Clock, systemClock } from "./clock.js";
import { Conn, type Extension, type Limits, type Program } from "./conn.js";
import { type ConnEnd, PacketmqError } from "./errors.js";
import { Feature } from "./handshake.js";
import { Reason } from "./reason.js";
import { type Definition, type PacketType, Registry } from "./registry.js";
import { Socket, type WebSocketConstructor } from "./socket.js";

/** Settings of a Client. What is missing means the default. */
export interface ClientOptions extends Partial<Limits> {
  /** What the client shows of who it is, at most 4,096 bytes. A function is called before each attempt. Default: nothing. */
  readonly token?: Token | (() => Token | Promise<Token>);
  /** What this program calls itself, at most 64 bytes. Default: nothing. */
  readonly version?: string;
  /** Whether and how the client comes back when it has lost its conn. Default: it does not. */
  readonly reconnect?: boolean | BackoffOptions;
  /** Milliseconds for a WebSocket to open. Default: 5,000. */
  readonly connect?: number;
  /** The WebSocket of Node before 22, which has none: that of the package ws. Default: globalThis.WebSocket. */
  readonly WebSocket?: WebSocketConstructor;
  /** Told errors that nobody else can be told: of listeners, and of handlers of calls. Default: console.error. */
  readonly onError?: (what: string, err: unknown) => void;
  /** Default: the real time. */
  readonly clock?: Clock;
}

type Token = string | Uint8Array;

/** What a Client tells, and with what. */
export interface ClientEvents {
  /** The handshake is done: packets can be sent. */
  made: (conn: Conn) => void;
  /** A conn that was made has ended. */
  lost: (end: ConnEnd, conn: Conn) => void;
  /** An attempt has failed. */
  failed: (err: PacketmqError) => void;
  /** The server has told of packets that are new, or are gone. */
  updated: (conn: Conn) => void;
}

/**
 * How a handler takes the packets of a type; size is the length of the payload, in bytes. What it
 * throws, or rejects with, ends the conn with reason.handler. Packets do not wait for its promise.
 */
export type Handler<T> = (value: T, conn: Conn, size: number) => unknown;

/** The defaults of a conn's bounds. */
export const defaultLimits: Limits = {
  maxFrame: 1_048_576,
  maxPending: 8_388_608,
  handshake: 5000,
  frameTime: 10_000,
  ping: 30_000,
  idle: 90_000,
};

const defaultConnect = 5000;

/** The longest version that is told, in bytes. */
const maxVersion = 64;

/** How often sendWait looks whether there is room, in milliseconds. */
const roomEvery = 5;

/** Client is one side of conversations with servers. */
export class Client {
  readonly clock: Clock;
  /** The conn that is made; undefined: there is none now. */
  conn: Conn | undefined;

  private readonly limits: Limits;
  private readonly program: Program;
  private readonly registry: Registry;
  private readonly handlers = new Map<PacketType<any>, Handler<any>>();
  private readonly extensions = new Map<number, Extension>();
  private readonly listeners: { [E in keyof ClientEvents]: Set<ClientEvents[E]> } = {
    made: new Set(),
    lost: new Set(),
    failed: new Set(),
    updated: new Set(),
  };
  private readonly reported = new Set<PacketType<any>>(); // unhandled packets that the program was told of
  private current: Attempt | undefined; // undefined: the client is to have no conn
  private token: Uint8Array | undefined;

  /** A client has packets, calls and what else consists of packets: the server must have the same. */
  constructor(
    packets: readonly Definition[],
    private readonly options: ClientOptions = {},
  ) {
    this.registry = new Registry(packets);
    if (new TextEncoder().encode(options.version ?? "").length > maxVersion) throw new PacketmqError("registry", `the version has more than ${maxVersion} bytes`);
    this.clock = options.clock ?? systemClock;
    this.limits = { ...defaultLimits, ...defined(options) };
    this.program = {
      registry: this.registry,
      version: options.version ?? "",
      features: () => [...this.extensions.keys()].reduce((bits, f) => bits | (1 << f), (1 << Feature.optional) | (1 << Feature.program)),
      extension: (f) => this.extensions.get(f),
      handler: (p) => this.handlers.get(p) ?? this.unhandled(p),
      token: () => this.token,
      made: (conn) => this.onMade(conn),
      updated: (conn) => this.tell("updated", conn),
      lost: (conn, end) => this.onLost(conn, end),
    };
  }

  /** handle has f called with each packet of a type, in the order in which they come. A second f takes the place of the first. */
  handle<T>(p: PacketType<T>, f: Handler<T>): this {
    if (!this.registry.has(p)) throw new PacketmqError("registry", `packet ${p.name} was not given to the client`);
    this.handlers.set(p, f);
    return this;
  }

  /** on has f called when something happens. The result takes that back. */
  on<E extends keyof ClientEvents>(event: E, f: ClientEvents[E]): () => void {
    this.listeners[event].add(f);
    return () => void this.listeners[event].delete(f);
  }

  /** extend adds a feature, for conns that are made from now on. */
  extend(extension: Extension): void {
    if (this.extensions.has(extension.feature)) throw new PacketmqError("registry", `feature ${extension.feature} is taken`);
    this.extensions.set(extension.feature, extension);
  }

  /**
   * connect connects to a server: "ws://host:port/path" or "wss://…". With `reconnect` it tries until
   * it has a conn, and then comes back whenever that is lost. It rejects when there will be no conn.
   */
  connect(url: string): Promise<Conn> {
    if (this.current) return Promise.reject(new PacketmqError("connect", "the client has a conn, or is about to"));
    return new Promise((resolve, reject) => {
      const { reconnect } = this.options;
      const backoff = reconnect ? new Backoff(reconnect === true ? {} : reconnect) : undefined;
      this.current = { url, to: url, backoff, resolve, reject, stop: () => {}, madeAt: 0 };
      void this.attempt(this.current);
    });
  }

  /** send sends a packet on the client's conn. It throws a PacketmqError, and then has sent nothing. */
  send<T>(p: PacketType<T>, value: T): void {
    this.active().send(p, value);
  }

  /** sendWait is send that waits until there is room. It rejects if the conn ends meanwhile. */
  async sendWait<T>(p: PacketType<T>, value: T): Promise<void> {
    const conn = this.active();
    while (conn.state === "active" && conn.pending > this.limits.maxPending / 2) {
      await new Promise<void>((resolve) => this.clock.after(roomEvery, resolve));
    }
    conn.send(p, value);
  }

  /** active is the client's conn, or throws a PacketmqError if there is none. */
  active(): Conn {
    if (!this.conn) throw new PacketmqError("not_active", "there is no conn");
    return this.conn;
  }

  /** close ends the conn, and has the client not come back. It may connect again. */
  close(reason: string = Reason.generic): void {
    const attempt = this.current;
    this.current = undefined;
    attempt?.stop();
    attempt?.reject(new PacketmqError("connect", "the client was closed"));
    this.conn?.softquit(reason);
  }

  /** unhandled tells the program of a packet that nobody handles, once for each type. */
  private unhandled(p: PacketType<any>): undefined {
    if (this.reported.has(p)) return;
    this.reported.add(p);
    this.report("packets are dropped", new PacketmqError("registry", `nobody handles packet ${p.name}`));
  }

  private async attempt(a: Attempt): Promise<void> {
    try {
      this.token = await tokenOf(this.options.token);
    } catch (err) {
      return this.failed(a, new PacketmqError("connect", "no token", { cause: err }));
    }
    if (this.current !== a) return;
    const WebSocket = this.options.WebSocket ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
    if (!WebSocket) return this.stop(a, new PacketmqError("connect", "there is no WebSocket: give the client one, such as that of the package ws"));
    let conn: Conn | undefined;
    let socket: Socket;
    const stopTimer = this.clock.after(this.options.connect ?? defaultConnect, () => {
      socket.giveUp();
      this.failed(a, new PacketmqError("connect", "the WebSocket has not opened in time"));
    });
    try {
      socket = new Socket(
        WebSocket,
        a.to,
        (link) => {
          stopTimer();
          return (conn = new Conn(this.program, this.limits, this.clock, link));
        },
        (err) => {
          stopTimer();
          this.failed(a, err as PacketmqError);
        },
      );
    } catch (err) {
      stopTimer();
      const failure = new PacketmqError("connect", `cannot connect to ${a.to}`, { cause: err });
      return a.to === a.url ? this.stop(a, failure) : this.failed(a, failure);
    }
    a.stop = () => {
      stopTimer();
      if (conn) conn.softquit();
      else socket.giveUp();
    };
  }

  private onMade(conn: Conn): void {
    const a = this.current;
    if (!a) return conn.softquit();
    this.conn = conn;
    a.madeAt = this.clock.now();
    a.stop = () => {};
    this.tell("made", conn);
    a.resolve(conn);
  }

  private onLost(conn: Conn, end: ConnEnd): void {
    const a = this.current;
    if (!conn.made) {
      if (a) this.failed(a, end, end);
      return;
    }
    if (this.conn === conn) this.conn = undefined;
    this.tell("lost", end, conn);
    if (!a || a !== this.current) return;
    if (end.kind === "closed") this.stop(a, end);
    else {
      a.backoff?.failure(this.clock.now() - a.madeAt);
      this.again(a, end, end);
    }
  }

  /** failed is told that an attempt has failed. */
  private failed(a: Attempt, err: PacketmqError, end?: ConnEnd): void {
    if (this.current !== a) return;
    a.to = a.url; // the program knows best where a server is
    a.backoff?.failure();
    this.tell("failed", err);
    if (this.current === a) this.again(a, err, end);
  }

  /** again has the next attempt begin later, if there is to be one. */
  private again(a: Attempt, err: PacketmqError, end: ConnEnd | undefined): void {
    if (!a.backoff?.again(end?.reason ?? "", end?.advice)) return this.stop(a, err);
    const next = a.backoff.next(a.to, end?.advice);
    a.to = next.to;
    a.stop = this.clock.after(next.wait, () => void this.attempt(a));
  }

  private stop(a: Attempt, err: PacketmqError): void {
    if (this.current === a) this.current = undefined;
    a.reject(err);
  }

  /** report tells the program an error that nobody else can be told. */
  report(what: string, err: unknown): void {
    const f = this.options.onError ?? ((what: string, err: unknown) => console.error(`packetmq: ${what}:`, err));
    f(what, err);
  }

  /** tell calls listeners. What one of them throws keeps nobody else from being told. */
  private tell<E extends keyof ClientEvents>(event: E, ...args: Parameters<ClientEvents[E]>): void {
    for (const f of [...this.listeners[event]]) {
      try {
        (f as (...args: unknown[]) => void)(...args);
      } catch (err) {
        this.report(`a listener for "${event}" has failed`, err);
      }
    }
  }
}

/** What a client is doing to have a conn. */
interface Attempt {
  readonly url: string; // where the program wants to go
  to: string; // where the next attempt goes, if a server has advised something else
  readonly backoff: Backoff | undefined;
  readonly resolve: (conn: Conn) => void; // both only count the first time
  readonly reject: (err: Error) => void;
  stop: () => void; // ends what is under way
  madeAt: number;
}

async function tokenOf(token: ClientOptions["token"]): Promise<Uint8Array | undefined> {
  const v = typeof token === "function" ? await token() : token;
  return typeof v === "string" ? new TextEncoder().encode(v) : v;
}

/** defined is o without what is undefined, which would hide a default. */
function defined<T extends object>(o: T): Partial<T> {
  return Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined)) as Partial<T>;
}
