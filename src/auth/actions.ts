// What can be done: in a room, and to the server.

/** What a token may grant. */
export const TOKEN_ACTIONS = ["join", "publish", "history", "members"] as const;
/** What an API key may be granted: beside those, to see rooms in lists and to forget what they keep. */
export const KEY_ACTIONS = [...TOKEN_ACTIONS, "list", "forget"] as const;
/**
 * What an API key may do beside rooms: to sessions, whichever they are in, to see how the server fares, and to look at
 * its sessions and rules.
 */
export const OPERATIONS = ["disconnect", "revoke", "metrics", "inspect"] as const;

/** What rules, tokens and the `authorize` hook decide about. */
export type Action = (typeof TOKEN_ACTIONS)[number];
export type KeyAction = (typeof KEY_ACTIONS)[number];
export type Operation = (typeof OPERATIONS)[number];
