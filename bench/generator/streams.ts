// The streams. A stream consists of all messages from one publisher. All processes number the streams in the same way.

export class Streams {
  /** The room of each stream, and the stream's index within that room. */
  readonly room: number[] = [];
  readonly place: number[] = [];
  /** The streams of each room. */
  readonly ofRoom: number[][] = [];
  /** Sequence number of each stream's next message, which equals the number of messages planned so far. */
  readonly next: number[] = [];

  add(room: number): number {
    const stream = this.room.length;
    const others = (this.ofRoom[room] ??= []);
    this.room.push(room);
    this.place.push(others.length);
    this.next.push(0);
    others.push(stream);
    return stream;
  }

  get count(): number {
    return this.room.length;
  }

  /** Plans more messages, one per stream in turn, starting with stream `from`. Returns the number per stream. */
  plan(messages: number, from: number): number[] {
    const { count } = this;
    const shares = Array.from<number>({ length: count }).fill(Math.floor(messages / count));
    for (let rest = 0; rest < messages % count; rest++) shares[(from + rest) % count]!++;
    for (const [stream, share] of shares.entries()) this.next[stream]! += share;
    return shares;
  }
}
