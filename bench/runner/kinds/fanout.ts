// Scenarios at a fixed rate.
import type { FanoutResult } from "../../results.ts";
import type { Pace } from "../pace.ts";
import type { Rig } from "../rig.ts";
import { countSyscalls } from "../syscalls.ts";

const COUNT_SECONDS = 0.5;
const PERF_ATTACH_MS = 300;

/** Counts system calls in a separate window, because counting slows the server slightly. */
async function syscalls(rig: Rig, rate: number): Promise<Pick<FanoutResult, "syscallsPerDelivery">> {
  rig.say("counting system calls");
  let deliveries = 0;
  const count = await countSyscalls(rig.server.pid, async () => {
    await rig.perform({ do: "wait", ms: PERF_ATTACH_MS });
    const { window } = await rig.window({ rate, warmup: 0, seconds: COUNT_SECONDS, grace: 1 });
    deliveries = window.perSecond * window.seconds;
  });
  return count === undefined || deliveries === 0 ? {} : { syscallsPerDelivery: count / deliveries };
}

export async function fanout(rig: Rig, pace: Pace): Promise<FanoutResult> {
  const { rate = 100, churn } = rig.scenario;
  await rig.connectAll();
  rig.say("warming up");
  await rig.window({ rate: Math.ceil(rate / 4), warmup: 0, seconds: pace.gentle, grace: pace.grace });
  rig.say(`measuring ${rate.toLocaleString("en")} msg/s`);
  const { window } = await rig.window({
    rate,
    warmup: pace.warmup,
    seconds: pace.seconds,
    grace: pace.grace,
    ...(churn === undefined ? {} : { churn: { party: "visitors", perSecond: churn } }),
  });
  return { kind: "fanout", window, ...(await syscalls(rig, rate)) };
}
