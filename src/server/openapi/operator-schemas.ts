// Schemas for responses about sessions and rules, in the OpenAPI document.
import { type TSchema, Type } from "typebox";

const ref = (name: string) => Type.Unsafe<unknown>({ $ref: `#/components/schemas/${name}` });
const number = (description: string) => Type.Integer({ description });
const when = (what: string) => number(`${what}, in ms since 1970.`);

const who = {
  session: Type.String(),
  transport: Type.String(),
  user: Type.Optional(Type.String()),
  address: Type.Optional(Type.String({ description: "Where it connected from." })),
  since: when("When it connected"),
};

const Sessions = Type.Object({
  sessions: Type.Array(
    Type.Object({
      ...who,
      rooms: number("How many rooms it is in."),
      lagging: Type.Boolean({ description: "It is behind just now." }),
    }),
  ),
  total: number("How many there are on all pages."),
  cursor: Type.Optional(Type.String({ description: "Pass it on as `cursor` for the next page." })),
});

const Standing = Type.Object({
  room: Type.String(),
  at: ref("Cursor"),
  live: Type.Boolean({ description: "In the live fan-out; else it is caught up, or sampled." }),
  behind: number("So many publications were not sent to it yet."),
  more: Type.Optional(
    Type.Literal(true, { description: "And others, of which memory knows nothing any more." }),
  ),
  max: Type.Optional(Type.Number({ description: "It asked for so many publications a second at most." })),
  lag: Type.String({ description: "What the room's rule does with those who are behind." }),
});

const Session = Type.Object({
  ...who,
  info: Type.Optional(Type.Unknown({ description: "What the user's token says about them." })),
  deadline: Type.Optional(when("When its token ends")),
  lagging: Type.Boolean(),
  lags: Type.Object({
    times: number("How often it fell behind."),
    at: Type.Optional(when("The last time")),
    waiting: Type.Optional(
      number("What waited for it then, in bytes; absent for a stream, whose connection was full."),
    ),
  }),
  waiting: Type.Optional(number("Bytes that wait for it to read, where that can be known.")),
  allowed: number("So many bytes may wait in a socket; past it the session is let go until it has read."),
  full: Type.Boolean({ description: "More waits than should: nothing is sent until it has read some." }),
  sent: number("Publications that it was sent."),
  received: number("Frames that came from it."),
  rooms: number("How many rooms it is in."),
  memberships: Type.Array(Standing, { maxItems: 1000 }),
});

const History = Type.Object({
  read: Type.String(),
  count: Type.Integer(),
  age: Type.Number({ description: "In seconds." }),
  bytes: Type.Integer(),
  store: Type.Optional(Type.String()),
  deliver: Type.Optional(Type.String()),
});
const Presence = Type.Object({
  grace: Type.Number({ description: "In seconds." }),
  list: number("So many users are named; of more there are counts."),
  info: Type.Boolean(),
});
const Rule = Type.Object({
  history: Type.Union([Type.Literal(false), History]),
  lag: Type.String(),
  join: Type.String(),
  publish: Type.String(),
  members: Type.String(),
  presence: Type.Union([Type.Literal(false), Presence]),
  compress: Type.Unknown({ description: "As it was written; false where nothing was." }),
  schema: Type.Optional(
    Type.Unknown({
      description:
        "What data must fit, as it was written; of a Standard Schema `standardSchema`: its library.",
    }),
  ),
});
const pattern = Type.Union([Type.String(), Type.Null()], {
  description: "Null where no pattern matches: these are the defaults.",
});

/** Schemas to add to the document's components. */
export const operatorSchemas: Record<string, TSchema> = {
  Sessions,
  Session,
  Rule,
  Rules: Type.Object({ rules: Type.Array(Type.Object({ pattern, rule: ref("Rule") })) }),
  RuleOfRoom: Type.Object({ room: Type.String(), pattern, rule: ref("Rule") }),
};
