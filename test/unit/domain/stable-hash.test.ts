import fc from "fast-check";
import { expect, test } from "vitest";
import { stableHash } from "../../../src/domain/stable-hash.ts";

test("stableHash() is the same on every machine and release", () => {
  expect([stableHash(""), stableHash("product:v1"), stableHash("product:v2")]).toMatchInlineSnapshot(`
    [
      "v66snd2srp",
      "kklq7jsgwg",
      "8r5trtvclg",
    ]
  `);
});

test("stableHash() is fit for names and labels", () => {
  fc.assert(fc.property(fc.string(), (text) => /^[bcdfghjklmnpqrstvwxz2-9]{10}$/.test(stableHash(text))));
});

test("stableHash() tells texts apart that differ in one place", () => {
  const texts = Array.from({ length: 20_000 }, (_unused, index) => `image: product:v${index}`);
  expect(new Set(texts.map(stableHash)).size).toBe(texts.length);
});
