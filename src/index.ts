// What `import … from "thump"` gives.
export { ThumpError, type Code, type FieldError } from "./protocol/codes.ts";
export type { AccessOptions } from "./auth/auth-options.ts";
export type { RatesOptions } from "./limits/rate-options.ts";
export type { AuthorizeRequest, Authorize } from "./auth/authorizer.ts";
export type { RuleOptions } from "./rooms/rule.ts";
export { type StoreCode, StoreError } from "./log/sqlite/store-error.ts";
export type { StoreOptions } from "./server/config/store-options.ts";
export { type RunningServer, serve } from "./server/app.ts";
export { ThumpServer, type PublishOptions } from "./server/thump-server.ts";
export { createMetrics } from "./server/metrics/metrics.ts";
export { defineConfig, type Options, OptionsError } from "./server/config/options.ts";
export { thump } from "./server/plugin.ts";
