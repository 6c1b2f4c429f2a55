// The type of a wording rule, and patterns that several rules share.
import type { Kind } from "./passage.ts";

/** A construction that does not read as English, and its replacement. */
export interface Rule {
  /** Names the rule in reports and in the allow list. */
  id: string;
  /** Matches the construction within one sentence. */
  pattern: RegExp;
  /** The replacement, as one phrase. */
  instead: string;
  /** A sentence that the pattern matches. */
  bad: string;
  /** The same sentence in plain English, which no rule matches. */
  good: string;
  /** The kinds of text that the rule applies to. Default: all but headings. */
  kinds?: readonly Kind[];
  /** Applies to the first sentence of a passage only. */
  opening?: true;
}

/** Units of rates and costs: "once a session" stands for "once per session". */
export const UNIT =
  "(?:tick|session|format|publication|flush|room|delivery|socket|client|stream|user|connection|frame|request|" +
  "command|node|item|route|event|subscriber|message|row|key|page|window|look|rule|entry|batch|join|resume)";

/** Verbs and prepositions after which "what …" is an indirect question, which is plain English. */
export const INDIRECT =
  "(?<!\\b(?:know|knows|known|knew|say|says|see|sees|show|shows|showing|shown|decide|decides|determine|determines|" +
  "tell|tells|check|checks|find|describe|describes|explain|explains|list|lists|about|on|out|define|defines|" +
  "specify|specifies|matter|matters|understand|learn|sure|limits?|controls?|sets?|chooses?|exactly|and|or|of) )";
