// Calls: a packet that asks and one that answers, with a deadline, errors and an end, in both
// directions.

import type { Client } from "./client.js";
import { decode, encode } from "./codec.js";
import { type Conn, isPromise } from "./conn.js";
import { PacketmqError, PayloadError } from "./errors.js";
import { cut } from "./handshake.js";
import type { Reader, Whole } from "./reader.js";
import { checkName, definePacket, type Definition, type PacketOptions, type PacketType } from "./registry.js";
import { t, type Type } from "./types.js";
import type { Writer } from "./writer.js";

/** Calls under way on a conn, in each direction. */
export const maxUnderWay = 1024;

/** Milliseconds for a call whose caller has set none. */
export const defaultTimeout = 10_000;

/** The longest time that the other side is told, in milliseconds: 24 days. */
const maxTimeout = 2 ** 31 - 1;

/** The longest text of an error, in bytes. */
const maxText = 1024;

/** Call is the definition of a call that is asked with a Q and answered with an A. Make it with defineCall. */
export interface Call<Q, A> extends Definition {
  readonly name: string;
  readonly request: PacketType<Request<Q>>;
  readonly answer: PacketType<Response<A>>;
}

/** What a request carries. With `cancel` nobody waits for the answer any more. */
interface Request<Q> {
  readonly id: Whole;
  readonly ms: number;
  readonly body: Q;
  readonly cancel: boolean;
}

interface Response<A> {
  readonly id: Whole;
  readonly error: CallError | undefined;
  readonly body: A;
}

/** defineCall defines a call by the name and the id of its request. The answer is name + ".answer", with the id after it. */
export function defineCall<Q, A>(name: string, id: number, q: Type<Q>, a: Type<A>, options: PacketOptions = {}): Call<Q, A> {
  const request = definePacket(name, id, requestType(q), options);
  const answer = definePacket(`${name}.answer`, id + 1, responseType(a), options);
  return { name, request, answer, packets: [request, answer] };
}

function requestType<Q>(q: Type<Q>): Type<Request<Q>> {
  return {
    name: `request of ${q.name}`,
    zero: () => ({ id: 0, ms: 0, body: q.zero(), cancel: false }),
    write(w, v) {
      w.array(v.cancel ? 1 : 3);
      writeWhole(w, v.id);
      if (v.cancel) return;
      w.int(v.ms);
      q.write(w, v.body);
    },
    read(r) {
      const n = r.array();
      const id = callId(r);
      if (n === 1) {
        r.leave();
        return { id, ms: 0, body: undefined as Q, cancel: true };
      }
      if (n !== 3) throw new PayloadError(`a request of ${n} elements`);
      const ms = Number(r.whole());
      if (ms < 0) throw new PayloadError("a request with a time below 0");
      const v = { id, ms, body: q.read(r), cancel: false };
      r.leave();
      return v;
    },
  };
}

function responseType<A>(a: Type<A>): Type<Response<A>> {
  return {
    name: `answer of ${a.name}`,
    zero: () => ({ id: 0, error: undefined, body: a.zero() }),
    write(w, v) {
      w.array(3);
      writeWhole(w, v.id);
      if (!v.error) {
        w.nil();
        a.write(w, v.body);
        return;
      }
      w.array(3);
      w.text(v.error.errorName);
      w.text(cut(v.error.text, maxText));
      if (v.error.data) w.raw(v.error.data);
      else w.nil();
      w.nil();
    },
    read(r) {
      const n = r.array();
      if (n !== 3) throw new PayloadError(`an answer of ${n} elements`);
      const id = callId(r);
      let error: CallError | undefined;
      if (!r.nil()) {
        if (r.array() !== 3) throw new PayloadError("an error that is not of three elements");
        const name = r.nil() ? "" : r.text();
        const text = r.nil() ? "" : r.text();
        const data = t.raw.read(r);
        error = new CallError(name, text, data[0] === 0xc0 ? undefined : data);
        r.leave();
      }
      const v = { id, error, body: a.read(r) };
      r.leave();
      return v;
    },
  };
}

function callId(r: Reader): Whole {
  const id = r.whole();
  if (id <= 0) throw new PayloadError(`the id of a call is ${id}`);
  return id;
}

function writeWhole(w: Writer, v: Whole): void {
  if (typeof v === "bigint") w.bigint(v);
  else w.int(v);
}

/** CallError is an error that an answer carries: by a name that both sides know, or with a text only. */
export class CallError extends PacketmqError {
  constructor(
    /** "application:error", or empty. */
    readonly errorName: string,
    /** For people. */
    readonly text: string = "",
    /** What belongs to the name, encoded; undefined: nothing. */
    readonly data?: Uint8Array,
  ) {
    super("call", [errorName, text].filter((s) => s !== "").join(": ") || "the call has failed");
  }
}

/** ErrorType is an error that both sides know by its name. Make it with defineError. */
export interface ErrorType<D = undefined> {
  readonly name: string;
  /** with makes the error for a handler to throw. */
  with(data: D, text?: string): CallError;
  /** is tells whether a call has failed with this error. */
  is(err: unknown): err is CallError;
  /** dataOf is what this error carries; undefined if err is none, or carries nothing. */
  dataOf(err: unknown): D | undefined;
}

/** defineError defines an error by a name, "application:error", and the type of its data if it has some. */
export function defineError(name: string): ErrorType;
export function defineError<D>(name: string, data: Type<D>): ErrorType<D>;
export function defineError<D>(name: string, data?: Type<D>): ErrorType<D> {
  checkName(name);
  return errorType(name, data);
}

function errorType<D>(name: string, data?: Type<D>): ErrorType<D> {
  const is = (err: unknown): err is CallError => err instanceof CallError && err.errorName === name;
  return {
    name,
    is,
    with: (d, text = "") => new CallError(name, text, data && d !== undefined ? encode(data, d) : undefined),
    dataOf: (err) => (data && is(err) && err.data ? decode(data, err.data) : undefined),
  };
}

/** Errors of this package that an answer can carry. */
export const CallErrors = {
  tooMany: errorType<undefined>("packetmq:toomany"),
  internal: errorType<undefined>("packetmq:internal"),
  stopped: errorType<undefined>("packetmq:stopped"),
  limited: errorType<undefined>("packetmq:limited"),
};

/** What a caller may say about a call. */
export interface CallOptions {
  /** Milliseconds for the answer. Default: 10,000. */
  readonly timeout?: number;
  /** Cancels the call, and tells the other side so. */
  readonly signal?: AbortSignal;
}

/** CallContext is what a handler of calls is told besides the request. */
export interface CallContext {
  readonly conn: Conn;
  /** It is aborted when nobody waits for the answer any more: cancelled, too late, or the conn is lost. */
  readonly signal: AbortSignal;
}

/**
 * call asks the other side of the client's conn and resolves with its answer. It rejects with a
 * CallError of the other side's, a PacketmqError of code timeout, cancelled or too_many, the ConnEnd
 * of its conn, or why it could not be sent. A call is not made again on another conn.
 */
export function call<Q, A>(client: Client, def: Call<Q, A>, q: Q, options: CallOptions = {}): Promise<A> {
  return callsOf(client).make(def, q, options);
}

/**
 * handleCall has f answer the calls of the other side with what it returns, or what its promise
 * brings. A CallError that it throws reaches the caller; of anything else the caller learns only
 * that it was an error, and the client's onError is told it.
 */
export function handleCall<Q, A>(client: Client, def: Call<Q, A>, f: (q: Q, context: CallContext) => A | Promise<A>): void {
  client.handle(def.request, (request, conn) => callsOf(client).on(conn).answer(def, request, f));
}

/** The Calls of a Client, for as long as that lives. */
const calls = new WeakMap<Client, Calls>();

function callsOf(client: Client): Calls {
  let c = calls.get(client);
  if (!c) calls.set(client, (c = new Calls(client)));
  return c;
}

/** Calls are those of one client. */
class Calls {
  private readonly conns = new Map<Conn, ConnCalls>();

  constructor(private readonly client: Client) {
    client.on("lost", (end, conn) => {
      this.conns.get(conn)?.lost(end);
      this.conns.delete(conn);
    });
  }

  /** on are the calls of a conn. */
  on(conn: Conn): ConnCalls {
    let c = this.conns.get(conn);
    if (!c) this.conns.set(conn, (c = new ConnCalls(conn, (def, err) => this.client.report(`the handler of call ${def.name} has failed`, err))));
    return c;
  }

  async make<Q, A>(def: Call<Q, A>, q: Q, options: CallOptions): Promise<A> {
    const conn = this.client.active();
    this.client.handle(def.answer, (response, conn) => this.on(conn).answered(def, response));
    return this.on(conn).make(def, q, options);
  }
}

/** A call of this side's that waits for its answer. */
interface Waiting {
  readonly def: Call<any, any>;
  readonly resolve: (answer: any) => void;
  readonly reject: (err: unknown) => void;
  readonly end: () => void; // of the timer and the signal
}

/** ConnCalls are the calls under way on one conn. */
class ConnCalls {
  private lastId = 0;
  private readonly waiting = new Map<Whole, Waiting>(); // this side's
  private readonly open = new Map<Whole, OpenCall>(); // the other side's

  constructor(
    private readonly conn: Conn,
    private readonly report: (def: Call<any, any>, err: unknown) => void,
  ) {}

  make<Q, A>(def: Call<Q, A>, q: Q, { timeout = defaultTimeout, signal }: CallOptions): Promise<A> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) throw cancelled(signal);
      if (this.waiting.size >= maxUnderWay) throw new PacketmqError("too_many", `${maxUnderWay} calls are under way`);
      const id = this.lastId + 1;
      this.conn.send(def.request, { id, ms: Math.min(Math.max(1, Math.ceil(timeout)), maxTimeout), body: q, cancel: false });
      this.lastId = id;
      const stop = this.conn.clock.after(timeout, () => this.settle(id)?.reject(new PacketmqError("timeout", `call ${def.name} was not answered in time`)));
      const abort = (): void => {
        const w = this.settle(id);
        if (!w) return;
        this.tellCancelled(def, id);
        w.reject(cancelled(signal!));
      };
      signal?.addEventListener("abort", abort);
      const end = (): void => {
        stop();
        signal?.removeEventListener("abort", abort);
      };
      this.waiting.set(id, { def, resolve, reject, end });
    });
  }

  /** answered takes an answer. One that nobody waits for any more is dropped. */
  answered<A>(def: Call<any, A>, response: Response<A>): void {
    const w = this.waiting.get(response.id);
    if (!w) return;
    if (w.def !== def) throw new PayloadError(`the answer of ${def.name} is to a call of ${w.def.name}`);
    this.settle(response.id);
    if (response.error) w.reject(response.error);
    else w.resolve(response.body);
  }

  /** answer takes a request, or the cancellation of one. */
  answer<Q, A>(def: Call<Q, A>, request: Request<Q>, f: (q: Q, context: CallContext) => A | Promise<A>): void {
    const { id } = request;
    if (request.cancel) return this.open.get(id)?.abort();
    if (this.open.has(id)) throw new PayloadError(`a call with the id ${id} is under way`);
    if (this.open.size >= maxUnderWay) return this.reply(def, id, CallErrors.tooMany.with(undefined, "too many calls are under way"));
    const o = new OpenCall(this.conn, request.ms || defaultTimeout, () => this.open.delete(id));
    this.open.set(id, o);
    const done = (send: () => void): void => {
      if (!this.open.has(id) || o.isOver) return; // nobody waits for it
      o.finish();
      send();
    };
    const fail = (err: unknown): void => done(() => this.reply(def, id, this.errorOf(def, err)));
    try {
      const result = f(request.body, o);
      if (isPromise(result)) result.then((body) => done(() => this.reply(def, id, undefined, body)), fail);
      else done(() => this.reply(def, id, undefined, result));
    } catch (err) {
      fail(err);
    }
  }

  /** errorOf is what the caller is told of an error. */
  private errorOf(def: Call<any, any>, err: unknown): CallError {
    if (err instanceof CallError) return err;
    this.report(def, err);
    return CallErrors.internal.with(undefined, "internal error");
  }

  /** lost ends all calls, because the conn has ended. */
  lost(end: Error): void {
    for (const id of [...this.waiting.keys()]) this.settle(id)?.reject(end);
    for (const o of [...this.open.values()]) o.abort();
  }

  /** settle takes out a call of this side's. */
  private settle(id: Whole): Waiting | undefined {
    const w = this.waiting.get(id);
    this.waiting.delete(id);
    w?.end();
    return w;
  }

  private tellCancelled(def: Call<any, any>, id: number): void {
    try {
      this.conn.send(def.request, { id, ms: 0, body: undefined, cancel: true });
    } catch {
      // The other side's deadline ends the call.
    }
  }

  /** reply answers. What cannot be sent is answered as an internal error. */
  private reply<A>(def: Call<any, A>, id: Whole, error: CallError | undefined, body?: A): void {
    if (this.conn.state !== "active") return;
    try {
      this.conn.send(def.answer, { id, error, body: body as A });
    } catch (err) {
      this.report(def, err);
      if (!(err instanceof PacketmqError) || (err.code !== "encode" && err.code !== "size")) return;
      const less = error && error.errorName !== "" ? new CallError(error.errorName) : CallErrors.internal.with(undefined);
      if (error?.text === "" && !error.data) return;
      this.reply(def, id, less);
    }
  }
}

/** OpenCall is a call of the other side's that is being handled. */
class OpenCall implements CallContext {
  private readonly controller = new AbortController();
  private readonly stop: () => void;
  isOver = false;

  constructor(
    readonly conn: Conn,
    ms: number,
    private readonly remove: () => void,
  ) {
    this.stop = conn.clock.after(ms, () => this.abort());
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** abort ends the call because nobody waits for it. */
  abort(): void {
    if (this.isOver) return;
    this.finish();
    this.controller.abort();
  }

  finish(): void {
    this.isOver = true;
    this.stop();
    this.remove();
  }
}

function cancelled(signal: AbortSignal): PacketmqError {
  return new PacketmqError("cancelled", "the call was cancelled", { cause: signal.reason });
}
