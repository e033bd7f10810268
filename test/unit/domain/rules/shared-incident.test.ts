import { describe, expect, test } from "vitest";
import type { Release } from "../../../../src/api/rollout-status.ts";
import { decide } from "../../../../src/domain/decide.ts";
import type { Observation } from "../../../../src/domain/observation.ts";
import { counted, counts } from "../../../support/measurement.ts";
import { ago, inRelease, routesSplit } from "../../../support/observation.ts";

const asked = inRelease().rollout.status.release!.traffic!;
const failing = counted(counts(400, 120), counts(3_600, 1_080), { scrapes: 8 });

/** At weight 10, where both versions have failed for 40 s. */
function both(release: Partial<Release> = {}, changes: Partial<Observation> = {}): Observation {
  const traffic = { ...asked, weight: 10, routeChangedAt: ago(60), ...release.traffic };
  return inRelease(
    { stepStartedAt: ago(55), ...release, traffic },
    { traffic: routesSplit(10), measurement: failing, ...changes },
  );
}

/** Stepped back a minute ago. */
function back(calm: ReturnType<typeof counts>, release: Partial<Release> = {}): Observation {
  const { rollout } = both();
  const analysis = decide(both()).status.release?.analysis ?? rollout.status.release?.analysis;
  const traffic = { ...asked, weight: 0, routeChangedAt: ago(60) };
  return inRelease(
    { steppedBack: { at: ago(60), calm }, analysis, ...release, traffic },
    { traffic: routesSplit(0), measurement: counted(counts(0), counts(0)) },
  );
}

describe("stepBack", () => {
  test("sends all traffic back, keeps the canary, and rejects nothing", () => {
    const { rule, urgent, plan, status, transitions } = decide(both());
    // Not urgent: an operator that ends between traffic and status must not leave what looks like a rollback.
    expect({ rule, urgent }).toEqual({ rule: "stepBack", urgent: false });
    expect(plan).toMatchObject([{ kind: "routeTraffic", weight: 0 }]);
    expect(status.release).toMatchObject({ steppedBack: { at: ago(0) }, traffic: { weight: 0 }, stepIndex: 0 });
    expect(status.weight).toBe(0);
    expect(status.release?.decision).toBeUndefined();
    expect(status.conditions).toContainEqual(expect.objectContaining({ type: "Ready", reason: "SharedIncident" }));
    expect(transitions).toMatchObject([{ reason: "SteppedBack" }]);
    expect(transitions[0]?.note).toMatch(
      /^30 % of 400 canary requests failed .*stable is no better\. All traffic goes/,
    );
  });

  test("waits for a minute where the weight was not changed of late", () => {
    const traffic = { ...asked, weight: 10, routeChangedAt: ago(301), subsetsChangedAt: ago(400) };
    expect(decide(both({ traffic })).rule).toBe("passStep");
    const analysis = { ...inRelease().rollout.status.release!.analysis!, sharedSince: ago(59) };
    expect(decide(both({ traffic, analysis })).rule).toBe("passStep");
    expect(decide(both({ traffic, analysis: { ...analysis, sharedSince: ago(60) } })).rule).toBe("stepBack");
  });

  test("decides the rollback when it happens again soon after the canary has traffic again", () => {
    const decision = decide(both({ stepBacks: 1 }));
    expect(decision).toMatchObject({ rule: "stepBack", urgent: true });
    expect(decision.status.release).toMatchObject({ decision: "Rollback", reason: "SharedDependency" });
  });
});

describe("waitForStable", () => {
  test.each([counts(0), counts(118), counts(300, 6)])("waits while stable is not seen to be well: %j", (calm) => {
    const { rule, status, plan } = decide(back(calm));
    expect(rule).toBe("waitForStable");
    expect(plan).toEqual([]);
    expect(status.conditions).toContainEqual(expect.objectContaining({ type: "Ready", reason: "SharedIncident" }));
  });

  test("goes on when stable is well, with nothing held against the limit", () => {
    const { rule, status, transitions } = decide(back(counts(200)));
    expect(rule).toBe("waitForStable");
    expect(transitions).toMatchObject([{ reason: "Resumed" }]);
    expect(status.release).toMatchObject({ stepBacks: 1, steppedBack: undefined });
    expect(status.release?.analysis?.evidence?.errors?.limit).toBeUndefined();
    expect(status.release?.analysis?.sharedSince).toBeUndefined();
  });

  test("rolls back where stable was within the limit all the time: there was too little to compare with", () => {
    const few = counted(counts(40, 12), counts(10), { scrapes: 8 });
    const { analysis } = decide(both({}, { measurement: few })).status.release!;
    const decision = decide(back(counts(200), { analysis }));
    expect(decision.status.release).toMatchObject({ decision: "Rollback", reason: "ErrorRateTooHigh" });
    expect(decision.status.release?.explanation).toContain("stable was within it all the time");
  });

  test("stands still while it is suspended, but goes on where a person asks", () => {
    const suspended = back(counts(200));
    const spec = { ...suspended.rollout.spec!, suspend: true };
    expect(decide({ ...suspended, rollout: { ...suspended.rollout, spec } }).rule).toBe("standStill");
    const early = back(counts(0));
    const requests = { promote: ago(1) };
    const decision = decide({ ...early, rollout: { ...early.rollout, requests } });
    expect(decision.transitions).toMatchObject([{ reason: "Resumed" }]);
    expect(decision.status.handled).toMatchObject(requests);
  });

  test("holds without metrics", () => {
    const away = { kind: "Unavailable", message: "Prometheus does not answer." } as const;
    const decision = decide({ ...back(counts(200)), measurement: away });
    expect(decision.status.conditions).toContainEqual(expect.objectContaining({ reason: "MetricsUnavailable" }));
  });

  test("a block over the limit begins the calm anew", () => {
    const spell = (errors: number) =>
      decide({ ...back(counts(100)), measurement: counted(counts(0), counts(10, errors)) }).status.release?.steppedBack;
    expect(spell(0)?.calm).toEqual(counts(110));
    expect(spell(1)?.calm).toEqual(counts(0));
  });
});
