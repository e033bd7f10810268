import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { comparable, revisionOf, withoutHash } from "../../../src/domain/revision.ts";

const template = {
  metadata: { labels: { app: "product" } },
  spec: { containers: [{ name: "app", image: "shop/product:v1", env: [{ name: "A", value: "1" }] }] },
};

const withLabels = (labels: object) => ({ ...template, metadata: { labels } });

describe("revisionOf", () => {
  test("is a name that may stand anywhere, and never changes between releases of this program", () => {
    expect(revisionOf(template)).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{10}$/);
    expect(revisionOf(template)).toMatchInlineSnapshot(`"dg5k462lwl"`);
  });

  test.each([
    ["another order of keys", { spec: template.spec, metadata: template.metadata }],
    ["the hash of a ReplicaSet", withLabels({ "pod-template-hash": "abc", app: "product" })],
    ["null, which is absence", { ...template, metadata: { ...template.metadata, creationTimestamp: null } }],
    ["undefined, which is absence", { ...template, spec: { ...template.spec, hostNetwork: undefined } }],
  ])("is the same with %s", (_, other) => {
    expect(revisionOf(other)).toBe(revisionOf(template));
  });

  test.each([
    ["label", withLabels({ app: "product", tier: "web" })],
    ["annotation", { ...template, metadata: { ...template.metadata, annotations: { a: "b" } } }],
    ["field that nobody knows", { ...template, spec: { ...template.spec, fieldOfTheFuture: {} } }],
    ["zero", { ...template, spec: { ...template.spec, priority: 0 } }],
    ["empty text", { ...template, spec: { ...template.spec, hostname: "" } }],
  ])("differs by one %s", (_, other) => {
    expect(revisionOf(other)).not.toBe(revisionOf(template));
  });

  test("differs by the order of a list", () => {
    const swap = (args: string[]) => ({ spec: { containers: [{ args }] } });
    expect(revisionOf(swap(["a", "b"]))).not.toBe(revisionOf(swap(["b", "a"])));
  });

  test("names different texts differently", () => {
    const names = new Set(
      Array.from({ length: 20_000 }, (_, index) => revisionOf({ spec: { hostname: `v${index}` } })),
    );
    expect(names.size).toBe(20_000);
  });

  test("is equal exactly for templates that are equal as JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        const isSame = sorted(comparable(one)) === sorted(comparable(other));
        expect(revisionOf(one) === revisionOf(other)).toBe(isSame);
        expect(revisionOf(structuredClone(one))).toBe(revisionOf(one));
      }),
    );
  });
});

describe("withoutHash", () => {
  test("takes nothing but the one label, and copies", () => {
    const hashed = withLabels({ app: "product", "pod-template-hash": "abc" });
    expect(withoutHash(hashed)).toEqual(template);
    expect(hashed.metadata.labels).toHaveProperty("pod-template-hash");
  });

  test.each([undefined, null, "text", {}, { metadata: 1 }, { metadata: { labels: [] } }])(
    "leaves %o as it is",
    (value) => {
      expect(withoutHash(value)).toBe(value);
    },
  );
});

function sorted(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${sorted(member)}`).join()}}`;
}
