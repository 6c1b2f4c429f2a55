// What `import … from "thump"` gives.
export { ThumpError, type Code, type FieldError } from "./protocol/codes.ts";
export type { AccessOptions } from "./access/settings.ts";
export type { RatesOptions } from "./access/rates.ts";
export type { Asked, Authorize } from "./access/policy.ts";
export type { RuleOptions } from "./rooms/rule.ts";
export { type StoreCode, StoreError } from "./log/sqlite/store-error.ts";
export type { StoreOptions } from "./server/store-settings.ts";
export { type Running, serve } from "./server/app.ts";
export { Engine, type PublishOptions } from "./server/engine.ts";
export { createMetrics } from "./server/metrics.ts";
export { defineConfig, type Options, OptionsError } from "./server/options.ts";
export { thump } from "./server/plugin.ts";
