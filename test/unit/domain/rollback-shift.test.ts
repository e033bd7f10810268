import { expect, test } from "vitest";
import type { Release } from "../../../src/api/rollout-status.ts";
import { rollbackShift } from "../../../src/domain/rollback-shift.ts";
import { counted, counts } from "../../support/measurement.ts";
import { ago, aRelease, inRelease, routesAtRest, routesSplit } from "../../support/observation.ts";

const asked = { ...aRelease().traffic!, weight: 0, routeChangedAt: ago(5) };
const rollback: Partial<Release> = { decision: "Rollback", decidedAt: ago(6), traffic: asked };
const report = (stable: number, canary: number) =>
  counted(counts(0), counts(stable), { sinceShift: { stable, canary, callers: [] } });
const observed = (release: Partial<Release>, measurement = report(900, 0), traffic = routesSplit(0)) =>
  rollbackShift(inRelease(release, { measurement, traffic }));

test.each([
  ["is seen in enough requests, none of them at the canary", observed(rollback), "Shifted"],
  ["is not seen while requests reach the canary", observed(rollback, report(900, 90)), "NotYet"],
  ["is not seen in a few requests", observed(rollback, report(10, 0)), "NotYet"],
  [
    "has failed where requests reach the canary at the deadline",
    observed({ ...rollback, traffic: { ...asked, routeChangedAt: ago(31) } }, report(900, 90)),
    "NotShifted",
  ],
  [
    "is assumed at the deadline where there are too few requests",
    observed({ ...rollback, traffic: { ...asked, routeChangedAt: ago(31) } }, report(10, 0)),
    "Assumed",
  ],
  [
    "is not reported where there are no metrics of it",
    observed(rollback, counted(counts(0), counts(900))),
    "Unreported",
  ],
  [
    "is not reported where nobody has looked",
    rollbackShift(inRelease(rollback, { measurement: undefined, traffic: routesSplit(0) })),
    "Unreported",
  ],
  ["is nothing to see while routes still split", observed(rollback, report(900, 0), routesSplit(10)), undefined],
  ["is nothing to see once routes are as they were", observed(rollback, report(900, 0), routesAtRest), undefined],
  ["is nothing to see without a rollback", observed({ traffic: asked }), undefined],
  ["is nothing to see where the canary had no traffic", observed({ ...rollback, highestWeight: 0 }), undefined],
] as const)("a rollback's traffic %s", (_, shift, expected) => {
  expect(shift).toBe(expected);
});
