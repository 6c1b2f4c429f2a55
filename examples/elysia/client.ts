// Client of the app: `bun examples/elysia/client.ts [URL]`. Its types are inferred from the rules.
import { connect } from "thump/client";
import type { rooms } from "./rooms.ts";

const url = process.argv[2] ?? "http://127.0.0.1:3000";
const live = connect<typeof rooms>(`${url}/live`);
const todos = live.room("todos:home"); // live.room("todo:home") is a type error: no rule matches

const post = (path: string, body: object = {}) =>
  fetch(`${url}/lists/home${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

todos.on("state", async (state) => {
  if (state !== "live") return;
  const answer = await post("", { title: "water the beans" });
  const { id } = (await answer.json()) as { id: number };
  await post(`/${id}/done`);
});
todos.on("message", (todo, { event }) => {
  console.log(event, todo.title, todo.done ? "✓" : "…"); // todo.titel is a type error
  if (event === "done") live.close();
});
