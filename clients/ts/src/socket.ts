// Socket: a WebSocket that carries a conn.

import { PacketmqError } from "./errors.js";
import type { Conn, Link } from "./conn.js";
import { cut } from "./handshake.js";

/** What this package uses of a WebSocket. That of browsers is one, and so is that of the package ws. */
export interface WebSocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/** What the server agrees to. */
export const subprotocol = "packetmq.1";

/** The longest reason of a close frame, in bytes. */
const maxCloseReason = 123;

/** Socket gives a conn what arrives, and sends what the conn has, once for all of a callback. */
export class Socket implements Link {
  private conn: Conn | undefined;
  private opened = false;
  private ended = false;
  private woken = false;
  private readonly ws: WebSocketLike;

  /**
   * makeConn is called when the stream is up. failed is called instead if it does not come up, and
   * not again after either.
   */
  constructor(WebSocket: WebSocketConstructor, url: string, makeConn: (link: Link) => Conn, failed: (err: Error) => void) {
    const ws = new WebSocket(url, [subprotocol]);
    this.ws = ws;
    ws.binaryType = "arraybuffer";
    ws.onopen = () => {
      if (this.ended) return;
      this.opened = true;
      this.conn = makeConn(this);
      this.conn.open();
    };
    ws.onmessage = (event) => {
      if (event.data instanceof ArrayBuffer) this.conn?.receive(new Uint8Array(event.data));
      else this.conn?.fault("reason.protocol", new PacketmqError("protocol", "a text message"));
    };
    ws.onclose = (event) => {
      const said = event.reason ? `: ${event.reason}` : "";
      const err = new PacketmqError("connect", `the WebSocket has closed with code ${event.code}${said}`);
      if (this.conn) this.conn.gone(err);
      else if (!this.ended) failed(err);
      this.ended = true;
    };
    ws.onerror = () => {}; // onclose follows
  }

  /** giveUp ends a WebSocket that has not come up. Nothing is called any more. */
  giveUp(): void {
    if (this.opened) return;
    this.ended = true;
    this.ws.close();
  }

  wake(): void {
    if (this.woken || this.ended) return;
    this.woken = true;
    queueMicrotask(() => {
      this.woken = false;
      if (!this.ended) this.flush();
    });
  }

  close(reason: string): void {
    if (this.ended) return;
    this.flush();
    this.ended = true;
    this.ws.close(1000, cut(reason, maxCloseReason));
  }

  waiting(): number {
    return this.ws.bufferedAmount;
  }

  private flush(): void {
    const bytes = this.conn?.take();
    if (bytes && bytes.length > 0) this.ws.send(bytes);
  }
}
