// Micro-benchmarks of the fan-out: the sweep, and a delivery to sockets that only count calls.
import { bench, group } from "mitata";
import { socketLimitsFor } from "../../src/hub/backpressure.ts";
import { FanOut } from "../../src/hub/fan-out.ts";
import type { SessionEvents } from "../../src/hub/session-events.ts";
import { Room } from "../../src/hub/room.ts";
import { TopicSession } from "../../src/hub/session.ts";
import { Stats } from "../../src/hub/stats.ts";
import { MemoryLog } from "../../src/log/memory-log.ts";
import { json, raw } from "../../src/protocol/formats.ts";
import { resolveRule } from "../../src/rooms/rule.ts";
import { publication, samples } from "./samples.ts";

const socketLimits = socketLimitsFor(64 * 1024);
const rule = resolveRule("*");

const events: SessionEvents = { ended() {}, lagging() {}, fault() {} };

class CountingSocket extends TopicSession {
  readonly address = undefined;
  waiting = 0;
  calls = 0;

  backedUp(): boolean {
    return this.waiting > socketLimits.highWatermark;
  }

  hasUnsent(): boolean {
    return this.waiting > 0;
  }

  attach(): void {
    this.calls++;
  }

  detach(): void {
    this.calls++;
  }

  send(): boolean {
    this.calls++;
    return true;
  }

  gap(): void {
    this.calls++;
  }

  sendPresence(): void {
    this.calls++;
  }

  subscribe(): void {
    this.calls++;
  }

  unsubscribe(): void {
    this.calls++;
  }

  end(): void {
    this.calls++;
  }

  heartbeat(): boolean {
    return true;
  }

  publish(): number {
    return 1;
  }
}

function scene(sockets: number): { fanOut: FanOut; room: Room; sessions: CountingSocket[] } {
  const sessions = Array.from(
    { length: sockets },
    (_, index) => new CountingSocket("ws", index % 2 ? raw : json),
  );
  const log = new MemoryLog(() => rule.retention);
  const byId = new Map(sessions.map((session) => [session.id, session]));
  const fanOut = new FanOut(log, byId, socketLimits, new Stats(), events);
  fanOut.publishToTopic = () => 1;
  const room = new Room("chat:42", rule);
  for (const session of sessions) {
    const membership = { session, room, position: 0, live: true, liveSince: 0, next: 0 };
    session.memberships.set(room.name, membership);
    room.members.add(membership);
    room.count(session.format, 1);
  }
  return { fanOut, room, sessions };
}

/** Every tenth socket exceeds the backpressure limit: the sweep detaches it, and the benchmark attaches it again. */
function sweepSlow(sockets: number): void {
  const { fanOut, sessions } = scene(sockets);
  const slow = sessions.filter((_, index) => index % 10 === 0);
  for (const session of slow) session.waiting = socketLimits.highWatermark + 1;
  bench(`sweep and resume, ${sockets} sockets, a tenth slow`, () => {
    fanOut.flow.sweep();
    for (const session of slow) fanOut.resumeLive(session);
  });
}

export function fanOut(): void {
  group("fan-out", () => {
    for (const sockets of [1_000, 10_000]) {
      const { fanOut: quick } = scene(sockets);
      bench(`sweep, ${sockets} sockets, none slow`, () => quick.flow.sweep());
    }
    sweepSlow(1_000);
    const { fanOut: hub, room } = scene(1_000);
    const sample = publication(samples.json);
    bench("deliver, two formats", () => hub.deliver(room, { ...sample }, performance.now()));
  });
}
