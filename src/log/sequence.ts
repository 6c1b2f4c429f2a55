// The sequence that numbers a log's publications. Logs that share a sequence number their publications in one common
// order.

export class Sequence {
  /** @param last the newest seq; every publication up to this seq has been delivered to its room's subscriber */
  constructor(public last = 0) {}
}
