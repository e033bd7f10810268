import { describe, expect, test } from "vitest";
import { createNarrator } from "../../demo/narrator.ts";
import { sceneWith } from "./scenes.ts";

describe("a narrator", () => {
  test("opens each release with what is released and how", () => {
    const narrator = createNarrator();
    expect(narrator.show(sceneWith({ elapsedMs: 0 }))).toEqual([
      "",
      "release 1 of 2: product:v1 → product:v2, a good version",
      "$ kubectl apply -f shop/product.yaml   # image: product:v2",
      " 0:00  Progressing  50 %  v1 100/s 0.0 % errors p99 41 ms, v2 100/s 0.0 % errors p99 41 ms  Waiting until 50 % of the traffic is seen at the canary.",
    ]);
    expect(narrator.show(sceneWith({ elapsedMs: 0, number: 2 }))).toHaveLength(4);
  });

  test("speaks again after two seconds, or when something has changed", () => {
    const narrator = createNarrator();
    narrator.show(sceneWith({ elapsedMs: 0 }));
    expect(narrator.show(sceneWith({ elapsedMs: 1900 }))).toEqual([]);
    expect(narrator.show(sceneWith({ elapsedMs: 2000 }))).toHaveLength(1);
    expect(narrator.show(sceneWith({ elapsedMs: 2100, message: "Still waiting." }))).toEqual([]);
    expect(narrator.show(sceneWith({ elapsedMs: 2200, weight: 100 }))).toHaveLength(1);
    expect(narrator.show(sceneWith({ elapsedMs: 2300, weight: 100, phase: "Baking" }))).toHaveLength(1);
  });

  test("tells every event", () => {
    const event = { at: 65_000, reason: "Promoted", note: "It serves all traffic.", warning: false };
    expect(createNarrator().event(event)).toEqual([" 1:05  event Promoted: It serves all traffic."]);
  });
});
