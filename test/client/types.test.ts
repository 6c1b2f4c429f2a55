// Types derived from the room rules. `bun run check` fails if a mistake below is not a type error.
import { expect, test } from "bun:test";
import WS from "ws";
import { Type } from "typebox";
import * as v from "valibot";
import { z } from "zod";
import type { Message, Room, Thump } from "../../src/client/index.ts";
import { connect } from "../../src/client/index.ts";
import { useRoom } from "../../src/client/react.ts";
import type { Options } from "../../src/index.ts";

const rooms = {
  "chat:*": {
    history: { count: 200 },
    schema: Type.Object({ text: Type.String(), mood: Type.Optional(Type.String()) }),
  },
  "user:{id}": { join: "owner", schema: Type.Object({ unread: Type.Integer() }) },
  "game:{id}:moves": { schema: Type.Tuple([Type.Integer(), Type.Integer()]) },
  "zod:*": { schema: z.object({ n: z.number().default(1).transform(String), note: z.string().optional() }) },
  "valibot:*": { schema: v.object({ tags: v.array(v.string()) }) },
  lobby: { schema: Type.Union([Type.Literal("open"), Type.Literal("closed")]) },
  "free:*": { history: false },
} satisfies Options["rooms"];

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(is: Same<A, B>) => is;

/** This function is never called. Only its types are checked. */
export function typed(
  thump: Thump<typeof rooms>,
  anyRoom: Thump,
  plain: Thump<{ "chat:*": { data: { n: number } } }>,
): void {
  const id = String(Math.random());
  const chat = thump.room("chat:42", { last: 50 });
  same<typeof chat, Room<{ text: string; mood?: string }>>(true);
  same<ReturnType<typeof thump.room<`chat:${string}`>>, typeof chat>(true);
  void thump.room(`chat:${id}`).publish({ text: "hi", mood: "good" });
  void thump.room(`user:${id}`).publish({ unread: 1 });
  void thump.room(`game:${id}:moves`).publish([1, 2]);
  void thump.publish("lobby", "open");
  // Messages contain the data as it was published, without a schema's defaults and transforms.
  same<ReturnType<typeof thump.room<"zod:1">>, Room<{ n?: number | undefined; note?: string | undefined }>>(
    true,
  );
  same<ReturnType<typeof thump.room<"valibot:1">>, Room<{ tags: string[] }>>(true);
  // @ts-expect-error -- a field has a different type
  void thump.publish("valibot:1", { tags: [7] });
  same<ReturnType<typeof thump.room<"free:1">>, Room<unknown>>(true);
  chat.on("message", (data, meta) => {
    same<typeof data, { text: string; mood?: string }>(true);
    same<typeof meta.time, number>(true);
    // @ts-expect-error -- there is no such field
    void data.txt;
  });
  // @ts-expect-error -- there is no such event
  chat.on("mesage", () => {});
  // @ts-expect-error -- a field is missing
  void chat.publish({ mood: "good" });
  // @ts-expect-error -- a field has a different type
  void chat.publish({ text: 7 });
  // @ts-expect-error -- there is no such field
  void chat.publish({ text: "hi", color: "red" });
  // @ts-expect-error -- no rule matches this room
  thump.room("chta:42");
  // @ts-expect-error -- {id} is one part
  thump.room("user:7:inbox");
  // @ts-expect-error -- the room's parameter is missing
  thump.room("game:moves");
  // @ts-expect-error -- the data of a different room
  void thump.publish("lobby", { text: "hi" });
  // @ts-expect-error -- there is no such option
  thump.room("lobby", { lats: 50 });
  // @ts-expect-error -- no rule matches every string
  thump.room(id);
  void anyRoom.room(id).publish({ whatever: 1 });
  void plain.room("chat:1").publish({ n: 1 });
  // @ts-expect-error -- there is no such field
  void plain.room("chat:1").publish({ m: 1 });
  connect("https://app.example", { WebSocket: WS, fetch, credentials: "include", queue: { count: 1 } });
  const hook = useRoom(thump, "chat:42");
  same<typeof hook.messages, readonly Message<{ text: string; mood?: string }>[]>(true);
  // @ts-expect-error -- no rule matches this room
  useRoom(thump, "chta:42");
}

test("the types above are checked by `bun run check`", () => {
  expect(typed).toBeFunction();
});
