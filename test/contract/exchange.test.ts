// A recording of the public interface: every route, command, frame, close code, metric name, config key and flag. A
// difference from the recording is a change that clients can notice. If the change is intended, run
// `THUMP_RECORD=1 bun test test/contract/exchange.test.ts` and review the new recording. The recording contains no
// human-readable texts.
import { expect, test } from "bun:test";
import { commands } from "./exchange/commands.ts";
import { limits } from "./exchange/limits.ts";
import { operating } from "./exchange/operating.ts";
import { rooms } from "./exchange/rooms.ts";
import { secured } from "./exchange/secured.ts";
import { sockets } from "./exchange/sockets.ts";
import { streams } from "./exchange/streams.ts";

const SCENARIOS = { rooms, streams, sockets, secured, limits, operating, commands };

test.each(Object.entries(SCENARIOS))(
  "the exchange is as recorded: %s",
  async (name, run) => {
    const file = Bun.file(`${import.meta.dir}/exchange/${name}.txt`);
    const text = await run();
    if (process.env["THUMP_RECORD"] === "1") await Bun.write(file, text);
    expect(text.split("\n")).toEqual((await file.text()).split("\n"));
  },
  120_000,
);
