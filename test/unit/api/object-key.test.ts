import { expect, test } from "vitest";
import { renderKey } from "../../../src/api/object-key.ts";

test("a key is written namespace first", () => {
  expect(renderKey({ namespace: "shop", name: "product" })).toBe("shop/product");
});
