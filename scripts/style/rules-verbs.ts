// Rules about verbs that are word-for-word translations.
import type { Rule } from "./rule.ts";

export const VERBS: readonly Rule[] = [
  {
    id: "let-go",
    pattern: /\b(?:lets?|letting|to let|lets? (?:them|it|one|some)) go\b/i,
    instead: "detach, evict, delete, release",
    bad: "A slow client is let go.",
    good: "A slow client is detached.",
  },
  {
    id: "give-way",
    pattern: /\b(?:give|gives|gave|given|giving) way\b/i,
    instead: "yield, be aborted, be replaced",
    bad: "The oldest rooms give way.",
    good: "The oldest rooms are evicted.",
  },
  {
    id: "go-on",
    pattern: /\b(?:go|goes|going|gone|went) on\b/i,
    instead: "continue",
    bad: "The session goes on from there.",
    good: "The session continues from there.",
  },
  {
    id: "begin-anew",
    pattern:
      /\b(?:begin|begins|began|begun|beginning|starts?|started) (?:anew|afresh|over)\b|\banew\b|\bafresh\b/i,
    instead: "restart, start a new epoch",
    bad: "The log begins anew.",
    good: "The log starts a new epoch.",
  },
  {
    id: "come-to",
    pattern: /\b(?:com(?:e|es|ing)|came) to\b/i,
    instead: "amount to, reach, arrive at, stop",
    bad: "The sum comes to 3 GiB.",
    good: "The sum is 3 GiB.",
  },
  {
    id: "fare",
    pattern: /\bfar(?:e|es|ed|ing)\b/i,
    instead: "perform, behave; status",
    bad: "It shows how the server fares.",
    good: "The page shows the status of the server.",
  },
  {
    id: "is-told",
    pattern:
      /\b(?:is|are|was|were|be|been|being|gets?|got|not|all|clients?|both|each) told\b|\b(?:tells?|told|telling) of\b|\btells (?:it|them) apart\b/i,
    instead: "is notified, receives, reports",
    bad: "The client is told.",
    good: "The client receives a gap notice.",
  },
  {
    id: "hears",
    pattern: /\b(?:hears?|heard|hearing)\b/i,
    instead: "receives, listens to",
    bad: "A raw socket hears it too.",
    good: "Raw sockets receive the message too.",
  },
  {
    id: "believes",
    pattern: /\b(?:believe|believes|believed|believing)\b/i,
    instead: "trusts, accepts",
    bad: "A signed token is believed.",
    good: "The server accepts signed tokens.",
  },
  {
    id: "knows-of",
    pattern: /\b(?:know|knows|knew|known) (?:of|nothing|no|nobody|by whom)\b(?! (?:course|better)\b)/i,
    instead: "has, stores, tracks, has no record of",
    bad: "The file knows nothing of the room.",
    good: "The file has no record of the room.",
  },
  {
    id: "is-said",
    pattern:
      /\b(?:is|are|was|were|be|been|as|gets?) said\b|\bsaid (?:of|to|again|already|before|otherwise)\b|\bsay(?:s|ing)? of\b/i,
    instead: "is sent, is reported, states, specifies",
    bad: "The default is used unless said otherwise.",
    good: "The default is used unless specified.",
  },
  {
    id: "has-come",
    pattern: /\b(?:has|have|had)(?:n't| not| now| all| just)? (?:come|been there|been here)\b/i,
    instead: "the simple past or present: arrived, existed",
    bad: "The reply has come.",
    good: "The reply arrived.",
  },
  {
    id: "come-back",
    pattern: /\b(?:com(?:e|es|ing)|came) (?:back|again|and goe?s?|and went)\b/i,
    instead: "reconnect, return; joins and leaves",
    bad: "A client that comes back resumes.",
    good: "A client that reconnects resumes.",
  },
  {
    id: "comes",
    pattern:
      /\b(?:that|which|who|what|it|they|something|nothing|one|none) (?:comes?|came)\b(?! (?:from|first|last|before|after|with|next|out of|up|down|close)\b)|\b(?:comes?|came) in\b(?! (?:two|three|many|several|handy)\b)/i,
    instead: "arrives, is received, follows",
    bad: "It is applied to every message that comes.",
    good: "The rule applies to every received message.",
  },
  {
    id: "stands",
    pattern:
      /\b(?:stands?|stood|standing) (?:in|before|behind|where|there|at|on)\b|\bwhere (?:it|they) stands?\b/i,
    instead: "is, is located, is listed",
    bad: "The rules stand in this file.",
    good: "The rules are in this file.",
  },
  {
    id: "is-there",
    pattern:
      /\b(?:is|are|was|were|be) (?:there|here)\b(?=[.,;:)]|$| (?:by|when|until|again|before|alone|now|and|or|too|already|at all|for)\b)/i,
    instead: "exists, is present, is available, arrived",
    bad: "The reply waits until the headers are there.",
    good: "The reply waits for the headers.",
  },
  {
    id: "is-no",
    pattern:
      /(?<!\bthere )\b(?:is|are|was|were) (?:no (?!longer\b|more\b|less\b|different\b|better\b|worse\b|other\b|such\b|good\b)[a-z]\w*|none)\b(?! (?:of|left)\b)/i,
    instead: "is not a …",
    bad: "The value is no array.",
    good: "The value is not an array.",
  },
  {
    id: "is-so",
    pattern: /\b(?:is|are|was|were) so\b(?=[.,;:)]|$| (?:of|for|by|then|here|too|when|where)\b)/i,
    instead: "is true, applies",
    bad: "It counts users of which this is so.",
    good: "Counts the users that match.",
  },
  {
    id: "is-to-be",
    pattern: /\b(?:is|are|was|were) (?:not )?to (?:be|have|let|go|come|do)\b|\bto be had\b|\bbe had\b/i,
    instead: "must, must not, should; is available",
    bad: "The room is not to be stored.",
    good: "The room must not be stored.",
  },
  {
    id: "shows-token",
    pattern:
      /\b(?:show|shows|showed|shown|showing)\b (?:\w+ ){0,2}(?:tokens?|cursors?|cookies?|credentials?|keys?)\b/i,
    instead: "presents, sends, passes",
    bad: "The client shows a token.",
    good: "The client sends a token.",
  },
  {
    id: "speaks",
    pattern: /\b(?:speak|speaks|spoke|speaking)\b(?=[.,;:)]|$| (?:in|to|into|of)\b)/i,
    instead: "publishes, sends",
    bad: "It may speak in the room.",
    good: "The client may publish to the room.",
  },
  {
    id: "looks-whether",
    pattern:
      /\b(?:look|looks|looked|looking) (?:whether|if)\b|\b(?:is|are|was|were|be|not) looked at\b|\bsees? to (?:it|what|that|the)\b/i,
    instead: "checks, examines, ensures, handles",
    bad: "It looks whether the room is empty.",
    good: "The sweep checks whether the room is empty.",
  },
  {
    id: "made-of-it",
    pattern:
      /\b(?:make|makes|made|making) (?!use\b|sure\b|sense\b|part\b)(?:\w+ ){0,4}of (?:it|them|that|this)\b|\b(?:com(?:e|es)|came|become|becomes|became) of (?:it|them|that|this)\b/i,
    instead: "builds, derives, turns into; the result",
    bad: "It makes rules of them.",
    good: "The server builds rules from the options.",
  },
  {
    id: "taken-in",
    pattern:
      /\b(?:take|takes|taken|took) in\b(?! (?:turn|order|pieces|account|parallel|an?|the|each|every|its|one)\b)|\b(?:is|are|was|were|not|be) let in\b/i,
    instead: "accepts, accepted, admitted",
    bad: "Publications that were taken in.",
    good: "Accepted publications.",
  },
  {
    id: "they-hold",
    pattern:
      /\b(?:defaults?|rules?|settings?|options?|(?<!what )(?:it|they)|would) (?:hold|holds|held)\b(?=[.,;:)]|$)/i,
    instead: "apply, are in effect",
    bad: "If no rule matches, the defaults hold.",
    good: "If no rule matches, the defaults apply.",
  },
];
