// Buffers the start of a frame, line or message until its end arrives.

export class Carry {
  bytes = Buffer.alloc(0);
  length = 0;

  append(source: Uint8Array, from: number, to: number): void {
    const needed = this.length + to - from;
    if (needed > this.bytes.length) {
      const larger = Buffer.alloc(Math.max(128, needed * 2));
      larger.set(this.bytes.subarray(0, this.length));
      this.bytes = larger;
    }
    this.bytes.set(source.subarray(from, to), this.length);
    this.length = needed;
  }
}
