import { describe, expect, test } from "vitest";
import { decide } from "../../../../src/domain/decide.ts";
import type { Observation, ReplicaSet, TrafficState } from "../../../../src/domain/observation.ts";
import type { Release, RolloutStatus } from "../../../../src/api/rollout-status.ts";
import {
  aRelease,
  aReplicaSet,
  aRollout,
  anObservation,
  aWorkload,
  noon,
  routesAtRest,
} from "../../../support/observation.ts";

const entry = (name: string, change: Partial<ReplicaSet> = {}): ReplicaSet =>
  aReplicaSet({
    name,
    controlledBy: "User",
    revision: `${name}-x`,
    podTemplateHash: name,
    workload: `product-${name}`,
    image: `product:${name}`,
    ...change,
  });

const revision = (name: string) => ({
  revision: `${name}-x`,
  replicaSet: name,
  podTemplateHash: name,
  workload: `product-${name}`,
  image: `product:${name}`,
});

const istio = { virtualService: { name: "product" }, destinationRule: { name: "product" } };

/** v1 and v2 run, v1 serves, and spec.subset is `wanted`. */
function seen(
  status: Partial<RolloutStatus>,
  change: {
    wanted?: string;
    traffic?: Partial<TrafficState>;
    v2?: Partial<ReplicaSet>;
    spec?: object;
    deleting?: boolean;
  } = {},
): Observation {
  const { wanted = "v2", traffic, v2 = {}, spec, deleting = false } = change;
  const form = { targetRef: undefined, subset: wanted, service: { name: "product" }, traffic: { istio }, ...spec };
  const replicaSets = [entry("v1"), entry("v2", v2)];
  const found = replicaSets.find(({ name }) => name === wanted);
  return anObservation({
    rollout: aRollout({ spec: form, status, deleting }),
    workload: aWorkload({
      form: "Subsets",
      paused: true,
      revision: found?.revision ?? "",
      image: found?.image ?? "",
      promotedRevision: undefined,
      replicaSets,
    }),
    traffic: { ...routesAtRest, serving: "v1", ...traffic },
  });
}

const kinds = (observation: Observation) => decide(observation).plan.map(({ kind }) => kind);
const reasons = (observation: Observation) => decide(observation).transitions.map(({ reason }) => reason);

const released = (release: Partial<Release> = {}): Partial<RolloutStatus> => {
  const given = aRelease(release);
  const traffic = given.traffic && { ...given.traffic, subsets: "Rest" as const };
  return { stable: revision("v1"), canary: revision("v2"), release: { ...given, traffic, ...release } };
};

describe("without a release", () => {
  test("what the routes serve is stable", () => {
    const decision = decide(seen({ stable: undefined }));
    expect(decision).toMatchObject({ rule: "watchSubsets", plan: [], status: { stable: revision("v1") } });
  });

  test("routes to a subset in which nothing runs are told", () => {
    const decision = decide(seen({ stable: undefined }, { traffic: { serving: "v9" } }));
    expect(decision.status).toMatchObject({ phase: "Stalled", stable: undefined });
  });

  test("another name in spec.subset begins a release, the same one does not", () => {
    expect(decide(seen({ stable: revision("v1") }))).toMatchObject({
      rule: "startRelease",
      plan: [],
      status: { canary: revision("v2") },
    });
    const resting = decide(seen({ stable: revision("v1") }, { wanted: "v1" }));
    expect(resting).toMatchObject({ rule: "rest", plan: [], transitions: [], status: { phase: "Ready" } });
    expect(resting.status.hold).toBeUndefined();
  });

  const moved = { route: { kind: "Split", weight: undefined }, foreignManager: "git" } as const;

  test("weights of others are put back and told; a third time in a minute says what to write", () => {
    const corrections = [30_000, 10_000].map((ago) => new Date(noon - ago).toISOString());
    const observation = seen(
      { stable: revision("v1"), subsets: { retired: [], corrections } },
      { wanted: "v1", traffic: moved },
    );
    expect(decide(observation).plan).toEqual([{ kind: "serveSubset", subset: "v1" }]);
    expect(reasons(observation)).toEqual(["WeightsCorrected", "FieldOwnershipConflict"]);
  });

  test("weights of others that are put back for the first time are told, and no more", () => {
    expect(reasons(seen({ stable: revision("v1") }, { wanted: "v1", traffic: moved }))).toEqual(["WeightsCorrected"]);
  });

  test("what was just corrected, or was nobody else's, is put back in silence", () => {
    const corrections = [new Date(noon - 200).toISOString()];
    const status = { stable: revision("v1"), subsets: { retired: [], corrections } };
    expect(reasons(seen(status, { traffic: moved }))).toEqual([]);
    expect(reasons(seen({ stable: revision("v1") }, { traffic: { ...moved, foreignManager: undefined } }))).toEqual([]);
  });

  test("suspended, the routes are the user's, and what they serve is stable", () => {
    const observation = seen({ stable: revision("v1") }, { spec: { suspend: true }, traffic: { serving: "v2" } });
    expect(decide(observation).status.stable).toEqual(revision("v2"));
  });

  test("suspended, the subset that is asked for waits, and the routes are said to be the user's", () => {
    const { plan, status } = decide(seen({ stable: revision("v1") }, { spec: { suspend: true } }));
    expect(plan).toEqual([]);
    expect(status).toMatchObject({ phase: "Suspended", stable: revision("v1") });
    expect(status.message).toContain("product:v1 serves, and the routes are yours");
  });

  test("letting go takes nothing away", () => {
    expect(kinds(seen({ stable: revision("v1") }, { deleting: true }))).toEqual(["letGo"]);
  });
});

describe("in a release", () => {
  const split = (weight: number) => ({ traffic: { route: { kind: "Split", weight } as const } });
  const fresh = aRelease().traffic;
  const waiting = {
    canaryReadyAt: undefined,
    stepStartedAt: undefined,
    traffic: fresh && { ...fresh, subsets: "Rest" as const, weight: 0 },
  };

  test("it waits, and says so, until the subset has the pods that the weight asks for", () => {
    const few = decide(seen(released({ ...waiting, stepIndex: 1 }), { v2: { replicas: 1, available: 1 } }));
    expect(few).toMatchObject({ rule: "waitForCanary", plan: [] });
    expect(few.status.message).toContain("1 of its 1 pods are available, and weight 50 asks for 2 (stable runs 4)");
    const rolling = decide(seen(released(waiting), { v2: { available: 0, cannotStart: "product-v2 is rolling out" } }));
    expect(rolling.status.message).toContain("Subset v2 is not ready for the traffic: product-v2 is rolling out.");
    expect(reasons(seen(released(waiting)))).toEqual(["CanaryReady"]);
  });

  test("it records the routes, and writes nothing before its first weight", () => {
    const observation = seen(released({ ...waiting, traffic: undefined }));
    const { status, plan } = decide({ ...observation, original: '{"was":1}' });
    expect(plan).toEqual([]);
    expect(status.release?.traffic).toMatchObject({
      original: '{"was":1}',
      subsets: "Rest",
      route: "Split",
      weight: 0,
    });
  });

  test("it waits while the subset's Deployment is being deleted, and goes back where that has traffic", () => {
    const going = { v2: { deleting: true } };
    const held = decide(seen(released({ ...waiting, canaryReadyAt: new Date(noon - 60_000).toISOString() }), going));
    expect(held).toMatchObject({ rule: "waitForCanary", plan: [], status: { phase: "Held" } });
    expect(held.status.message).toContain("Subset v2 is not ready for the traffic: product-v2 is being deleted.");
    const back = decide(seen(released(), { ...split(10), ...going }));
    expect(back.status.release).toMatchObject({
      reason: "CanaryUnavailable",
      explanation: "What ran in subset v2 was deleted at weight 10.",
    });
  });

  test("pods that come and go at a weight that was reached do not hold it", () => {
    const few = decide(seen(released(), { ...split(10), v2: { ready: 1, available: 0 } }));
    expect(few).toMatchObject({ rule: "passStep", plan: [] });
  });

  test("without pods it is held at weight 0, also while a person has paused it", () => {
    const observation = seen(released(waiting), { v2: { available: 0 } });
    const paused = { ...observation.rollout, requests: { pause: "t" } };
    const { status } = decide({ ...observation, rollout: paused });
    expect(status.message).toContain("0 of its 4 pods are available, and weight 0 asks for 1 (stable runs 4)");
  });

  test.each([
    ["loses all of its pods", { v2: { ready: 0, available: 0, replicas: 0 } }, "CanaryUnavailable"],
    ["crashes", { v2: { crashes: ["p/app: Error"] } }, "CanaryCrashed"],
    ["becomes another version", { v2: { revision: "v2-y" } }, "Superseded"],
    ["is not asked for any more", { wanted: "v1" }, "Reverted"],
  ])("it goes back when the subset %s", (_, change, reason) => {
    const decision = decide(seen(released(), { ...split(10), ...change }));
    expect(decision).toMatchObject({ rule: "goBack", urgent: true, plan: [{ kind: "routeTraffic", weight: 0 }] });
    expect(decision.status.release?.reason).toBe(reason);
  });

  test("its end gives the share to the new subset for good, and remembers the old one", () => {
    const at100 = released({ decision: "Promote" });
    expect(kinds(seen(at100, split(50)))).toEqual(["routeTraffic"]);
    expect(kinds(seen(at100, split(100)))).toEqual(["serveSubset"]);
    const settled = released({ decision: "Promote", traffic: fresh && { ...fresh, subsets: "Rest", route: "Rest" } });
    expect(kinds(seen(settled, split(100)))).toEqual(["serveSubset"]);
    const { status, plan } = decide(seen(settled, { traffic: { serving: "v2" } }));
    expect(plan).toEqual([]);
    expect(status).toMatchObject({ stable: revision("v2"), release: undefined, subsets: { retired: ["v1"] } });
  });

  const settling = (seconds: number, release: Partial<Release> = {}) => {
    const routeChangedAt = new Date(noon - seconds * 1_000).toISOString();
    const traffic = fresh && { ...fresh, subsets: "Rest" as const, route: "Rest" as const, routeChangedAt };
    return released({ decision: "Promote", traffic, ...release });
  };

  test("its end comes when every proxy has the routes", () => {
    const { status } = decide(seen(settling(1), { traffic: { serving: "v2" } }));
    expect(status).toMatchObject({ phase: "Promoting", release: { decision: "Promote" }, stable: revision("v1") });
    expect(status.message).toContain("waiting until every proxy has them");
  });

  test("its end waits for routes that cannot be read", () => {
    const traffic = { problem: "RouteNotFound", message: "VirtualService shop/product is gone" } as const;
    const { status, plan } = decide({ ...seen(settling(60)), traffic });
    expect(plan).toEqual([]);
    expect(status).toMatchObject({ phase: "Promoting", release: { decision: "Promote" } });
    expect(status.message).toContain("VirtualService shop/product is gone");
  });

  test("its end waits where a status has lost what was asked, and promotes where it has lost what served", () => {
    const lost = settling(60, { traffic: undefined });
    expect(decide(seen(lost)).status.message).toBe("Waiting for the routes.");
    const { status } = decide(seen({ ...settling(60), stable: undefined }, { traffic: { serving: "v2" } }));
    expect(status).toMatchObject({ stable: revision("v2"), subsets: { retired: [] } });
  });

  test("a release whose subset is gone from the DestinationRule waits for it", () => {
    const observation = seen(
      released({ stepStartedAt: undefined, traffic: fresh && { ...fresh, subsets: "Rest", weight: 0 } }),
      split(0),
    );
    const workload = { ...observation.workload, replicaSets: [entry("v1")] } as typeof observation.workload;
    const { plan, status } = decide({ ...observation, workload });
    expect(plan).toEqual([]);
    expect(status.message).toBe(
      "The DestinationRule has no subset v2 any more. The release goes on by itself when it has.",
    );
  });

  test("its end says that a step had too few requests for a verdict", () => {
    const decision = decide(seen(settling(60, { withoutEvidence: true }), { traffic: { serving: "v2" } }));
    expect(decision.transitions).toMatchObject([{ reason: "PromotedWithoutEvidence" }]);
    expect(decision.status.message).toContain("too few requests for a verdict");
  });

  test("after the bake the share stays with the new subset", () => {
    const at100 = fresh && { ...fresh, subsets: "Rest" as const, weight: 100 };
    const baked = released({ stepIndex: 2, bakingSince: new Date(noon - 121_000).toISOString(), traffic: at100 });
    const { transitions, status } = decide(seen(baked, split(100)));
    expect(status.release?.decision).toBe("Promote");
    expect(transitions).toMatchObject([
      { reason: "Adopting", note: expect.stringContaining("all of the share stays with subset v2") as string },
    ]);
  });

  test("a rollback sends the share back before the routes are as they were", () => {
    const traffic = fresh && { ...fresh, subsets: "Rest" as const, routeChangedAt: new Date(noon).toISOString() };
    const back = released({ decision: "Rollback", reason: "Aborted", traffic });
    expect(kinds(seen(back, split(10)))).toEqual(["routeTraffic"]);
    expect(kinds(seen(back, split(0)))).toEqual([]);
  });

  test("a rollback touches the routes only", () => {
    const back = released({ decision: "Rollback", reason: "Aborted", highestWeight: 0 });
    expect(kinds(seen(back, split(0)))).toEqual(["restoreRoute"]);
  });
});
