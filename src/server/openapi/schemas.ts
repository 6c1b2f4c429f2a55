// Schemas of request and response bodies, for the OpenAPI document.
import { type TSchema, Type } from "typebox";
import { STATUS } from "../../protocol/codes.ts";
import * as commands from "../../protocol/commands.ts";
import { Revocation } from "../../transports/http/operator-actions.ts";
import { Joins } from "../../transports/stream/multiplexed-stream.ts";
import { BatchItem } from "../../transports/http/batch-items.ts";
import { operatorSchemas } from "./operator-schemas.ts";

const text = (description: string) => Type.String({ description });
const ref = (name: string) => Type.Unsafe<unknown>({ $ref: `#/components/schemas/${name}` });

const Cursor = Type.String({
  description: 'A position: "I have everything up to here". Opaque.',
  pattern: "^[a-z0-9]+-[0-9]+$",
  examples: ["k3f9zq-1042"],
});

const Envelope = Type.Object({
  type: Type.Literal("message"),
  room: text("The room it was published in."),
  event: text('The event\'s name; "message" unless the publisher named another.'),
  data: Type.Unknown({ description: "JSON, or base64 text where `encoding` says so." }),
  encoding: Type.Optional(Type.Literal("base64")),
  from: Type.Optional(text("The user who published it, when known.")),
  at: ref("Cursor"),
  prev: Type.Integer({ description: "The seq of the one before it in its room; 0 when none." }),
  time: Type.Integer({ description: "When, in ms since 1970." }),
});

const State = Type.Object({
  room: Type.String(),
  at: ref("Cursor"),
  sessions: Type.Optional(
    Type.Integer({
      description: "How many sessions are in the room, for those who may see who its members are.",
    }),
  ),
  messages: Type.Array(ref("Envelope")),
  gap: Type.Optional(
    Type.Object(
      { after: ref("Cursor"), at: ref("Cursor") },
      { description: "What lies between the two is no longer kept." },
    ),
  ),
  more: Type.Optional(Type.Literal(true, { description: "The answer was cut: go on with after=<at>." })),
});

const Members = Type.Object({
  room: Type.String(),
  users: Type.Integer({ description: "How many users are there." }),
  guests: Type.Integer({ description: "How many sessions without a user are." }),
  sessions: Type.Integer({ description: "How many sessions in all." }),
  members: Type.Array(
    Type.Object({
      user: Type.String(),
      info: Type.Optional(
        Type.Unknown({ description: "What the token of their newest session says about them." }),
      ),
      since: Type.Integer({ description: "In ms since 1970." }),
      sessions: Type.Integer({ description: "0: the last one left a moment ago." }),
    }),
    { maxItems: 1000 },
  ),
  more: Type.Optional(Type.Literal(true, { description: "Not all users are listed." })),
});

const nextPage = Type.Optional(text("Pass it on as `cursor` for the next page."));

const Rooms = Type.Object({
  rooms: Type.Array(
    Type.Object({
      room: Type.String(),
      sessions: Type.Integer(),
      newest: Type.Optional(
        Type.Integer({ description: "When it was last published to, where that is known." }),
      ),
      kept: Type.Optional(
        Type.Object(
          { count: Type.Integer(), bytes: Type.Integer() },
          { description: "What is kept of it, where that is known at once." },
        ),
      ),
    }),
  ),
  total: Type.Integer({ description: "How many there are on all pages." }),
  cursor: nextPage,
});

const FieldErrors = Type.Array(Type.Object({ path: text("A JSON Pointer."), message: Type.String() }));
const Code = Type.Union(Object.keys(STATUS).map((code) => Type.Literal(code)));

const Retry = Type.Integer({ description: "Try again after so many ms." });

const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Code,
  detail: text("What was wrong, and what to do about it."),
  errors: Type.Optional(FieldErrors),
  retry: Type.Optional(Retry),
});

const Result = Type.Object({
  room: Type.Optional(Type.String()),
  at: Type.Optional(ref("Cursor")),
  error: Type.Optional(
    Type.Object({
      code: Code,
      message: Type.String(),
      errors: Type.Optional(FieldErrors),
      retry: Type.Optional(Retry),
    }),
  ),
});

/** The components of the document. */
export const schemas: Record<string, TSchema> = {
  Cursor,
  Envelope,
  State,
  Members,
  Rooms,
  ...operatorSchemas,
  Problem,
  BatchItem,
  Joins,
  Results: Type.Object({ results: Type.Array(Result) }),
  Published: Type.Object({ at: ref("Cursor") }),
  Ended: Type.Object({ ended: Type.Integer({ description: "How many sessions were ended." }) }),
  Revocation,
  Revoked: Type.Object({
    ended: Type.Integer({ description: "How many sessions were ended." }),
    until: Type.Number({ description: "Until when it is remembered, in ms since 1970." }),
  }),
  Status: Type.Object({ status: Type.String() }),
  Command: Type.Union(
    [
      commands.Join,
      commands.Leave,
      commands.Publish,
      commands.History,
      commands.Members,
      commands.Auth,
      commands.Ping,
    ],
    { description: "What a client says on the multiplexed socket: a text frame each." },
  ),
};
