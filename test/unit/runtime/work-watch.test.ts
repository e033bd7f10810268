import { expect, test } from "vitest";
import { WorkWatch } from "../../../src/runtime/work-watch.ts";

test("work that does not end is told, by key and for how long", () => {
  let now = 0;
  const watch = new WorkWatch(() => now, 180_000);
  watch.begin("shop/product");
  now = 100_000;
  watch.begin("shop/cart");
  now = 179_999;
  expect(watch.stuck()).toEqual([]);
  now = 190_000;
  expect(watch.stuck()).toEqual(["the work on shop/product has not ended for 190 s"]);
  watch.end("shop/product");
  expect(watch.stuck()).toEqual([]);
});
