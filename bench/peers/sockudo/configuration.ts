// The configuration of Sockudo, and the app that the benchmark uses.

export const app = { id: "bench", key: "bench-key", secret: "bench-secret" };

export function configuration(port: number): object {
  return {
    host: "127.0.0.1",
    port,
    mode: "production",
    adapter: { driver: "local" },
    app_manager: { driver: "memory", array: { apps: [{ ...app, enabled: true }] } },
    cache: { driver: "memory" },
    queue: { driver: "memory" },
    rate_limiter: { enabled: false },
    metrics: { enabled: false },
  };
}
