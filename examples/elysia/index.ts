// Elysia app that publishes its changes to clients: `bun examples/elysia`.
import { Elysia, t } from "elysia";
import { thump } from "thump";
import { rooms, type Todo } from "./rooms.ts";

const lists = new Map<string, Todo[]>();

export const app = new Elysia()
  .use(thump({ rooms, prefix: "/live" }))
  .get("/lists/:list", ({ params }) => lists.get(params.list) ?? [])
  .post(
    "/lists/:list",
    async ({ params, body, thump }) => {
      const list = lists.get(params.list) ?? [];
      const todo = { id: list.length + 1, title: body.title, done: false };
      lists.set(params.list, [...list, todo]);
      await thump.publish(`todos:${params.list}`, todo, { event: "added" });
      return todo;
    },
    { body: t.Object({ title: t.String({ minLength: 1 }) }) },
  )
  .post("/lists/:list/:id/done", async ({ params, thump, status }) => {
    const todo = lists.get(params.list)?.find(({ id }) => id === Number(params.id));
    if (!todo) return status(404, "This todo does not exist.");
    todo.done = true;
    await thump.publish(`todos:${params.list}`, todo, { event: "done" });
    return todo;
  })
  .listen({ hostname: "127.0.0.1", port: Number(process.env["PORT"] ?? 3000) });

console.log(`Lists on http://127.0.0.1:${app.server?.port}, then: bun examples/elysia/client.ts`);
