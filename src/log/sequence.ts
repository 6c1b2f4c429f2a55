// The sequence that numbers a log's publications. If several logs share a sequence, their publications are numbered in
// a single overall order.

export class Sequence {
  /** @param last the newest seq; every publication up to this seq has been delivered to its room's subscriber */
  constructor(public last = 0) {}
}
