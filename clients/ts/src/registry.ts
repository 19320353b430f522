// Registry: the packets of a program, and their ids on a conn, which adapts to those of the
// other side.

import { MismatchError, PacketmqError, PayloadError, ProtocolError } from "./errors.js";
import type { Type } from "./types.js";

/** The ids of the packets that every side has. */
export const id = { init: 0, softquit: 1, pubids: 2, finish: 3, update: 13, ping: 14, pong: 15 } as const;

/** Their names, in the order of their ids. */
export const internalNames = [
  "packetmq:handshake_init",
  "packetmq:softquit",
  "packetmq:handshake_pubids",
  "packetmq:handshake_finish",
] as const;

/** Bounds on packets. */
export const minId = 16;
export const maxId = 65_535;
export const maxNames = 4096;
export const maxNameLength = 128;

/** What a packet may be given besides its name, id and type. */
export interface PacketOptions {
  /** The other side may lack the packet. Default: it must have it. */
  readonly optional?: boolean;
  /** The longest payload, in bytes, that is sent or taken. Default: what a frame holds. */
  readonly maxSize?: number;
}

/** Definition is what a Client can be given: a packet, or something that consists of packets. */
export interface Definition {
  readonly packets: readonly PacketType<any>[];
}

/** PacketType is a packet: what both sides agree on. Make it with definePacket. */
export interface PacketType<T> extends Definition {
  readonly name: string;
  /** The id of this side. On a conn that of the other side is used. */
  readonly id: number;
  readonly type: Type<T>;
  readonly options: PacketOptions;
}

/** definePacket defines a packet by its name, "application:packet", an id from 16 to 65,535, and the type of its values. */
export function definePacket<T>(name: string, id: number, type: Type<T>, options: PacketOptions = {}): PacketType<T> {
  checkName(name);
  if (!Number.isInteger(id) || id < minId || id > maxId) throw new PacketmqError("registry", `packet ${name} has id ${id}, which is not from ${minId} to ${maxId}`);
  const packet = { name, id, type, options, packets: [] as PacketType<any>[] };
  packet.packets.push(packet);
  return packet;
}

/** checkName throws if a name cannot be that of a packet or an error of a program. */
export function checkName(name: string): void {
  const colon = name.indexOf(":");
  const good = /^[\x20-\x7e]+$/.test(name) && name.length <= maxNameLength && colon > 0 && colon < name.length - 1;
  if (!good || name.startsWith("packetmq:")) {
    throw new PacketmqError("registry", `"${name.slice(0, maxNameLength)}" is no name: want "application:packet" in ASCII, at most ${maxNameLength} characters`);
  }
}

/** A name and an id, as a side tells them. */
export interface Entry {
  readonly name: string;
  readonly id: number;
}

/** Registry has the packets of a program. It does not change. */
export class Registry {
  private readonly byName = new Map<string, PacketType<any>>();
  /** The packets that the other side must have, and those that it may lack. */
  readonly required: readonly PacketType<any>[];
  readonly optional: readonly PacketType<any>[];

  constructor(definitions: readonly Definition[]) {
    const ids = new Map<number, string>();
    for (const p of definitions.flatMap((d) => d.packets)) {
      if (this.byName.get(p.name) === p) continue; // it was given twice
      const holder = ids.get(p.id);
      if (this.byName.has(p.name)) throw new PacketmqError("registry", `there are two packets ${p.name}`);
      if (holder !== undefined) throw new PacketmqError("registry", `packets ${holder} and ${p.name} have the same id ${p.id}`);
      this.byName.set(p.name, p);
      ids.set(p.id, p.name);
    }
    if (this.byName.size > maxNames - internalNames.length) throw new PacketmqError("registry", `more than ${maxNames} packets`);
    const all = [...this.byName.values()];
    this.required = all.filter((p) => !p.options.optional);
    this.optional = all.filter((p) => p.options.optional);
  }

  /** has tells whether a packet is one of the program's. */
  has(p: PacketType<any>): boolean {
    return this.byName.get(p.name) === p;
  }

  get(name: string): PacketType<any> | undefined {
    return this.byName.get(name);
  }
}

/** Table has the packets that both sides of a conn know, by the other side's ids. */
export class Table {
  private readonly ids = new Map<PacketType<any>, number>();
  private readonly types = new Map<number, PacketType<any>>();
  /** What the other side has told, removed packets included: an id is never that of another packet. */
  private readonly nameOf = new Map<number, string>();
  private readonly idOf = new Map<string, number>();
  private readonly live = new Set<string>();

  /**
   * The other side has told ids, and optional ones if the feature is in force on the conn. It throws
   * a MismatchError, or a ProtocolError for ids that cannot be.
   */
  constructor(
    private readonly registry: Registry,
    ids: readonly Entry[],
    optional: readonly Entry[] | undefined,
  ) {
    if (ids.length + (optional?.length ?? 0) > maxNames) throw new ProtocolError(`more than ${maxNames} names`);
    const extra: string[] = [];
    for (const e of ids) if (!registry.get(e.name) && !internalNames.includes(e.name as never)) extra.push(e.name);
    for (const e of [...ids, ...(optional ?? [])]) this.add(e);
    const missing: string[] = internalNames.filter((name) => !this.live.has(name));
    for (const p of registry.required) if (!this.live.has(p.name)) missing.push(p.name);
    if (missing.length + extra.length > 0) throw new MismatchError(missing, extra);
  }

  /** idOn is the id of a packet on the conn; undefined: the other side lacks it. */
  idOn(p: PacketType<any>): number | undefined {
    return this.ids.get(p);
  }

  /** typeOf is the packet with an id, one that the other side has removed included: it may be under way. */
  typeOf(id: number): PacketType<any> | undefined {
    return this.types.get(id);
  }

  /** update takes an update of the ids. It throws a ProtocolError if that breaks the rules. */
  update(add: readonly Entry[], drop: readonly string[]): void {
    for (const name of drop) {
      const p = this.registry.get(name);
      this.live.delete(name);
      if (p) this.ids.delete(p);
    }
    for (const e of add) {
      if (e.id < minId) throw new ProtocolError(`an update adds a packet with id ${e.id}`);
      if (e.name.length > maxNameLength) throw new ProtocolError(`an update adds a packet with a name of ${e.name.length} characters`);
      this.add(e);
    }
  }

  private add(e: Entry): void {
    const known = this.idOf.get(e.name);
    const holder = this.nameOf.get(e.id);
    if (this.live.has(e.name)) throw new ProtocolError(`packet ${e.name} is named twice`);
    if ((known !== undefined && known !== e.id) || (holder !== undefined && holder !== e.name)) {
      throw new ProtocolError(`packet ${e.name} has id ${e.id}, which is that of another, or has another id itself`);
    }
    const internal = internalNames.indexOf(e.name as never);
    if (internal >= 0 ? e.id !== internal : e.name.startsWith("packetmq:") ? e.id < 4 || e.id > 13 : e.id < minId) {
      throw new ProtocolError(`packet ${e.name} cannot have id ${e.id}`);
    }
    if (this.idOf.size >= maxNames && known === undefined) throw new ProtocolError(`more than ${maxNames} packets`);
    this.idOf.set(e.name, e.id);
    this.nameOf.set(e.id, e.name);
    this.live.add(e.name);
    const p = this.registry.get(e.name);
    if (p) {
      this.ids.set(p, e.id);
      this.types.set(e.id, p);
    }
  }
}

/** checkId throws if an id of the wire is none. */
export function checkId(id: number): number {
  if (id < 0 || id > maxId) throw new PayloadError(`id ${id} is out of range`);
  return id;
}
