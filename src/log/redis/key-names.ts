// Names of the log's keys and channels. All names share a hash tag, so in a Cluster all keys are in one slot.

export class KeyNames {
  /** The hash of the log. */
  readonly log: string;
  readonly #tag: string;

  /** @param prefix distinguishes logs that share a Redis server */
  constructor(prefix: string) {
    this.#tag = `{${prefix}}`;
    this.log = `${this.#tag}:log`;
  }

  /** Returns the name of a key that outlives an epoch. */
  shared(name: string): string {
    return `${this.#tag}:${name}`;
  }

  /** A room's hash, with its positions and size. */
  room(epoch: string, room: string): string {
    return `${this.#tag}:${epoch}:room:${room}`;
  }

  /** A room's stream, with its stored messages. */
  stream(epoch: string, room: string): string {
    return `${this.#tag}:${epoch}:kept:${room}`;
  }

  /** The sorted set of rooms with stored messages, ordered by the expiry of each room's newest message. */
  rooms(epoch: string): string {
    return `${this.#tag}:${epoch}:rooms`;
  }

  /** The index: the sorted set of all known rooms, ordered by the expiry of their hashes. */
  index(epoch: string): string {
    return `${this.#tag}:${epoch}:index`;
  }

  key(epoch: string, key: string): string {
    return `${this.#tag}:${epoch}:key:${key}`;
  }

  /** A hash for a room with presence: its users, and the number of sources that report each user. */
  users(room: string): string {
    return `${this.#tag}:users:${room}`;
  }

  /** A hash of the sources that report users or guests in a room, with their counts. */
  seenBy(room: string): string {
    return `${this.#tag}:seen:${room}`;
  }

  /** The channel for a room's presence changes. */
  presence(room: string): string {
    return `${this.#tag}:who:${room}`;
  }

  /** Returns the room of a presence channel. */
  presenceOf(channel: string): string | undefined {
    const start = this.presence("");
    return channel.startsWith(start) ? channel.slice(start.length) : undefined;
  }

  /**
   * The channel for a room's publications. Redis channels do not belong to a database, so two logs with the same prefix
   * share the same channels.
   */
  channel(epoch: string, room: string): string {
    return `${this.#channels(epoch)}${room}`;
  }

  /** Returns the room of a channel; undefined for other channels, including channels of a different epoch. */
  roomOf(epoch: string, channel: string): string | undefined {
    const start = this.#channels(epoch);
    return channel.startsWith(start) ? channel.slice(start.length) : undefined;
  }

  #channels(epoch: string): string {
    return `${this.#tag}:${epoch}:to:`;
  }
}
