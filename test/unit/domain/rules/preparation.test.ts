import { expect, test } from "vitest";
import { decide } from "../../../../src/domain/decide.ts";
import {
  aCanary,
  ago,
  aReplicaSet,
  aWorkload,
  inRelease,
  routesAtRest,
  routesSplit,
} from "../../../support/observation.ts";

const begun = {
  highestWeight: 0,
  stepStartedAt: undefined,
  canaryCreatedAt: undefined,
  canaryReadyAt: undefined,
  analysis: undefined,
};
const asked = (changes = {}) => ({
  ...begun,
  traffic: { ...inRelease().rollout.status.release!.traffic!, weight: 0, route: "Rest" as const, ...changes },
});
const alone = aWorkload({ paused: true, revision: "two", replicaSets: [aReplicaSet()] });
const narrowed = { ...routesSplit(0), route: { kind: "Rest" as const } };

test("prepareTraffic records what is there before it changes anything", () => {
  const decision = decide(
    inRelease({ ...begun, traffic: undefined }, { workload: alone, traffic: routesAtRest, original: '{"was":1}' }),
  );
  expect(decision).toMatchObject({ rule: "prepareTraffic", plan: [] });
  expect(decision.status.release?.traffic).toMatchObject({
    original: '{"was":1}',
    subsets: "Narrowed",
    route: "Rest",
    weight: 0,
  });
});

test("prepareTraffic tells before the release starts how long it will take, and remembers what was usual", () => {
  const usual = { requests: 60_000, lost: 6, length: 600_000, interval: 5_000 };
  const decision = decide(
    inRelease({ ...begun, traffic: undefined }, { workload: alone, traffic: routesAtRest, original: "{}", usual }),
  );
  expect(decision.status.release?.usual).toEqual(usual);
  expect(decision.transitions).toMatchObject([
    {
      reason: "Forecast",
      note: expect.stringMatching(/^100 requests\/s came to the Service in the last 10m; /) as string,
    },
  ]);
});

test("prepareTraffic holds when the API server would refuse a write of the release", () => {
  const rehearsal = { problem: "TrafficConfigRejected", message: "VirtualService shop/product: no" } as const;
  const decision = decide(
    inRelease({ ...begun, traffic: undefined }, { workload: alone, traffic: routesAtRest, original: "{}", rehearsal }),
  );
  expect(decision).toMatchObject({ plan: [], transitions: [{ reason: "Held" }] });
  expect(decision.status.message).toContain("VirtualService shop/product");
});

test("prepareTraffic looks less often while a release that has touched nothing is held", () => {
  const traffic = { problem: "RouteNotFound", message: "VirtualService shop/product is gone" } as const;
  const first = decide(inRelease({ ...begun, traffic: undefined }, { workload: alone, traffic }));
  expect(first).toMatchObject({ rule: "prepareTraffic", plan: [], wakeAfter: 5_000, status: { phase: "Held" } });
  expect(first.status.message).toBe("VirtualService shop/product is gone");
  const later = decide(inRelease(asked(), { workload: alone, traffic }));
  expect(later).toMatchObject({ rule: "prepareTraffic", plan: [], wakeAfter: 1_000, status: { phase: "Held" } });
});

test("prepareTraffic does not begin before it knows what to give back", () => {
  const decision = decide(inRelease({ ...begun, traffic: undefined }, { workload: alone, traffic: routesAtRest }));
  expect(decision).toMatchObject({ rule: "prepareTraffic", plan: [], transitions: [{ reason: "Held" }] });
  expect(decision.status.release?.traffic).toBeUndefined();
});

test.each([
  [
    "subsets first",
    inRelease(asked(), { workload: alone, traffic: routesAtRest }),
    [{ kind: "narrowSubsets", stable: "one", canary: "two" }],
  ],
  [
    "waits until proxies have them",
    inRelease(asked({ subsetsChangedAt: ago(1) }), { workload: alone, traffic: narrowed }),
    [],
  ],
  [
    "then the routes, by name",
    inRelease(asked(), { workload: alone, traffic: narrowed }),
    [{ kind: "routeTraffic", weight: 0 }],
  ],
  [
    "writes the routes again that are not seen to be split",
    inRelease(asked({ route: "Split" }), { workload: alone, traffic: narrowed }),
    [{ kind: "routeTraffic", weight: 0 }],
  ],
  [
    "waits until proxies have those",
    inRelease(asked({ route: "Split", routeChangedAt: ago(1) }), { workload: alone, traffic: routesSplit(0) }),
    [],
  ],
  [
    "generated objects are made when they are missing",
    inRelease(asked(), { workload: alone, traffic: { ...routesAtRest, subsets: { kind: "Absent" } } }),
    [{ kind: "createRoute" }],
  ],
])("prepareTraffic: %s", (_stage, observation, plan) => {
  expect(decide(observation)).toMatchObject({ rule: "prepareTraffic", plan });
});

const ready = (changes: Parameters<typeof aCanary>[0], release = {}) =>
  inRelease(
    { ...asked({ route: "Split" }), canaryCreatedAt: ago(5), ...release },
    {
      workload: aWorkload({ paused: true, revision: "two", replicaSets: [aReplicaSet(), aCanary(changes)] }),
      traffic: routesSplit(0),
    },
  );

test("waitForCanary creates as many pods as the first weight asks for", () => {
  const decision = decide(inRelease(asked({ route: "Split" }), { workload: alone, traffic: routesSplit(0) }));
  expect(decision).toMatchObject({
    rule: "waitForCanary",
    plan: [{ kind: "createCanary", replicas: 1, canary: { replicaSet: "product-a-two" } }],
  });
  expect(decision.status.release?.canaryCreatedAt).toBeDefined();
});

test("waitForCanary does not count the time in which something refuses the canary's creation", () => {
  const refused = (seconds: number) =>
    decide(
      inRelease(
        { ...asked({ route: "Split" }), canaryCreatedAt: ago(seconds) },
        { workload: alone, traffic: routesSplit(0) },
      ),
    );
  expect(refused(5).status.release?.canaryCreatedAt).toBe(ago(5));
  expect(refused(3_600).status.release?.canaryCreatedAt).toBe(ago(0));
  expect(refused(3_600).plan).toMatchObject([{ kind: "createCanary" }]);
});

test("waitForCanary creates a canary although an earlier release left an empty ReplicaSet of its very name", () => {
  const twin = aCanary({ controlledBy: "Deployment", replicas: 0, pods: 0, ready: 0, available: 0 });
  const workload = aWorkload({ paused: true, revision: "two", replicaSets: [aReplicaSet(), twin] });
  const decision = decide(inRelease(asked({ route: "Split" }), { workload, traffic: routesSplit(0) }));
  expect(decision.plan).toMatchObject([{ kind: "createCanary", canary: { replicaSet: "product-a-two" } }]);
});

test.each([
  [
    "scales to what the step asks for",
    ready({}, { stepIndex: 2 }),
    [{ kind: "scaleCanary", replicaSet: "product-a-two", replicas: 4 }],
  ],
  [
    "does not shrink in a release",
    ready({ replicas: 3, available: 3 }, { canaryReadyAt: ago(2) }),
    [{ kind: "routeTraffic", weight: 10 }],
  ],
  [
    "shrinks to the Deployment's size, no further",
    inRelease(
      {},
      {
        workload: aWorkload({
          paused: true,
          revision: "two",
          replicas: 3,
          replicaSets: [aReplicaSet({ replicas: 3 }), aCanary({ replicas: 5, ready: 5, available: 5 })],
        }),
      },
    ),
    [{ kind: "scaleCanary", replicaSet: "product-a-two", replicas: 3 }],
  ],
  ["waits for pods", ready({ available: 0, ready: 0 }), []],
  ["waits until proxies know the first pods", ready({}, { canaryReadyAt: ago(1) }), []],
])("waitForCanary %s", (_what, observation, plan) => {
  expect(decide(observation).plan).toMatchObject(plan);
});

test("waitForCanary keeps the weight until as many pods are available as the next one asks for", () => {
  const canary = aCanary({ replicas: 2, ready: 1, available: 1 });
  const workload = aWorkload({ paused: true, revision: "two", replicaSets: [aReplicaSet(), canary] });
  const decision = decide(inRelease({ stepIndex: 1, canaryReadyAt: undefined }, { workload }));
  expect(decision).toMatchObject({ rule: "waitForCanary", plan: [] });
});

test("waitForCanary starts the deadline anew when it asks for more pods", () => {
  const decision = decide(inRelease({ stepIndex: 1 }));
  expect(decision.plan).toEqual([{ kind: "scaleCanary", replicaSet: "product-a-two", replicas: 2 }]);
  expect(decision.status.release?.canaryCreatedAt).toBe(ago(0));
  expect(decision.status.release?.canaryReadyAt).toBeUndefined();
});

test("waitForCanary says once that the pods are ready, and that they cannot start", () => {
  expect(decide(ready({})).transitions).toMatchObject([{ reason: "CanaryReady" }]);
  const stuck = decide(ready({ available: 0, ready: 0, cannotStart: "quota exceeded" }));
  expect(stuck.transitions).toMatchObject([{ reason: "Held" }]);
  expect(stuck.status.conditions?.[0]).toMatchObject({ reason: "CanaryCannotStart" });
});

const canaryOnly = (changes: Parameters<typeof aCanary>[0], workload: Parameters<typeof aWorkload>[0] = {}) => ({
  workload: aWorkload({ paused: true, revision: "two", replicaSets: [aReplicaSet(), aCanary(changes)], ...workload }),
});

test.each([
  ["before the first weight", 0, {}],
  ["on the way to the next weight", 1, { replicas: 2 }],
  ["at a weight that was reached, where an autoscaler asked for more", 0, { replicas: 2, ready: 1, available: 1 }],
])("waitForCanary does not count the time in which pods cannot start: %s", (_when, stepIndex, changes) => {
  const canary = { ready: 1, available: 0, cannotStart: "quota exceeded", ...changes };
  const release = { stepIndex, canaryReadyAt: undefined, canaryCreatedAt: ago(3_600) };
  const held = decide(inRelease(release, canaryOnly(canary)));
  expect(held.rule).toBe("waitForCanary");
  expect(held.status.release?.canaryCreatedAt).toBe(ago(0));
  const soon = decide(inRelease({ ...release, canaryCreatedAt: ago(30) }, canaryOnly(canary)));
  expect(soon.status.release?.canaryCreatedAt).toBe(ago(30));
});

test("waitForCanary gives pods that were ready and are needed again a deadline of their own", () => {
  const canary = { replicas: 2, ready: 1, available: 1 };
  const waiting = decide(inRelease({ stepIndex: 1, canaryReadyAt: ago(50) }, canaryOnly(canary)));
  expect(waiting.rule).toBe("waitForCanary");
  expect(waiting.status.release).toMatchObject({ canaryCreatedAt: ago(0), canaryReadyAt: undefined });
});

test("waitForCanary empties the canary of a Deployment that was scaled to zero, and waits until there are pods again", () => {
  const left = decide(inRelease({}, canaryOnly({}, { replicas: 0 })));
  expect(left).toMatchObject({ rule: "waitForCanary", plan: [{ kind: "routeTraffic", weight: 0 }] });
  const { release } = left.status;
  expect(release).toMatchObject({ traffic: { weight: 0, routeChangedAt: ago(0) } });
  const emptied = decide(inRelease(release, canaryOnly({}, { replicas: 0 })));
  expect(emptied.plan).toEqual([{ kind: "scaleCanary", replicaSet: "product-a-two", replicas: 0 }]);
  const none = { replicas: 0, pods: 0, ready: 0, available: 0 };
  const waiting = decide(inRelease(release, canaryOnly(none, { replicas: 0 })));
  expect(waiting).toMatchObject({ rule: "waitForCanary", plan: [], transitions: [{ reason: "Held" }] });
  expect(waiting.status.message).toContain("Deployment product has 0 replicas");
  const again = decide(inRelease(release, canaryOnly(none)));
  expect(again.plan).toEqual([{ kind: "scaleCanary", replicaSet: "product-a-two", replicas: 1 }]);
  const stuck = { replicas: 1, pods: 1, ready: 0, available: 0, cannotStart: "quota exceeded" };
  const held = decide(inRelease(again.status.release, canaryOnly(stuck)));
  expect(held.status).toMatchObject({ phase: "Held", weight: 0 });
});

test("waitForCanary leaves the clock of a weight that was reached alone when pods come and go", () => {
  const decision = decide(inRelease({ canaryReadyAt: ago(50) }, canaryOnly({ replicas: 2, ready: 1, available: 1 })));
  expect(decision).toMatchObject({ rule: "passStep", plan: [] });
  expect(decision.status.release).toMatchObject({ canaryReadyAt: ago(50), stepStartedAt: ago(60) });
});

test("waitForCanary sends no traffic to a ReplicaSet that is being deleted, and makes it again when it is gone", () => {
  const going = decide(ready({ deleting: true }, { canaryReadyAt: ago(60) }));
  expect(going).toMatchObject({ rule: "waitForCanary", plan: [] });
  expect(going.status.message).toContain("product-a-two is being deleted");
  const gone = decide(inRelease(going.status.release, { workload: alone, traffic: routesSplit(0) }));
  expect(gone.plan).toMatchObject([{ kind: "createCanary", canary: { replicaSet: "product-a-two" } }]);
});

test("waitForCanary of a Deployment with 0 replicas begins no deadline for a canary that it has not asked for", () => {
  const none = { replicas: 0, pods: 0, ready: 0, available: 0 };
  const found = inRelease(asked({ route: "Split" }), { ...canaryOnly(none, { replicas: 0 }), traffic: routesSplit(0) });
  const decision = decide(found);
  expect(decision).toMatchObject({ rule: "waitForCanary", plan: [], status: { phase: "Held" } });
  expect(decision.status.release?.canaryCreatedAt).toBeUndefined();
});
