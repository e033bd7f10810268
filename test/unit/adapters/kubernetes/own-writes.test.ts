import { expect, test } from "vitest";
import { OwnWrites } from "../../../../src/adapters/kubernetes/own-writes.ts";

test("hasSuperseded() tells a cache that lags behind our own writes from one that shows them", () => {
  const writes = new OwnWrites();
  expect(writes.hasSuperseded("shop/product", "1")).toBe(false);
  writes.record("shop/product", "1");
  writes.record("shop/product", "2");
  expect(writes.hasSuperseded("shop/product", "1")).toBe(true);
  expect(writes.hasSuperseded("shop/product", "2")).toBe(true);
  expect(writes.hasSuperseded("shop/other", "1")).toBe(false);
  expect(writes.hasSuperseded("shop/product", "3")).toBe(false);
  expect(writes.hasSuperseded("shop/product", "1")).toBe(false);
});
