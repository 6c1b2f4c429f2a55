// Types that flow from the room rules: which names there are, and what is in their rooms. No code.
import type { Static, TSchema } from "typebox";

/**
 * Room rules as a server has them (`typeof rooms`), or just what is in their rooms: `{ "chat:*": { data: Chat } }`.
 * Only `schema` and `data` are looked at.
 */
export type RoomRules = Record<string, object>;

/** The names that a pattern stands for: `chat:*` is `chat:${string}`; `{id}` is one part without a colon. */
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

/** The patterns that a name fits: itself alone, if there is a rule of just that name. */
type PatternsOf<Rules extends RoomRules, Name extends string> = Name extends keyof Rules
  ? Name
  : {
      [Pattern in keyof Rules & string]: Fits<Name, Pattern> extends true ? Pattern : never;
    }[keyof Rules & string];

/** A room's name; where there are rules and none has such rooms, a type that says so. */
export type RoomName<Rules extends RoomRules, Name extends string> = string extends keyof Rules
  ? string
  : [PatternsOf<Rules, Name>] extends [never]
    ? `No rule has rooms like "${Name}"`
    : Name;

type DataOfRule<Rule> = Rule extends { data: infer Data }
  ? Data
  : Rule extends { schema: { "~standard": { types?: infer Types } } }
    ? // What is published is what arrives: a schema's output stays with the server.
      NonNullable<Types> extends { input: infer Input }
      ? Input
      : unknown
    : Rule extends { schema: infer Schema extends TSchema }
      ? Static<Schema>
      : unknown;

/** What is in a room. Of several rules that a name fits, any: which comes first a type cannot say. */
export type RoomData<Rules extends RoomRules, Name extends string> = DataOfRule<
  Rules[PatternsOf<Rules, Name>]
>;
