import { expect, test } from "vitest";
import { Obstacles } from "../../../src/controller/obstacles.ts";

const standing = { kind: "Progressing", reason: "Held", phase: "Held", message: "denied" } as const;

test("what is in the way is known until it is cleared, for each Rollout by itself", () => {
  const obstacles = new Obstacles();
  obstacles.note("shop/product", standing);
  expect([obstacles.find("shop/product"), obstacles.find("shop/cart")]).toEqual([standing, undefined]);
  obstacles.clear("shop/product");
  expect(obstacles.find("shop/product")).toBeUndefined();
});

test("conflicts are counted until there is a success", () => {
  const obstacles = new Obstacles();
  const count = (id: string) => obstacles.countConflict(id);
  expect([count("shop/product"), count("shop/product"), count("shop/cart")]).toEqual([1, 2, 1]);
  obstacles.clear("shop/product");
  expect([count("shop/product"), count("shop/cart")]).toEqual([1, 2]);
});

test("what was told is known until a plan was carried out, for each Rollout by itself", () => {
  const obstacles = new Obstacles();
  obstacles.noteTold("shop/product", ["a"]);
  obstacles.noteTold("shop/product", ["b"]);
  const told = (id: string) => ["a", "b", "c"].filter((event) => obstacles.wasTold(id, event));
  expect([told("shop/product"), told("shop/cart")]).toEqual([["a", "b"], []]);
  obstacles.clear("shop/product");
  expect(told("shop/product")).toEqual([]);
});
