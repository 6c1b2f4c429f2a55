// The rules for the rooms. The app applies them, and clients infer their types from them.
import type { Options } from "thump";
import { type Static, Type } from "typebox";

export const Todo = Type.Object({
  id: Type.Integer(),
  title: Type.String({ minLength: 1 }),
  done: Type.Boolean(),
});
export type Todo = Static<typeof Todo>;

export const rooms = {
  "todos:{list}": { history: { count: 500 }, schema: Todo, publish: "server" },
  "typing:{list}": { history: false, schema: Type.Object({ who: Type.String() }) },
} satisfies Options["rooms"];
