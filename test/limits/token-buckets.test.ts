// Token buckets, compared with a simple model, and the number of buckets that are stored.
import { expect, test } from "bun:test";
import { BucketStore, fullAfter, waitFor } from "../../src/limits/token-buckets.ts";
import { addressKeyOf } from "../../src/limits/client-address.ts";
import { randomTest } from "../support/random.ts";

randomTest("a bucket behaves like one that is refilled drop by drop", (random) => {
  for (let round = 0; round < 200; round++) {
    const rate = { rate: 1 + random.below(50), burst: 1 + random.below(100) };
    let [fullAt, now, tokens] = [0, 0, rate.burst];
    for (let step = 0; step < 200; step++) {
      const passed = random.below(200);
      now += passed;
      tokens = Math.min(rate.burst, tokens + (passed * rate.rate) / 1000);
      const cost = Math.min(rate.burst, 1 + random.below(5));
      const wait = waitFor(fullAt, rate, cost, now);
      expect(wait).toBeCloseTo(Math.max(0, ((cost - tokens) * 1000) / rate.rate), 3);
      if (wait > 0) continue;
      fullAt = fullAfter(fullAt, rate, cost, now);
      tokens -= cost;
    }
  }
});

test("after the stated wait, the cost is available, and a cost above the burst takes a whole bucket", () => {
  const rate = { rate: 3, burst: 2 };
  const fullAt = fullAfter(0, rate, 1000, 10);
  const wait = waitFor(fullAt, rate, 1000, 10);
  expect(wait).toBeCloseTo(2000 / 3, 6);
  expect(waitFor(fullAt, rate, 1000, 10 + wait)).toBe(0);
});

test("full buckets are dropped, and buckets in debt are kept", () => {
  const accounts = new BucketStore();
  accounts.of("debtor", 0).joins = 1e9;
  for (let i = 0; i < 10_000; i++) accounts.of(`passing ${i}`, i).connects = i + 20;
  expect(accounts.size).toBeLessThan(100);
  expect(accounts.of("debtor", 10_000).joins).toBe(1e9);
});

test("the store never exceeds its limit and always contains the newest entry", () => {
  const accounts = new BucketStore(50);
  for (let i = 0; i < 1000; i++) {
    accounts.of(`debtor ${i}`, 0).connects = 1e9;
    expect(accounts.size).toBeLessThanOrEqual(50);
    expect(accounts.of(`debtor ${i}`, 0).connects).toBe(1e9);
  }
});

test.each([
  [undefined, "unknown"],
  ["127.0.0.1", "127.0.0.1"],
  ["10.1.2.3", "10.1.2.3"],
  ["::ffff:10.1.2.3", "10.1.2.3"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:0DB8:1:2::9", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
])("%s counts as %s", (address, network) => {
  expect(addressKeyOf(address)).toBe(network);
});
