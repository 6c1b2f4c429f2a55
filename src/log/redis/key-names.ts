// What our keys and channels are called. All share one hash tag: in a Cluster they are in one slot.

export class KeyNames {
  /** The log's own hash. */
  readonly log: string;
  readonly #tag: string;

  /** @param prefix tells several servers' logs on one Redis apart */
  constructor(prefix: string) {
    this.#tag = `{${prefix}}`;
    this.log = `${this.#tag}:log`;
  }

  /** Whatever outlives an epoch. */
  shared(name: string): string {
    return `${this.#tag}:${name}`;
  }

  /** Of a room: what is known of it, and what is kept. */
  room(epoch: string, room: string): string {
    return `${this.#tag}:${epoch}:room:${room}`;
  }

  kept(epoch: string, room: string): string {
    return `${this.#tag}:${epoch}:kept:${room}`;
  }

  /** The rooms of which something is kept. */
  rooms(epoch: string): string {
    return `${this.#tag}:${epoch}:rooms`;
  }

  /** All rooms of which something is known. */
  index(epoch: string): string {
    return `${this.#tag}:${epoch}:index`;
  }

  key(epoch: string, key: string): string {
    return `${this.#tag}:${epoch}:key:${key}`;
  }

  /** Of a room with presence: its users, by how many nodes see each. */
  users(room: string): string {
    return `${this.#tag}:users:${room}`;
  }

  /** Which nodes see anybody there, and how many. */
  seenBy(room: string): string {
    return `${this.#tag}:seen:${room}`;
  }

  /** Where changes of that are told of. */
  presence(room: string): string {
    return `${this.#tag}:who:${room}`;
  }

  /** The room of such a channel. */
  presenceOf(channel: string): string | undefined {
    const start = this.presence("");
    return channel.startsWith(start) ? channel.slice(start.length) : undefined;
  }

  /** Where a room's publications are told of. Channels have no databases: two logs of one name are one. */
  channel(epoch: string, room: string): string {
    return `${this.#channels(epoch)}${room}`;
  }

  /** The room of a channel, if it is one of a room. Undefined for one of another life of the log, too. */
  roomOf(epoch: string, channel: string): string | undefined {
    const start = this.#channels(epoch);
    return channel.startsWith(start) ? channel.slice(start.length) : undefined;
  }

  #channels(epoch: string): string {
    return `${this.#tag}:${epoch}:to:`;
  }
}
