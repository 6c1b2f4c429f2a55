// Presence over several nodes: each writes who is in its rooms under a lease, and hears what the others write.
import type { Members } from "../../../rooms/presence/presence-set.ts";
import { BACK, LIST_SIZE } from "../../../rooms/presence/presence-diff.ts";
import type { Crowd } from "../../peers.ts";
import { END, LAPSE, LOOK, PRESENT } from "./presence-scripts.ts";
import { CrowdWriter, type Run, STEP } from "./presence-writer.ts";
import { type Change, FollowedCrowd, readLook } from "./presence-subscription.ts";
import type { Link } from "../redis-connection.ts";
import type { Names } from "../key-names.ts";
import type { Ask } from "../redis-peers.ts";

/** Of what is said of users in a room so many bytes are read: some are seen on several nodes. */
const MOST = 2 * LIST_SIZE;

export class RedisCrowd implements Crowd {
  readonly #rooms = new Map<string, FollowedCrowd>();
  #joining: FollowedCrowd[] = [];
  /** Each connection is a source of its own: what an earlier one wrote is swept up once this one has written all. */
  readonly #writer: CrowdWriter;
  #connections = 0;
  /** Where it has said that it is there. */
  #active: Link | undefined;
  #entering: Link | undefined;
  /** When it last renewed its lease. */
  #renewed = performance.now();
  /** The number of the newest change that Redis had, and when Redis was found to have lost some. */
  #newest = 0;
  #lost = Number.NEGATIVE_INFINITY;
  #reloading = false;
  #closed = false;
  readonly #refreshing: Timer;
  readonly #run: Run = (link, script, args) => {
    const keys = ["sources", "leaving", "changes"].map((name) => this.names.shared(name));
    return link.eval(script, keys, [this.names.shared(""), ...args]);
  };

  /** @param lease a node that was not heard of for so long is gone, in ms */
  constructor(
    readonly node: string,
    readonly names: Names,
    readonly link: () => Link | undefined,
    readonly ask: Ask,
    readonly lease: number,
  ) {
    this.#writer = new CrowdWriter(
      this.#rooms,
      () => (this.#active === this.link() ? this.#active : undefined),
      this.#run,
      (where, error) => this.#failed(where, error),
    );
    this.#refreshing = setInterval(() => void this.#refresh(), lease / 3);
    this.#refreshing.unref();
  }

  follow(name: string, members: Members, onNews: () => void): Promise<void> {
    const room = new FollowedCrowd(name, members, onNews, (source) => source.startsWith(`${this.node}/`));
    this.#rooms.set(name, room);
    for (const user of members.claims()) this.changed(name, user);
    if (members.guestsHere > 0) this.changed(name, undefined);
    if (this.#joining.push(room) === 1) queueMicrotask(() => this.#join());
    return room.started.promise;
  }

  unfollow(name: string): void {
    const room = this.#rooms.get(name);
    if (!room) return;
    const link = this.#active;
    if (link && room.dirty.size > 0) this.#writer.say(link, room);
    this.#rooms.delete(name);
    room.started.resolve();
    this.link()?.unsubscribe([this.names.presence(name)]);
    // Its rule has ended: they are here, but that is told no more.
    if (link && !room.members.deserted) void this.#retract(link, name);
  }

  changed(name: string, user: string | undefined): void {
    const room = this.#rooms.get(name);
    if (room) this.#writer.note(room, user);
  }

  async look(name: string, members: Members): Promise<void> {
    const reply = await this.ask((link) => this.#run(link, LOOK, [name, members.limit, MOST]));
    new FollowedCrowd(
      name,
      members,
      () => {},
      () => false,
    ).replace(readLook(reply), true);
  }

  /** What came on a channel. False when it is none of these. */
  take(channel: string, text: string): boolean {
    const name = this.names.presenceOf(channel);
    if (name === undefined) return false;
    const room = this.#rooms.get(name);
    if (!room) return true;
    const change = JSON.parse(text) as Change;
    this.#newest = Math.max(this.#newest, change[0]);
    const link = this.link();
    if (!room.take(change) && link) void this.#read(link, room);
    return true;
  }

  /** A new connection, or an old one on which this node was taken for gone: all is written and read anew. */
  async enter(link: Link): Promise<void> {
    if (this.#closed || this.#entering === link) return;
    this.#entering = link;
    this.#active = undefined;
    try {
      const before = this.#writer.source;
      const source = `${this.node}/${++this.#connections}`;
      const newest = Number(await this.#run(link, PRESENT, [source, this.lease, 1]));
      if (this.link() !== link) return;
      if (newest < this.#newest) this.#lost = performance.now();
      this.#newest = newest;
      this.#writer.source = source;
      this.#renewed = performance.now();
      this.#active = link;
      this.#joining = [];
      const rooms = [...this.#rooms.values()];
      const subscribing = link.subscribe(rooms.map(({ name }) => this.names.presence(name)));
      const said = rooms.map((room) => {
        for (const user of room.members.claims()) room.dirty.add(user);
        room.dirty.add(undefined);
        return this.#writer.say(link, room, before);
      });
      await Promise.all([subscribing, ...said, ...rooms.map((room) => this.#read(link, room))]);
      if (before !== "") await this.#run(link, END, [before]);
      await this.#sweep(link);
    } catch (error) {
      this.#failed(link, error as Error);
    } finally {
      if (this.#entering === link) this.#entering = undefined;
    }
  }

  /** This node leaves: those whom it saw are present for their grace, which they may need to come back elsewhere. */
  async leave(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#refreshing);
    this.#writer.close();
    const link = this.#active;
    if (!link || link !== this.link()) return;
    await this.#writer.flush();
    await this.#writer.part(
      link,
      [...this.#rooms.values()].map(({ name, members }) => [name, members.rule.grace]),
    );
    await this.#run(link, END, [this.#writer.source]);
    await this.#sweep(link);
  }

  /** Follows the rooms of this turn. Where there is no connection, the next one does. */
  #join(): void {
    const link = this.link();
    const rooms = this.#joining.filter((room) => this.#rooms.get(room.name) === room);
    if (!link || rooms.length === 0) return;
    this.#joining = [];
    link
      .subscribe(rooms.map(({ name }) => this.names.presence(name)))
      .catch((error: unknown) => this.#failed(link, error as Error));
    for (const room of rooms) void this.#read(link, room);
  }

  /** Subscribed is first, then asked: what is newer than the answer comes as a change. */
  async #read(link: Link, room: FollowedCrowd): Promise<void> {
    const early: Change[] = [];
    room.early = early;
    try {
      const look = readLook(await this.#run(link, LOOK, [room.name, room.members.limit, MOST]));
      // Another connection reads it too, or did.
      if (room.early !== early || this.#rooms.get(room.name) !== room) return;
      room.early = undefined;
      room.replace(look, performance.now() - this.#lost > this.lease);
      for (const change of early) if (!room.take(change)) return void this.#read(link, room);
    } catch (error) {
      if (room.early !== early) return;
      room.early = undefined;
      room.stale = true;
      this.#failed(link, error as Error);
    } finally {
      if (room.early === undefined) room.started.resolve();
    }
  }

  /** Renews the lease; sees to those whose lease has ended, and to what could not be done before. */
  async #refresh(): Promise<void> {
    const link = this.link();
    const now = performance.now();
    if (now - this.#renewed > this.lease) for (const room of this.#rooms.values()) room.dropAll();
    if (!link || this.#entering === link) return;
    if (this.#active !== link) return this.enter(link);
    try {
      await this.#run(link, PRESENT, [this.#writer.source, this.lease, 0]);
      this.#renewed = performance.now();
      await this.#sweep(link);
    } catch (error) {
      return this.#failed(link, error as Error);
    }
    const mended = now - this.#lost > this.lease && this.#lost > 0;
    if (mended) this.#lost = Number.NEGATIVE_INFINITY;
    for (const room of this.#rooms.values()) {
      const { members, stale, early } = room;
      const fits = members.partial && members.users <= members.limit * BACK;
      if (!early && (stale || mended || fits)) void this.#read(link, room);
    }
    void this.#writer.flush();
  }

  /** Whom this node saw there is not told any more. */
  async #retract(link: Link, name: string): Promise<void> {
    try {
      await this.#writer.part(link, [[name, 0]]);
      await this.#sweep(link);
    } catch {
      this.#renew(link);
    }
  }

  async #sweep(link: Link): Promise<void> {
    while (Number(await this.#run(link, LAPSE, [STEP])) > 0) {
      // Step by step, so that Redis answers others in between.
    }
  }

  /** What went wrong is put right here, or by the next refresh, or by the next connection. */
  #failed(link: Link, { message }: Error): void {
    if (this.link() !== link || this.#closed) return;
    if (message.startsWith("NOSCRIPT")) this.#reload(link);
    else if (message.startsWith("GONE")) this.#renew(link);
  }

  /** Somebody threw the scripts out. */
  #reload(link: Link): void {
    if (this.#reloading) return;
    this.#reloading = true;
    link
      .reload()
      .then(() => this.#refresh())
      .catch(() => {
        // The connection is gone: the next one has them.
      })
      .finally(() => (this.#reloading = false));
  }

  /** The others may have been told that this node is gone. */
  #renew(link: Link): void {
    if (this.#active === link) void this.enter(link);
  }
}
