// The number line of a log. Logs that share one give out their publications' seqs in one order.

export class Sequence {
  /** @param last the newest seq: every publication up to it has been given to those who follow its room */
  constructor(public last = 0) {}
}
