// Slow consumers: some sessions stop reading. Measures the latency of the other sessions, the server's memory, and the
// slow sessions' losses.
import { residentBytes } from "../../generator/usage.ts";
import type { Moment, SlowResult, Window } from "../../results.ts";
import type { Pace } from "../pace.ts";
import type { Rig } from "../rig.ts";

const PARTY = "slow";
const SETTLE_TIMEOUT_MS = 5_000;
/** Length of the stalled window as a multiple of the windows before and after it. */
const STALL_FACTOR = 5;

interface Part {
  window: Window;
  timeline: Moment[];
}

export async function slow(rig: Rig, pace: Pace): Promise<SlowResult> {
  const { rate = 300, subscribers } = rig.scenario;
  const count = subscribers.find(({ name }) => name === PARTY)?.count ?? 0;
  await rig.connectAll();
  rig.say("warming up");
  await rig.window({ rate, warmup: 0, seconds: pace.gentle + pace.warmup, grace: pace.grace });
  const part = async (seconds: number): Promise<Part> => {
    const { window, timeline = [] } = await rig.window({
      rate,
      warmup: 0,
      seconds,
      grace: 0.2,
      timeline: true,
    });
    return { window, timeline };
  };
  rig.say("all sessions read");
  const before = await part(pace.seconds);
  const rssBefore = residentBytes(rig.server.pid);
  await rig.perform({ do: "pause", party: PARTY, count });
  rig.say(`${count} do not read`);
  const during = await part(pace.seconds * STALL_FACTOR);
  await rig.perform({ do: "unpause", party: PARTY });
  rig.say("all sessions read again");
  const after = await part(pace.seconds);
  const settled = (await rig.perform({ do: "settle", ms: SETTLE_TIMEOUT_MS })).flatMap(
    (done) => done.settled ?? [],
  );
  const timeline = joinTimelines([before.timeline, during.timeline, after.timeline]);
  const sum = (value: (part: (typeof settled)[number]) => number) =>
    settled.reduce((total, each) => total + value(each), 0);
  return {
    kind: "slow",
    before: before.window,
    during: during.window,
    after: after.window,
    timeline: timeline.moments,
    stopped: timeline.starts[1] ?? 0,
    resumed: timeline.starts[2] ?? 0,
    rss: {
      before: rssBefore,
      most: Math.max(...timeline.moments.map(({ rss }) => rss)),
      after: residentBytes(rig.server.pid),
    },
    stalled: {
      sessions: count,
      missing: sum(({ missing, faults }) => missing + faults.lost + faults.undelivered),
      announced: sum(({ announced }) => announced),
      closed: sum(({ faults }) => faults.closed) + during.window.faults.closed,
    },
  };
}

/** Concatenates timelines. Returns the second at which each one starts. */
function joinTimelines(parts: readonly Moment[][]): { moments: Moment[]; starts: number[] } {
  const moments: Moment[] = [];
  const starts: number[] = [];
  let offset = 0;
  for (const part of parts) {
    starts.push(offset);
    for (const moment of part) moments.push({ ...moment, at: moment.at + offset });
    offset = moments.at(-1)?.at ?? offset;
  }
  return { moments, starts };
}
