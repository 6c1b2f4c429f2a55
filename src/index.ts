// The public API of the package `thump`. test/server/public-api.test.ts checks the list and its documentation.
export { type RunningServer, serve } from "./server/app.ts";
export { thump } from "./server/plugin.ts";
export type { PublishOptions } from "./server/publish-options.ts";
export type { SubscribeOptions } from "./server/subscribe-options.ts";
export type { ThumpServer } from "./server/thump-server.ts";
export type { RoomGap, RoomMessage, RoomPosition } from "./transports/room-subscription.ts";
export { createMetrics } from "./server/metrics/metrics.ts";

// Options.
export { defineConfig, type LimitOptions, type Options, OptionsError } from "./server/config/options.ts";
export type {
  AccessLevel,
  CompressOptions,
  Duration,
  HistoryOptions,
  PresenceOptions,
  RuleOptions,
  Size,
} from "./rooms/rule-options.ts";
export type { AccessOptions, ApiKey, JwksOptions } from "./auth/auth-options.ts";
export type { PublicJwk, PublicKey, RestrictedKey } from "./auth/public-keys.ts";
export type { Authorize, AuthorizeRequest } from "./auth/authorizer.ts";
export type {
  ClientRates,
  CountBucket,
  CountRate,
  OperationRates,
  RatesOptions,
  SizeBucket,
  SizeRate,
} from "./limits/rate-options.ts";
export type { StoreOptions } from "./server/config/store-options.ts";
export type { TlsOptions } from "./server/config/tls.ts";

// Errors.
export { type Code, type FieldError, ThumpError } from "./protocol/codes.ts";
export { type StoreCode, StoreError } from "./log/sqlite/store-error.ts";
