// Commands of the multiplexed protocol: schemas, and a decoder that validates commands.
import { type Static, type TSchema, Type } from "typebox";
import { Compile } from "typebox/compile";
import { ThumpError } from "./codes.ts";
import { fieldErrors } from "./field-errors.ts";
import type { Content } from "./content.ts";
import { sourceOf } from "./json-fields.ts";
import { contentOf, parseEnvelope, type ParsedEnvelope } from "./parse-envelope.ts";
import { type RawJson, rawJson } from "./json.ts";

const MAX_ID_LENGTH = 64;
const Id = Type.Union([Type.String({ maxLength: MAX_ID_LENGTH }), Type.Number()]);
const id = Type.Optional(Id);
const Room = Type.String();

export const Join = Type.Object({
  type: Type.Literal("join"),
  id,
  room: Room,
  after: Type.Optional(Type.String()),
  last: Type.Optional(Type.Integer({ minimum: 0 })),
  max: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  presence: Type.Optional(Type.Boolean()),
});
export const Leave = Type.Object({ type: Type.Literal("leave"), id, room: Room });
export const Publish = Type.Object({
  type: Type.Literal("publish"),
  id,
  room: Room,
  event: Type.Optional(Type.String()),
  data: Type.Optional(Type.Unknown()),
  encoding: Type.Optional(Type.Literal("base64")),
  key: Type.Optional(Type.String()),
  echo: Type.Optional(Type.Boolean()),
  ordered: Type.Optional(Type.Boolean()),
});
export const History = Type.Object({
  type: Type.Literal("history"),
  id,
  room: Room,
  after: Type.Optional(Type.String()),
  last: Type.Optional(Type.Integer({ minimum: 0 })),
});
export const Members = Type.Object({ type: Type.Literal("members"), id, room: Room });
export const Auth = Type.Object({ type: Type.Literal("auth"), id, token: Type.String() });
export const Ping = Type.Object({ type: Type.Literal("ping"), id });

const SCHEMAS = {
  join: Join,
  leave: Leave,
  publish: Publish,
  history: History,
  members: Members,
  auth: Auth,
  ping: Ping,
} satisfies Record<string, TSchema>;

/**
 * A command's id, which links the reply to the command. A number that a double cannot represent is preserved as
 * written.
 */
export type CommandId = Static<typeof Id> | RawJson | undefined;
type CommandFields<T> = Omit<T, "id"> & { id?: CommandId };
/** A publish command. Its data is not parsed until it is published. */
export interface PublishCommand {
  type: "publish";
  id: CommandId;
  room: string;
  event: string | undefined;
  key: string | undefined;
  echo: boolean | undefined;
  ordered: boolean | undefined;
  content: Content;
}
type Checked = { [K in keyof typeof SCHEMAS]: Static<(typeof SCHEMAS)[K]> }[keyof typeof SCHEMAS];
type Plain<T> = T extends { type: "publish" } ? never : CommandFields<T>;
/** A validated command. */
export type Command = Plain<Checked> | PublishCommand;

const checkers = new Map(Object.entries(SCHEMAS).map(([type, schema]) => [type, Compile(schema)]));

/** The error for an invalid frame. Carries the frame's `id` for the reply, if the `id` is readable. */
export class BadFrame extends ThumpError {
  id: CommandId;
}

function bad(id: CommandId, ...args: ConstructorParameters<typeof ThumpError>): BadFrame {
  return Object.assign(new BadFrame(...args), { id });
}

/**
 * Decodes one text frame. Unknown fields are ignored.
 * @throws BadFrame if the frame is not a valid command
 */
export function decodeCommand(text: string): Command {
  const envelope = parseFrame(text);
  const { value: frame } = envelope;
  if (typeof frame !== "object" || frame === null || Array.isArray(frame)) {
    throw bad(
      undefined,
      "malformed",
      'The frame is not a JSON object such as {"type":"join","room":"chat"}.',
    );
  }
  const { type, id } = frame as { type?: unknown; id?: unknown };
  const known = exactId(id, text);
  const checker = typeof type === "string" ? checkers.get(type) : undefined;
  if (!checker) {
    const types = [...checkers.keys()].join(", ");
    throw bad(
      known,
      "unknown-type",
      `Unknown command type ${JSON.stringify(type)?.slice(0, 64)}. Valid types: ${types}.`,
    );
  }
  if (!checker.Check(frame)) {
    const errors = fieldErrors(checker.Errors(frame));
    throw bad(
      known,
      "invalid",
      `The ${type as string} command is invalid: ${errors[0]?.path} ${errors[0]?.message}.`,
      errors,
    );
  }
  const command = frame as Checked;
  if (command.type !== "publish") return { ...command, id: known };
  const { room, event, key, echo, ordered } = command;
  return {
    type: "publish",
    id: known,
    room,
    event,
    key,
    echo,
    ordered,
    content: contentOf(command, text, envelope),
  };
}

function parseFrame(text: string): ParsedEnvelope {
  try {
    return parseEnvelope(text);
  } catch (error) {
    if (error instanceof ThumpError) throw bad(undefined, error.code, error.message);
    throw bad(undefined, "malformed", "The frame is not JSON. Send one JSON object per frame.");
  }
}

/** Returns an id of up to 64 characters, exactly as written. */
export function exactId(id: unknown, text: string): CommandId {
  if (typeof id === "string") return id.length <= MAX_ID_LENGTH ? id : undefined;
  if (typeof id !== "number") return undefined;
  if (Number.isSafeInteger(id)) return id;
  const source = sourceOf(text, "id");
  if (source.length <= MAX_ID_LENGTH) return rawJson(source);
  throw new ThumpError("invalid", `The id has more than ${MAX_ID_LENGTH} digits.`);
}
