// Makes members leave and new members join at a steady rate while messages flow.
import { connect } from "./members.ts";
import type { Clock, SocketLoop } from "./socket-loop.ts";
import { Receiver } from "./tally.ts";
import type { ConnectedParty } from "./window.ts";

export class Churn implements Clock {
  next: number;
  #replaced = 0;

  constructor(
    readonly loop: SocketLoop,
    readonly connected: ConnectedParty,
    readonly perSecond: number,
    readonly size: number,
    start: number,
  ) {
    this.next = connected.members.length === 0 ? Infinity : start;
  }

  tick(): void {
    const { party, members } = this.connected;
    const member = members[this.#replaced++ % members.length]!;
    this.next += 1000 / this.perSecond;
    // Members whose handshakes are still in progress do not leave.
    if (!member.connection?.open) return;
    this.loop.close(member.connection);
    member.receiver = lateReceiver(member.room);
    connect(member, party, this.loop, this.size);
  }
}

/** Creates a receiver whose deliveries are checked for order, gaps and repeats, but not for their total number. */
export function lateReceiver(room: number): Receiver {
  const receiver = new Receiver(room);
  receiver.late = true;
  receiver.counts = false;
  return receiver;
}
