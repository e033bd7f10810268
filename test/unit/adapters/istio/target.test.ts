import { expect, test } from "vitest";
import {
  generatedName,
  isOwnedBy,
  managedBy,
  managedByLabel,
  targetOf,
} from "../../../../src/adapters/istio/target.ts";
import { duringRelease } from "../../../contract/traffic-router.contract.ts";
import { rolloutOf, virtualServiceOf } from "./samples.ts";

test("a generated name is the Rollout's, and short, valid and its own where that is long", () => {
  expect(generatedName("product")).toBe("product");
  const [one, other] = [
    generatedName(`${"a".repeat(53)}.${"b".repeat(40)}`),
    generatedName(`${"a".repeat(53)}.${"c".repeat(40)}`),
  ];
  expect(one).toMatch(/^a{53}-[0-9a-f]{8}$/);
  expect(one).not.toBe(other);
});

test("the target is what the spec names, or generated", () => {
  expect(targetOf(rolloutOf())).toEqual({
    namespace: "shop",
    service: "product",
    virtualService: { name: "product", generated: true },
    destinationRule: { name: "product", generated: true },
  });
  expect(
    targetOf(rolloutOf({ virtualService: { name: "web", routes: ["a"] } }, { service: { name: "front" } })),
  ).toMatchObject({
    service: "front",
    virtualService: { name: "web", generated: false, routes: ["a"] },
  });
  expect(targetOf({ ...rolloutOf(), spec: undefined })).toBeUndefined();
});

test.each([
  ["rollout-1", true, true],
  ["rollout-0", true, false],
  ["rollout-1", false, false],
])("an object of owner %s (controller: %s) is the Rollout's: %s", (uid, controller, expected) => {
  const object = virtualServiceOf("product", {});
  const owner = { apiVersion: "serin.dev/v1alpha1", kind: "Rollout", name: "product", uid, controller };
  expect(isOwnedBy({ ...object, metadata: { ...object.metadata, ownerReferences: [owner] } }, rolloutOf())).toBe(
    expected,
  );
});

test.each([
  ["at rest", {}, false],
  ["that is deleted", { deleting: true }, true],
  ["with a release that has something to give back", duringRelease(rolloutOf(), "{}", "Split", 10), true],
])("a generated object that nobody controls is that of a Rollout %s: %s", (_, changes, expected) => {
  const rollout = { ...rolloutOf(), ...changes };
  const object = virtualServiceOf("product", {});
  const labels = { [managedByLabel]: managedBy };
  expect(isOwnedBy({ ...object, metadata: { ...object.metadata, labels } }, rollout)).toBe(expected);
  expect(isOwnedBy(object, rollout)).toBe(false);
  expect(isOwnedBy({ ...object, metadata: { ...object.metadata, labels, name: "other" } }, rollout)).toBe(false);
});
