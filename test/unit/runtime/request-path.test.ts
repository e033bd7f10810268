import { expect, test } from "vitest";
import { pathOf } from "../../../src/runtime/request-path.ts";

test.each([
  [{ url: "/healthz" }, "/healthz"],
  [{ url: "/hold?timeout=10s" }, "/hold"],
  [{ url: "/hold?a=\n?" }, "/hold"],
  [{ url: undefined }, "/"],
])("the path of %j is %s", (request, path) => {
  expect(pathOf(request as { url: string })).toBe(path);
});
