import { describe, expect, it } from "vitest";
import { trafficShift } from "../../../../src/domain/analysis/traffic-shift.ts";
import type { Shift } from "../../../../src/domain/analysis/traffic-shift.ts";

const deadline = 60_000;

interface Requests {
  readonly stable: number;
  readonly canary: number;
}

describe("traffic shift", () => {
  it.each<[string, number, Requests, number, Shift]>([
    ["the share that was asked for", 10, { stable: 900, canary: 100 }, 5_000, "Shifted"],
    ["the share at the edge of two points", 10, { stable: 920, canary: 80 }, 5_000, "Shifted"],
    ["a share outside three sigma of few requests", 10, { stable: 100, canary: 0 }, 5_000, "NotYet"],
    ["a share within three sigma of few requests", 10, { stable: 57, canary: 3 }, 5_000, "Shifted"],
    ["no canary traffic before the deadline", 10, { stable: 1_000, canary: 0 }, 59_999, "NotYet"],
    ["no canary traffic at the deadline", 10, { stable: 1_000, canary: 0 }, 60_000, "NotShifted"],
    ["too much canary traffic at the deadline", 10, { stable: 500, canary: 500 }, 60_000, "NotShifted"],
    ["too few requests before the deadline", 10, { stable: 44, canary: 5 }, 59_999, "NotYet"],
    ["too few requests at the deadline", 10, { stable: 44, canary: 5 }, 60_000, "Assumed"],
    ["no requests at the deadline", 50, { stable: 0, canary: 0 }, 60_000, "Assumed"],
    ["as many requests as are enough", 50, { stable: 25, canary: 25 }, 1_000, "Shifted"],
    ["half within a fifth of the weight", 50, { stable: 5_900, canary: 4_100 }, 5_000, "Shifted"],
    ["half outside a fifth of the weight", 50, { stable: 6_100, canary: 3_900 }, 5_000, "NotYet"],
    ["all", 100, { stable: 0, canary: 500 }, 5_000, "Shifted"],
    ["all but what another route takes", 100, { stable: 250, canary: 250 }, 60_000, "NotShifted"],
    ["one percent that never came", 1, { stable: 2_000, canary: 0 }, 60_000, "NotShifted"],
    ["one percent of too few requests to expect some", 1, { stable: 500, canary: 0 }, 5_000, "NotYet"],
    ["the same at the deadline", 1, { stable: 500, canary: 0 }, 60_000, "Assumed"],
    ["nothing of so few that it may be chance", 10, { stable: 90, canary: 0 }, 5_000, "NotYet"],
    ["a rollback with the last requests", 0, { stable: 996, canary: 4 }, 5_000, "Shifted"],
    ["a rollback with half a percent left", 0, { stable: 995, canary: 5 }, 5_000, "NotYet"],
    ["a rollback that some caller ignores", 0, { stable: 990, canary: 10 }, 60_000, "NotShifted"],
    ["a rollback without canary requests, of too few to tell", 0, { stable: 599, canary: 0 }, 5_000, "NotYet"],
    ["a rollback without canary requests, of enough", 0, { stable: 600, canary: 0 }, 5_000, "Shifted"],
    ["a rollback without canary requests at the deadline", 0, { stable: 50, canary: 0 }, 60_000, "Shifted"],
    ["a rollback without traffic", 0, { stable: 0, canary: 0 }, 60_000, "Assumed"],
  ])("%s", (_, weight, requests, elapsed, expected) => {
    expect(trafficShift({ weight, ...requests, elapsed, deadline })).toBe(expected);
  });
});
