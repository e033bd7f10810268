import { expect, test } from "vitest";
import { foreignManager } from "../../../../src/adapters/istio/foreign-manager.ts";

const entry = (manager: string, second: number, fields: object = { "f:spec": {} }): object => ({
  manager,
  operation: "Update",
  time: `2026-01-01T00:00:0${second}Z`,
  fieldsV1: fields,
});

test.each<readonly [string, readonly object[], string | undefined]>([
  ["nobody", [], undefined],
  ["the operator", [entry("kubectl", 1), entry("serin", 2)], undefined],
  ["somebody else, later", [entry("serin", 1), entry("kubectl", 2), entry("flux", 1)], "kubectl"],
  ["somebody else, in the same second", [entry("serin", 2), entry("kubectl", 2)], "kubectl"],
  [
    "the operator, before somebody wrote metadata",
    [entry("serin", 1), entry("kubectl", 2, { "f:metadata": {} })],
    undefined,
  ],
])("the last to write the spec was %s", (_, managedFields, expected) => {
  expect(foreignManager({ metadata: { name: "product", managedFields } })).toBe(expected);
});
