// Names of the log's keys and channels. All share a hash tag, so they are in one slot of a Cluster.

export class KeyNames {
  /** The hash of the log. */
  readonly log: string;
  readonly #tag: string;

  /** @param prefix distinguishes several logs on one Redis */
  constructor(prefix: string) {
    this.#tag = `{${prefix}}`;
    this.log = `${this.#tag}:log`;
  }

  /** Name of a key that outlives an epoch. */
  shared(name: string): string {
    return `${this.#tag}:${name}`;
  }

  /** The hash of a room: its positions and size. */
  room(epoch: string, room: string): string {
    return `${this.#tag}:${epoch}:room:${room}`;
  }

  /** The stream of a room: its stored messages. */
  stream(epoch: string, room: string): string {
    return `${this.#tag}:${epoch}:kept:${room}`;
  }

  /** Sorted set of the rooms with stored messages, by the expiry of the newest. */
  rooms(epoch: string): string {
    return `${this.#tag}:${epoch}:rooms`;
  }

  /** Sorted set of all known rooms, by the expiry of their hash. */
  index(epoch: string): string {
    return `${this.#tag}:${epoch}:index`;
  }

  key(epoch: string, key: string): string {
    return `${this.#tag}:${epoch}:key:${key}`;
  }

  /** Hash of a room with presence: its users, and the number of sources that report each. */
  users(room: string): string {
    return `${this.#tag}:users:${room}`;
  }

  /** Hash of the sources that report users or guests in a room, with their counts. */
  seenBy(room: string): string {
    return `${this.#tag}:seen:${room}`;
  }

  /** Channel of the presence changes of a room. */
  presence(room: string): string {
    return `${this.#tag}:who:${room}`;
  }

  /** Returns the room of a presence channel. */
  presenceOf(channel: string): string | undefined {
    const start = this.presence("");
    return channel.startsWith(start) ? channel.slice(start.length) : undefined;
  }

  /**
   * Channel of a room's publications. Channels do not depend on the database: two logs with the same prefix share
   * them.
   */
  channel(epoch: string, room: string): string {
    return `${this.#channels(epoch)}${room}`;
  }

  /** Returns the room of a channel; undefined for other channels, also of another epoch. */
  roomOf(epoch: string, channel: string): string | undefined {
    const start = this.#channels(epoch);
    return channel.startsWith(start) ? channel.slice(start.length) : undefined;
  }

  #channels(epoch: string): string {
    return `${this.#tag}:${epoch}:to:`;
  }
}
