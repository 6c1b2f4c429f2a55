// Who publishes into which room: a stream is all that one publisher sends. Every process knows the same ones.

export class Streams {
  /** The room of each stream, and its place among the streams of that room. */
  readonly room: number[] = [];
  readonly place: number[] = [];
  /** The streams of each room. */
  readonly ofRoom: number[][] = [];
  /** Messages planned so far: the number of the next one. */
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

  /** Plans `messages` more, each stream in its turn; `from` is where the turns had got to. Returns the counts. */
  plan(messages: number, from: number): number[] {
    const { count } = this;
    const shares = Array.from<number>({ length: count }).fill(Math.floor(messages / count));
    for (let rest = 0; rest < messages % count; rest++) shares[(from + rest) % count]!++;
    for (const [stream, share] of shares.entries()) this.next[stream]! += share;
    return shares;
  }
}
