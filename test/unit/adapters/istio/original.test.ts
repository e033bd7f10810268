import { expect, test } from "vitest";
import { describe as describeOriginal, parseOriginal } from "../../../../src/adapters/istio/original.ts";
import { targetOf } from "../../../../src/adapters/istio/target.ts";
import { destinationRuleOf, product, rolloutOf, to, virtualServiceOf } from "./samples.ts";

const target = targetOf(rolloutOf({ virtualService: { name: "product" }, destinationRule: { name: "product" } }))!;
const rule = destinationRuleOf("product", {
  host: "product",
  subsets: [{ name: "stable", labels: { app: "product" } }],
});

test("an original is only what is needed, and comes back as it went", () => {
  const object = virtualServiceOf("product", {
    http: [{ name: "a", timeout: "1s", route: [to("v1", 40), to("stable", 60)] }],
  });
  const original = describeOriginal(target, product, object, rule);
  expect(original).toMatchObject({
    routes: [{ name: "a", entries: [to("stable", 60)], sum: 60 }],
    subsets: { listed: true, stable: { name: "stable", labels: { app: "product" } } },
  });
  const text = JSON.stringify(original);
  expect(parseOriginal(text)).toEqual(original);
  expect(text).not.toContain("timeout");
});

test("a split that a forgotten release left is told as rest", () => {
  const object = virtualServiceOf("product", { http: [{ route: [to("stable", 90), to("canary", 10)] }] });
  expect(describeOriginal(target, product, object, rule).routes).toMatchObject([
    { entries: [to("stable", 100), to("canary", 0)] },
  ]);
  const bare = destinationRuleOf("product", { host: "product" });
  expect(describeOriginal(target, product, object, bare).routes).toMatchObject([{ entries: [to()], sum: 100 }]);
});

test.each([undefined, "", "{", "{}", `{"target":{},"routes":[]}`])("%s is no original", (text) => {
  expect(parseOriginal(text)).toBeUndefined();
});
