// The rules for the rooms. The server applies them, and the page infers its types from them.
import { Type } from "typebox";

export const rooms = {
  "chat:{topic}": {
    history: { count: 200, age: "1d" },
    presence: { grace: "3s" },
    schema: Type.Object({ text: Type.String({ minLength: 1, maxLength: 2000 }) }),
  },
};
