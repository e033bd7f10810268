import { describe, expect, it } from "vitest";
import { trafficShift } from "../../../../src/domain/analysis/traffic-shift.ts";
import type { Shift } from "../../../../src/domain/analysis/traffic-shift.ts";

const deadline = 60_000;

describe("traffic shift", () => {
  it.each<[string, number, number, number, number, Shift]>([
    ["the share that was asked for", 10, 900, 100, 5_000, "Shifted"],
    ["the share at the edge of two points", 10, 920, 80, 5_000, "Shifted"],
    ["a share outside three sigma of few requests", 10, 100, 0, 5_000, "NotYet"],
    ["a share within three sigma of few requests", 10, 57, 3, 5_000, "Shifted"],
    ["no canary traffic before the deadline", 10, 1_000, 0, 59_999, "NotYet"],
    ["no canary traffic at the deadline", 10, 1_000, 0, 60_000, "NotShifted"],
    ["too much canary traffic at the deadline", 10, 500, 500, 60_000, "NotShifted"],
    ["too few requests before the deadline", 10, 44, 5, 59_999, "NotYet"],
    ["too few requests at the deadline", 10, 44, 5, 60_000, "Assumed"],
    ["no requests at the deadline", 50, 0, 0, 60_000, "Assumed"],
    ["as many requests as are enough", 50, 25, 25, 1_000, "Shifted"],
    ["half within a fifth of the weight", 50, 5_900, 4_100, 5_000, "Shifted"],
    ["half outside a fifth of the weight", 50, 6_100, 3_900, 5_000, "NotYet"],
    ["all", 100, 0, 500, 5_000, "Shifted"],
    ["all but what another route takes", 100, 250, 250, 60_000, "NotShifted"],
    ["one percent that never came", 1, 2_000, 0, 60_000, "NotShifted"],
    ["one percent of too few requests to expect some", 1, 500, 0, 5_000, "Shifted"],
    ["a rollback with the last requests", 0, 996, 4, 5_000, "Shifted"],
    ["a rollback with half a percent left", 0, 995, 5, 5_000, "NotYet"],
    ["a rollback that some caller ignores", 0, 990, 10, 60_000, "NotShifted"],
    ["a rollback without traffic", 0, 0, 0, 60_000, "Assumed"],
  ])("%s", (_, weight, stable, canary, elapsed, expected) => {
    expect(trafficShift({ weight, stable, canary, elapsed, deadline })).toBe(expected);
  });
});
