// The close hook and back-pressure in apps that wrap the response or hide the server and the request.
import { expect, test } from "bun:test";
import { type AnyElysia, Elysia } from "elysia";
import { type StreamEnd, streaming } from "../../src/stream-plugin/index.ts";
import { Inbox } from "../support/clients.ts";
import { listen, open, openUnread } from "./app.ts";

const KIB = "x".repeat(1024);
const FAR_MORE = 100_000;

function routes(app: Elysia, ends: Inbox<string>, pulled: () => void) {
  const onClose = ({ reason }: StreamEnd) => ends.push(reason);
  return new Elysia()
    .use(app)
    .use(streaming())
    .get("/quiet", ({ stream }) =>
      stream(
        async function* ({ wait }) {
          yield "a";
          await wait(600_000);
        },
        { onClose },
      ),
    )
    .get("/flood", ({ stream }) =>
      stream(
        function* () {
          for (let i = 0; i < FAR_MORE; i++) {
            pulled();
            yield KIB;
          }
        },
        { onClose },
      ),
    );
}

const withHeaders = () =>
  new Elysia({ name: "headers" }).onRequest(({ set }) => {
    set.headers["access-control-allow-origin"] = "*";
  });

test.each<[string, (ends: Inbox<string>, pulled: () => void) => AnyElysia]>([
  ["headers of the app", (ends, pulled) => routes(withHeaders(), ends, pulled)],
  ["aot: false", (ends, pulled) => new Elysia({ aot: false }).use(routes(new Elysia(), ends, pulled))],
  ["mounted", (ends, pulled) => new Elysia().mount("/", routes(new Elysia(), ends, pulled).fetch)],
  [
    "a response wrapped by a hook",
    (ends, pulled) =>
      new Elysia()
        .mapResponse(({ responseValue }) =>
          responseValue instanceof Response
            ? new Response(responseValue.body, { headers: responseValue.headers })
            : undefined,
        )
        .use(routes(new Elysia(), ends, pulled)),
  ],
])("%s", async (_, create) => {
  const ends = new Inbox<string>();
  let pulls = 0;
  const url = listen(create(ends, () => pulls++));
  const client = await open(`${url}/quiet`);
  await client.events.next();
  client.abort();
  expect(await ends.next()).toBe("client");
  const unread = openUnread(`${url}/flood`);
  for (let before = -1; before !== pulls;) {
    before = pulls;
    await Bun.sleep(300);
  }
  expect(pulls).toBeGreaterThan(0);
  expect(pulls).toBeLessThan(FAR_MORE / 4);
  unread.destroy();
  expect(await ends.next()).toBe("client");
});
