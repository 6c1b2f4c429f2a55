// A fixed rate.
import type { FanoutResult } from "../../results.ts";
import type { Pace } from "../pace.ts";
import type { Rig } from "../rig.ts";

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
  return { kind: "fanout", window };
}
