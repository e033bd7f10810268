import { describe, expect, test } from "vitest";
import { decide } from "../../../../src/domain/decide.ts";
import { ago, inRelease, routesSplit } from "../../../support/observation.ts";

/** The subsets were there long before the routes. */
const traffic = (changes = {}) => ({
  ...inRelease().rollout.status.release!.traffic!,
  subsetsChangedAt: ago(300),
  ...changes,
});

test("the same weight a second time, after stepping back, has an event of another name: one name is told once", () => {
  const observation = inRelease({ traffic: traffic({ weight: 0 }) }, { traffic: routesSplit(0) });
  const key = (seconds: number) =>
    decide({ ...observation, now: observation.now + seconds * 1_000 }).transitions[0]?.key;
  expect(key(0)).toBeDefined();
  expect(key(60)).not.toBe(key(0));
});

test("shiftTraffic stores the weight before it is written, and stops the step's clock", () => {
  const decision = decide(
    inRelease({ traffic: traffic({ weight: 0 }), highestWeight: 0 }, { traffic: routesSplit(0) }),
  );
  expect(decision).toMatchObject({
    rule: "shiftTraffic",
    plan: [{ kind: "routeTraffic", weight: 10 }],
    transitions: [{ reason: "WeightChanged" }],
  });
  expect(decision.status.release).toMatchObject({ highestWeight: 10, traffic: { weight: 10, routeChangedAt: ago(0) } });
  expect(decision.status.release?.stepStartedAt).toBeUndefined();
});

test("shiftTraffic puts back what somebody else wrote, and tells who", () => {
  const foreign = { ...routesSplit(60), foreignManager: "argocd-controller" };
  const decision = decide(inRelease({}, { traffic: foreign }));
  expect(decision).toMatchObject({
    plan: [{ kind: "routeTraffic", weight: 10 }],
    transitions: [{ reason: "WeightsCorrected" }],
  });
  const third = decide(inRelease({ traffic: traffic({ corrections: [ago(20), ago(10)] }) }, { traffic: foreign }));
  expect(third.transitions.map(({ reason }) => reason)).toEqual(["WeightsCorrected", "FieldOwnershipConflict"]);
  expect(third.transitions[1]?.note).toContain("ignoreDifferences");
  const old = decide(inRelease({ traffic: traffic({ corrections: [ago(90), ago(80)] }) }, { traffic: foreign }));
  expect(old.transitions.map(({ reason }) => reason)).toEqual(["WeightsCorrected"]);
});

test("subsets that somebody else wrote are put back before the routes, in one decision, and counted as one", () => {
  const lost = { kind: "Present", stable: "one", canary: undefined } as const;
  const both = { ...routesSplit(undefined), subsets: lost, foreignManager: "flux", subsetsManager: "flux" };
  const decision = decide(inRelease({}, { traffic: both }));
  expect(decision.plan).toMatchObject([{ kind: "narrowSubsets" }, { kind: "routeTraffic", weight: 10 }]);
  expect(decision.transitions).toMatchObject([{ reason: "WeightsCorrected" }]);
  const subsets = decide(inRelease({}, { traffic: { ...routesSplit(10), subsets: lost, subsetsManager: "flux" } }));
  expect(subsets.plan).toMatchObject([{ kind: "narrowSubsets" }]);
  expect(subsets.transitions[0]?.note).toContain("flux changed the subsets");
  const ours = decide(inRelease({}, { traffic: { ...routesSplit(10), subsets: lost } }));
  expect(ours.transitions).toEqual([]);
});

describe("a subset canary that somebody took away", () => {
  const gone = { kind: "Present", stable: "one", canary: undefined, lacksCanary: true } as const;
  const foreign = { subsets: gone, subsetsManager: "flux", foreignManager: undefined, unsplit: [] };

  /** The subset is there again, and stable has all of the traffic. */
  const putBack = (changes: object) =>
    inRelease({ stepStartedAt: undefined, traffic: traffic(changes) }, { traffic: routesSplit(0) });

  test("is put back, and no route names it until every proxy has it again", () => {
    const decision = decide(inRelease({}, { traffic: { ...foreign, route: { kind: "Split", weight: 10 } } }));
    expect(decision).toMatchObject({
      // 0 is not what the status asks for: an operator that died in between must find out why.
      urgent: false,
      plan: [{ kind: "narrowSubsets" }, { kind: "routeTraffic", weight: 0 }],
      transitions: [{ reason: "WeightsCorrected" }],
      status: { release: { traffic: { weight: 10, subsetsChangedAt: ago(0) } } },
    });
    expect(decision.status.release?.stepStartedAt).toBeUndefined();
    const atRest = decide(inRelease({}, { traffic: { ...foreign, route: { kind: "Rest" } } }));
    expect(atRest.plan).toMatchObject([{ kind: "narrowSubsets" }]);
    const back = (seconds: number) => decide(putBack({ subsetsChangedAt: ago(seconds) }));
    expect(back(1)).toMatchObject({ rule: "shiftTraffic", plan: [] });
    expect(back(2)).toMatchObject({ rule: "shiftTraffic", plan: [{ kind: "routeTraffic", weight: 10 }] });
    expect(back(2).status.release?.traffic?.routeChangedAt).toBe(ago(0));
    const baking = inRelease(
      { stepStartedAt: undefined, bakingSince: ago(30), traffic: traffic({ subsetsChangedAt: ago(2) }) },
      { traffic: routesSplit(0) },
    );
    expect(decide(baking).status.release?.bakingSince).toBe(ago(30));
  });

  test("has no traffic before it is everywhere, though only its labels are changed again", () => {
    const labels = { kind: "Present", stable: "one", canary: "other" } as const;
    const changed = (seconds: number) => {
      const observation = putBack({ subsetsChangedAt: ago(seconds) });
      return decide({ ...observation, traffic: { ...routesSplit(0), subsets: labels, subsetsManager: "flux" } });
    };
    expect(changed(1).plan).toMatchObject([{ kind: "narrowSubsets" }]);
    expect(changed(2).plan).toMatchObject([{ kind: "narrowSubsets" }, { kind: "routeTraffic", weight: 10 }]);
  });

  test("has its traffic again where somebody else has written the weight meanwhile", () => {
    const observation = putBack({ subsetsChangedAt: ago(2) });
    const decision = decide({ ...observation, traffic: routesSplit(10) });
    expect(decision).toMatchObject({ rule: "shiftTraffic", plan: [] });
    expect(decision.status.release).toMatchObject({ stepStartedAt: undefined, traffic: { routeChangedAt: ago(0) } });
  });

  test("again and again: nothing is sent to it until it was left alone for a minute", () => {
    const after = (corrections: string[]) => decide(putBack({ subsetsChangedAt: ago(5), corrections }));
    const held = after([ago(50), ago(20), ago(5)]);
    expect(held.plan).toEqual([]);
    // Git's own route may name no subset, and find canary pods by their share.
    const corrections = [ago(50), ago(20), ago(5)];
    const byGit = putBack({ subsetsChangedAt: ago(5), corrections });
    const atRest = decide({ ...byGit, traffic: { ...routesSplit(0), route: { kind: "Rest" } } });
    expect(atRest.plan).toMatchObject([{ kind: "routeTraffic", weight: 0 }]);
    expect(held.transitions).toMatchObject([{ reason: "Held" }]);
    expect(held.status.message).toMatch(/keeps removing subset canary.*write a subset canary into it/);
    expect(after([ago(61), ago(20), ago(5)]).plan).toMatchObject([{ kind: "routeTraffic", weight: 10 }]);
  });
});

test("shiftTraffic does not blame anybody for a cache that is behind", () => {
  const decision = decide(
    inRelease({ traffic: traffic({ routeChangedAt: ago(1) }), stepStartedAt: undefined }, { traffic: routesSplit(0) }),
  );
  expect(decision).toMatchObject({ plan: [{ kind: "routeTraffic", weight: 10 }], transitions: [] });
});
