// The sequence of a log's numbers. Logs that share a sequence number their publications in one order.

export class Sequence {
  /** @param last the newest seq: every publication up to it was delivered to the subscriber of its room */
  constructor(public last = 0) {}
}
