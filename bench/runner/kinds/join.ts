// The join storm: many sessions join at once while messages flow to the connected ones.
import type { JoinResult } from "../../results.ts";
import type { Pace } from "../pace.ts";
import type { Rig } from "../rig.ts";

/** Longest join storm, in seconds. Later joins are not timed. */
const MAX_STORM_SECONDS = 20;

export async function join(rig: Rig, pace: Pace): Promise<JoinResult> {
  const { rate = 50, joining } = rig.scenario;
  if (!joining) throw new Error(`${rig.scenario.name} has no joining party`);
  await rig.connectAll();
  const { warmup, seconds, grace } = pace;
  const before = await rig.window({ rate, warmup, seconds, grace });
  const during = await rig.window({
    rate,
    warmup: 0.1,
    seconds: MAX_STORM_SECONDS,
    grace,
    join: rig.party("joining", joining),
  });
  if (!during.joined) throw new Error("no session joined");
  const { count, seconds: took, merged } = during.joined;
  return {
    kind: "join",
    sessions: count,
    seconds: took,
    perSecond: count / took,
    latency: merged,
    before: before.window,
    during: during.window,
  };
}
