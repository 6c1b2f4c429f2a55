// Members that leave, and others that join, at a steady rate while messages flow.
import { connect } from "./members.ts";
import type { Clock, Swarm } from "./swarm.ts";
import { Receiver } from "./tally.ts";
import type { Guests } from "./window.ts";

export class Churn implements Clock {
  next: number;
  #replaced = 0;

  constructor(
    readonly swarm: Swarm,
    readonly guests: Guests,
    readonly perSecond: number,
    readonly size: number,
    start: number,
  ) {
    this.next = guests.members.length === 0 ? Infinity : start;
  }

  tick(): void {
    const { party, members } = this.guests;
    const member = members[this.#replaced++ % members.length]!;
    this.next += 1000 / this.perSecond;
    // A member whose handshake is in progress stays.
    if (!member.connection?.open) return;
    this.swarm.close(member.connection);
    member.receiver = newcomer(member.room);
    connect(member, party, this.swarm, this.size);
  }
}

/** A receiver that is checked for order, gaps and repeats, but has no expected number of deliveries. */
export function newcomer(room: number): Receiver {
  const receiver = new Receiver(room);
  receiver.late = true;
  receiver.counts = false;
  return receiver;
}
