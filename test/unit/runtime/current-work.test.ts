import { expect, test } from "vitest";
import { currentWork, workOn } from "../../../src/runtime/current-work.ts";

test("all that follows from work knows what it is part of", async () => {
  const later = async () => {
    await Promise.resolve();
    return currentWork();
  };
  expect(await Promise.all([workOn("shop/product", later), workOn("shop/cart", later)])).toEqual([
    "shop/product",
    "shop/cart",
  ]);
  expect(currentWork()).toBeUndefined();
});

test("so does whoever is told of a rejection that nobody caught", async () => {
  const earlier = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  const told = new Promise((resolve) => {
    process.once("unhandledRejection", () => {
      resolve(currentWork());
    });
  });
  workOn("shop/product", () => void Promise.reject(new Error("a mistake")));
  expect(await told).toBe("shop/product");
  for (const listener of earlier) process.on("unhandledRejection", listener);
});
