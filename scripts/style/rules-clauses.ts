// Rules about clauses: free relatives, fronted genitives, fragments without a noun.
import { INDIRECT, type Rule } from "./rule.ts";

const PROSE = ["comment", "string", "test", "markdown", "cell", "text"] as const;
const SHORT = ["comment", "string", "test", "cell"] as const;

export const CLAUSES: readonly Rule[] = [
  {
    id: "who-subject",
    pattern: /^(?:who|whom|whose)\b(?!.*\?["')]*$)/i,
    instead: "name the subject: the client, subscribers, a caller that …",
    bad: "Who asks is told who comes and goes.",
    good: "Clients that request presence receive join and leave notifications.",
  },
  {
    id: "what-subject",
    pattern: /^what\b(?!.*\?["')]*$)(?!'s\b)/i,
    instead: "name the thing: stored messages, the largest body, an unknown command",
    bad: "What a client sends is read in pieces.",
    good: "Client data is read in pieces.",
    kinds: PROSE,
  },
  {
    id: "which-subject",
    pattern: /^(?:which|that (?:it|they|the|a|an|no|one|there|this|we|you)\b)(?!.*\?["')]*$)/i,
    instead: "start with the noun, or with a verb: Lists the rules that …",
    bad: "Which rules keep their rooms in the log, as a text.",
    good: "The rules that store their rooms in the log, as text.",
    kinds: PROSE,
  },
  {
    id: "how-subject",
    pattern:
      /^(?:how (?:many|much|often|late|far|large|fast|old|big)\b|how long\b(?! to\b)|so (?:many|much|long|often)\b)(?!.*\?["')]*$)/i,
    instead: "a number, maximum, duration, size, interval",
    bad: "How many rooms may be in use.",
    good: "Maximum number of rooms in use.",
    kinds: PROSE,
  },
  {
    id: "how-clause",
    pattern:
      /(?:^|[:,;(] ?|\b(?:is|are|by|with|and|of) )how the (?:server|machine|node|process) (?:is|was|does|did|fares)\b/i,
    instead: "server statistics, status, load",
    bad: "Samples: how the server is doing since the last one.",
    good: "Server statistics since the previous sample.",
  },
  {
    id: "where-if",
    pattern: /^where (?!to\b|possible\b|noted\b|appropriate\b|necessary\b)(?!.*\?["')]*$)/i,
    instead: "if, when; or name the place",
    bad: "Where the server knows secrets it asks for a key.",
    good: "If secrets are configured, the server requires a key.",
    kinds: PROSE,
  },
  {
    id: "what-clause",
    pattern: new RegExp(
      String.raw`${INDIRECT}(?<!^)(?<!\?)\bwhat (?:is|was|are|were|has|had|have|it (?:is|was|has|had)|they (?:have|had)|comes?|came|waits?|` +
        String.raw`waited|lies|follows|remains|may|can|must|will|would|cannot|does not|did not|no|nobody|somebody|each|every)\b(?!.*\?["')]*$)`,
      "i",
    ),
    instead: "the noun: stored messages, missed messages, its position",
    bad: "Missed messages are read from what is kept.",
    good: "Missed messages are read from the history.",
  },
  {
    id: "what-after-preposition",
    pattern:
      /\b(?:from|after|by|to|in|with|than|for|before|of|as) what (?:a|an|the|it|they|others?|one|we|is|was|are|were|has|had|clients?|comes?|came|follows|each|every|no)\b(?!.*\?["')]*$)/i,
    instead: "the noun",
    bad: "It was charged by what it read.",
    good: "Reads are charged by the bytes they return.",
  },
  {
    id: "who-clause",
    pattern:
      /\b(?:for|of|by|to|from|with|than|and|but|if|when|or) who (?:is|was|are|asks?|may|comes?|came|has|have|had|needs?|shows?|sends?|reads?|wants?|cannot|does|did|names?|holds?|gets?)\b(?!.*\?["')]*$)/i,
    instead: "the client that …, callers that …",
    bad: "It is there for who names it.",
    good: "The room is listed if the request names it.",
  },
  {
    id: "those-who",
    pattern: /\b(?:those|all|one|ones|he|any|many|few|some|others) (?:who|whom)\b/i,
    instead: "clients that …, callers that …, subscribers",
    bad: "Only those who may read history get it.",
    good: "Only clients with the read permission receive it.",
  },
  {
    id: "whom",
    pattern: /\bwhom(?:ever|soever)?\b/i,
    instead: "restructure: the clients that …",
    bad: "It is a list of users of whom some are away.",
    good: "The list includes idle users.",
  },
  {
    id: "of-first",
    pattern: /^of (?!course\b)/i,
    instead: "start with the subject",
    bad: "Of a room of many users, only counts are sent.",
    good: "For a room with many users, only counts are sent.",
    kinds: PROSE,
  },
  {
    id: "of-which",
    pattern:
      /^(?:of|for|from|in|with|after|before|by|to|on) which\b(?!.*\?["')]*$)|\bof which (?:something|nothing|anything|one|it|the|no|some|a|an|there|we|they|so|nobody|somebody)\b/i,
    instead: "restructure: rooms with …, a room whose history is empty",
    bad: "It forgets a room of which nothing is left.",
    good: "The log forgets a room with no stored messages.",
  },
  {
    id: "all-that",
    pattern:
      /\ball that (?:is|was|are|were|has|have|had|may|can|it|they|waits?|a|the|comes?|came|fits?|wants?|others?)\b/i,
    instead: "all messages, every option, everything",
    bad: "This is all that is known of the room.",
    good: "These are all known facts about the room.",
  },
  {
    id: "it-opening",
    pattern: /^(?:it|its|they|theirs|them)\b(?!.*\?["')]*$)/i,
    instead: "name the subject: nothing before it says what it is",
    bad: "It is in the state that follows.",
    good: "The next state event carries the error.",
    kinds: SHORT,
    opening: true,
  },
  {
    id: "pronoun-object",
    pattern:
      /^(?!Wh|If|Once|As|How|Until|Unless|That|Before|After|Because|Since|Though|Does|Is|Here|Below|Above|With|Else|Then|For|From|To)[A-Z]\w+s? (?:it|them)\b/,
    instead: "name the object: Registers the metrics.",
    bad: "Adds them to the registry.",
    good: "Adds the metrics to the registry.",
    kinds: ["comment"],
    opening: true,
  },
  {
    id: "told-opening",
    pattern:
      /^(?:told|said|known|asked|given|seen|let|put|left)\b(?! (?:up|out|aligned|align|join|side|margin)\b)/i,
    instead: "a noun or a verb in the present: Reports …, Receives …",
    bad: "Told what was revoked before this node knew of it.",
    good: "Receives revocations made before this node joined.",
    kinds: ["comment", "test"],
    opening: true,
  },
];
