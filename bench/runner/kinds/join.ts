// Many join at once while messages flow to those who are there.
import type { JoinResult } from "../../results.ts";
import type { Pace } from "../pace.ts";
import type { Rig } from "../rig.ts";

/** The storm is over before this many seconds, or what comes later is not timed. */
const LONGEST = 20;

export async function join(rig: Rig, pace: Pace): Promise<JoinResult> {
  const { rate = 50, joining } = rig.scenario;
  if (!joining) throw new Error(`${rig.scenario.name} says nobody who joins`);
  await rig.connectAll();
  const { warmup, seconds, grace } = pace;
  const before = await rig.window({ rate, warmup, seconds, grace });
  const during = await rig.window({
    rate,
    warmup: 0.1,
    seconds: LONGEST,
    grace,
    join: rig.party("joining", joining),
  });
  if (!during.joined) throw new Error("nobody joined");
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
