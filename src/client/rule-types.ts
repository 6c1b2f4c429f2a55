// Types derived from room rules: the valid room names, and the data of each room. No code.
import type { Static, TSchema } from "typebox";

/**
 * The server's room rules (`typeof rooms`), or only the data types of the rooms: `{ "chat:*": { data: Chat } }`.
 * Only `schema` and `data` are used.
 */
export type RoomRules = Record<string, object>;

/** The template literal type of a pattern: `chat:*` is `chat:${string}`; `{id}` is one part without a colon. */
type Template<Pattern extends string> = Pattern extends `${infer Head}*${infer Tail}`
  ? `${Template<Head>}${string}${Template<Tail>}`
  : Pattern extends `${infer Head}{${string}}${infer Tail}`
    ? `${Head}${string}${Template<Tail>}`
    : Pattern;

type Colons<Name extends string, Count extends 0[] = []> = Name extends `${string}:${infer Rest}`
  ? Colons<Rest, [0, ...Count]>
  : Count["length"];

type Fits<Name extends string, Pattern extends string> =
  Name extends Template<Pattern>
    ? Pattern extends `${string}*${string}`
      ? true
      : Colons<Name> extends Colons<Pattern>
        ? true
        : false
    : false;

/** The patterns that match a name. If a rule has exactly that name, only this rule matches. */
type PatternsOf<Rules extends RoomRules, Name extends string> = Name extends keyof Rules
  ? Name
  : {
      [Pattern in keyof Rules & string]: Fits<Name, Pattern> extends true ? Pattern : never;
    }[keyof Rules & string];

/** A room name, or if no rule matches the name, a string literal type that states the error. */
export type RoomName<Rules extends RoomRules, Name extends string> = string extends keyof Rules
  ? string
  : [PatternsOf<Rules, Name>] extends [never]
    ? `No rule has rooms like "${Name}"`
    : Name;

type DataOfRule<Rule> = Rule extends { data: infer Data }
  ? Data
  : Rule extends { schema: { "~standard": { types?: infer Types } } }
    ? // Messages carry the data as published, which has the schema's input type. Only the server uses the output type.
      NonNullable<Types> extends { input: infer Input }
      ? Input
      : unknown
    : Rule extends { schema: infer Schema extends TSchema }
      ? Static<Schema>
      : unknown;

/**
 * The data type of a room. If several rules match the name, this is the union of their data types, because types do not
 * preserve the order of rules.
 */
export type RoomData<Rules extends RoomRules, Name extends string> = DataOfRule<
  Rules[PatternsOf<Rules, Name>]
>;
