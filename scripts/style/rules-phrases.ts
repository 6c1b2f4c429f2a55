// Rules about nouns, adverbs and prepositions that are word-for-word translations.
import { type Rule, UNIT } from "./rule.ts";

export const PHRASES: readonly Rule[] = [
  {
    id: "so-many",
    pattern:
      /(?<!\b(?:not|and|or|in|do|does) )\bso (?:many|much|long|few|often)\b(?! as\b| (?:\w+ ){0,6}that\b| more\b| less\b)/i,
    instead: "a number, an amount, a duration; or the constant with its unit",
    bad: "Keys are remembered for so long.",
    good: "Keys are remembered for an hour.",
  },
  {
    id: "per",
    pattern: new RegExp(
      String.raw`\b(?:once|twice|times|bytes|ms|KiB|MiB|CPU|copies|messages|publications|rows|slices?|pieces?|numbers?|connections|` +
        String.raw`entries|timers?|look|lookup|write|frames?|requests|rooms|sockets|clients|streams|threads?|allocations?|objects?|closures?|` +
        String.raw`item|line|publish|one|position|result|subscriptions?|cost|work|number|result|each) an? ${UNIT}(?=[.,;:)]|$| and\b| or\b| at\b| in\b| over\b| on\b)`,
      "i",
    ),
    instead: "per session, per tick, per format",
    bad: "It is encoded once a format.",
    good: "Messages are encoded once per format.",
  },
  {
    id: "a-turn",
    pattern:
      /\b(?:a|of the|one|this|that|each|every|same|next|a single) turn(?:'s)?\b(?! (?:of events|off|on)\b)/i,
    instead: "event-loop tick",
    bad: "What is published in a turn is sent together.",
    good: "Messages published in one tick are sent together.",
  },
  {
    id: "but-for",
    pattern: /\bbut for\b/i,
    instead: "except, except for",
    bad: "All rooms count, but for the server's own.",
    good: "All rooms count, except the server's own.",
  },
  {
    id: "beside",
    pattern: /\bbeside\b/i,
    instead: "in addition to, along with, next to",
    bad: "Bytes are counted beside messages.",
    good: "Bytes are counted in addition to messages.",
  },
  {
    id: "somebody",
    pattern: /\b(?:somebody|nobody|everybody|anybody|whoever)(?:'s)?\b/i,
    instead: "the client, no client, all subscribers, the caller",
    bad: "Nobody is in the room.",
    good: "The room has no sessions.",
  },
  {
    id: "by-name",
    pattern:
      /\b(?:refus|reject|answer|fail|told|clos|end|stop|drop)\w*\b[^.;]{0,30}\bby (?:its own |its |their )?name\b/i,
    instead: "with a specific error code",
    bad: "A bad batch is refused by name.",
    good: "A malformed batch fails with a specific error code.",
  },
  {
    id: "without-a-word",
    pattern: /\bwithout a word\b|\b(?:a|the|last|first) words? (?:after|before|for it|of (?:a|the)\b)/i,
    instead: "without configuration, without notice, a subcommand",
    bad: "Started without a word, it serves this machine only.",
    good: "Without configuration, the server accepts local connections only.",
  },
  {
    id: "another-one",
    pattern: /\banother one\b|\bothers than\b|\bsuch a one\b|\bone more, or one less\b/i,
    instead: "a different one, another room, other than",
    bad: "The session is in another one.",
    good: "The session is in a different room.",
  },
  {
    id: "of-before",
    pattern: /\bof (?:before|then|when|late|old|ours)\b|\b(?:until|from|since) when\b|\bone's own\b/i,
    instead: "earlier, previous, recent; your own",
    bad: "Publications of before are not sent.",
    good: "Earlier messages are not sent.",
  },
  {
    id: "else",
    pattern: /[,;] else\b(?! if\b)|^else\b(?! if\b)/i,
    instead: "otherwise",
    bad: "The value is read from the history, else from the log.",
    good: "The value is read from the history, otherwise from the log.",
  },
  {
    id: "any-more",
    pattern:
      /\b(?:not|never|cannot|nothing|no \w+)\b[^.;]{0,60}\bany ?more\b(?! than\b| \w+s\b)|n't\b[^.;]{0,60}\bany ?more\b/i,
    instead: "no longer",
    bad: "The session is not in the room any more.",
    good: "The session is no longer in the room.",
  },
  {
    id: "between-two",
    pattern: /^between two\b/i,
    instead: "interval, pause between",
    bad: "Between two slices of a sweep, in ms.",
    good: "Pause between slices of a sweep, in ms.",
  },
  {
    id: "nothing-of",
    pattern: /\b(?:nothing|something|anything|everything) of (?:it|them|its|this|that|the|a|an|what|one)\b/i,
    instead: "no message, no part, some of it",
    bad: "If it fails, nothing of it is stored.",
    good: "If a batch fails, no item is stored.",
  },
  {
    id: "good-token",
    pattern:
      /\b(?:tokens?|keys?|cursors?|cookies?|certificates?|credentials?|secrets?|addresse?s?)(?: that| which)? (?:is|are|was|were) (?:still )?(?:good|bad|none)\b|\b(?:good|bad) (?:tokens?|cursors?|until|as long)\b/i,
    instead: "valid, invalid",
    bad: "The token is good until it expires.",
    good: "The token is valid until it expires.",
  },
  {
    id: "no-more",
    pattern:
      /\b(?:\w+ed|counts|told|seen|kept|sent|held|is|are) no more\b(?! than\b| \w+s\b)(?=[.,;:)]|$| (?:after|when|here|from|until|and)\b)/i,
    instead: "no longer",
    bad: "The room is followed no more.",
    good: "The room is no longer followed.",
  },
  {
    id: "alone",
    pattern: /\b(?:of|for|in|from|to|with|by|on) (?:[\w`'/.-]+ ){1,3}alone\b/i,
    instead: "only",
    bad: "It is stored in memory alone.",
    good: "The room is stored in memory only.",
  },
  {
    id: "archaic",
    pattern:
      /\b(?:lest|thereof|therein|whereof|wherein|hitherto|thither|whence|henceforth|at hand|in vain|again and again|ever new|mends?|mended|mending|put right|made good|bids?|bade|wont)\b/i,
    instead: "current English: repair, available, from there",
    bad: "It mends the connection.",
    good: "The server repairs the connection.",
  },
  {
    id: "life-of",
    pattern:
      /\b(?:life|lives) of (?:the|a|its|this) (?:log|server|process|file)\b|\b(?:another|next|previous|former|earlier|last) life\b/i,
    instead: "epoch, run, process",
    bad: "It is a cursor of another life of the log.",
    good: "The cursor has a different epoch.",
  },
  {
    id: "in-all",
    pattern: /\b(?:sessions|rooms|bytes|users|times|there are|many|connections|\d+) in all\b(?=[.,;:)]|$)/i,
    instead: "in total",
    bad: "There is a limit of sessions in all.",
    good: "The number of sessions is limited in total.",
  },
  {
    id: "least-of",
    pattern: /\bthe (?:least|most) of (?:the|its|their|all|them|these|those)\b/i,
    instead: "the smallest, the minimum, the maximum",
    bad: "It is the least of their positions.",
    good: "The result is the smallest position.",
  },
  {
    id: "the-engine",
    pattern: /\b(?:the|an|its) engine(?:'s)?\b(?!\.io)/i,
    instead: "Bun; ThumpServer",
    bad: "Heartbeats are not the engine's.",
    good: "Heartbeats do not use Bun's ping.",
  },
  {
    id: "old-name",
    pattern: /\bthe (?:door|turnstile|crowd|seat|keeper|mender|finder|asker)(?:'s)?\b/i,
    instead: "the name in the code: RoomService, connection throttle, ClusterPresence, RoomHandle, …",
    bad: "The door takes the rates.",
    good: "RoomService applies the rate limits.",
  },
];
