// Actions in rooms and operations on the server that tokens and API keys can grant.

/** Actions that a token can grant. */
export const TOKEN_ACTIONS = ["join", "publish", "history", "members"] as const;
/**
 * Actions that an API key can be granted. `list` lets the key see a room in room lists; `forget` lets it delete the
 * room's stored messages.
 */
export const KEY_ACTIONS = [...TOKEN_ACTIONS, "list", "forget"] as const;
/**
 * Operations on the server that an API key can be granted: end sessions, revoke tokens, read metrics, and inspect
 * sessions and rules.
 */
export const OPERATIONS = ["disconnect", "revoke", "metrics", "inspect"] as const;

/** An action that rules, tokens and the `authorize` hook can allow or refuse. */
export type Action = (typeof TOKEN_ACTIONS)[number];
export type KeyAction = (typeof KEY_ACTIONS)[number];
export type Operation = (typeof OPERATIONS)[number];
