import { describe, expect, test } from "vitest";
import { observe } from "../../../src/controller/observe.ts";
import { decide, ruleNames } from "../../../src/domain/decide.ts";
import type { RolloutStatus } from "../../../src/api/rollout-status.ts";
import type { Observation } from "../../../src/domain/observation.ts";
import { VirtualWorld, type Behaviour } from "../../simulation/virtual-world.ts";
import { readText } from "../../architecture/repository.ts";
import { aRollout, anObservation, inRelease } from "../../support/observation.ts";
import { counted, counts } from "../../support/measurement.ts";

/** What a reconcile saw each second until the release of `v2` was over, from the first look at the app on. */
async function observationsOf(behaviour: Behaviour): Promise<readonly Observation[]> {
  const world = new VirtualWorld();
  world.behaviours = { v2: behaviour };
  const seen: Observation[] = [];
  const remember = async () => {
    const observation = await observe(world.rollout(), world.dependencies(), new AbortController().signal);
    seen.push(structuredClone(observation));
  };
  for (let second = 0; second < 400 && world.status.history === undefined; second += 1) {
    if (second === 20) world.changeTemplate("v2");
    await remember();
    await world.reconcileOnce();
    world.tick(1_000);
  }
  await remember();
  return seen;
}

function freeze(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  Object.freeze(value);
  for (const member of Object.values(value)) freeze(member);
}

describe.each([
  ["a good release", {}],
  ["one that fails", { errorRate: 0.2 }],
  ["one whose pods crash", { crashes: true }],
] as const)("decide() through %s", (_, behaviour) => {
  test("decides the same for the same observation, and leaves it alone", async () => {
    const seen = await observationsOf(behaviour);
    expect(seen.length).toBeGreaterThan(30);
    for (const observation of seen) {
      freeze(observation);
      expect(decide(structuredClone(observation))).toEqual(decide(observation));
    }
  });

  test("names a rule that the documentation has, and plans nothing that JSON could not carry", async () => {
    for (const observation of await observationsOf(behaviour)) {
      const { rule, plan, status } = decide(observation);
      expect(ruleNames).toContain(rule);
      expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
      expect(JSON.parse(JSON.stringify(status))).toEqual(status);
    }
  });
});

describe("a status that has lost a part, by a restore from a backup or by hand", () => {
  const lose: readonly (readonly [string, (status: RolloutStatus) => RolloutStatus])[] = [
    ["the canary", (status) => ({ ...status, canary: undefined })],
    ["stable", (status) => ({ ...status, stable: undefined })],
    ["its conditions", (status) => ({ ...status, conditions: undefined, phase: undefined })],
    [
      "what was asked of the mesh",
      ({ release, ...status }) => ({ ...status, release: release && { ...release, traffic: undefined } }),
    ],
    [
      "what was counted",
      ({ release, ...status }) => ({ ...status, release: release && { ...release, analysis: undefined } }),
    ],
  ];

  test.each(lose)(
    "%s: every moment of a release has a decision, in words and fields that are there",
    async (_, without) => {
      const releases = [{}, { errorRate: 0.2 }, { crashes: true }] as const;
      const seen = (await Promise.all(releases.map((behaviour) => observationsOf(behaviour)))).flat();
      for (const observation of seen) {
        const status = without(observation.rollout.status);
        const {
          plan,
          status: next,
          transitions,
        } = decide({ ...observation, rollout: { ...observation.rollout, status } });
        expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
        expect([next.message, ...transitions.map(({ note }) => note)].join(" ")).not.toMatch(/undefined|null|\[object/);
        // Whatever is forgotten, nothing new gets traffic by it.
        const weights = plan.flatMap((action) => (action.kind === "routeTraffic" ? [action.weight] : []));
        const asked = observation.rollout.status.release?.traffic?.weight ?? 0;
        const steps = [0, asked, ...(observation.rollout.spec?.steps ?? []).flatMap(({ weight }) => weight ?? [])];
        expect(weights.every((weight) => steps.includes(weight))).toBe(true);
      }
    },
  );
});

describe("the order of the rules", () => {
  const failing = counted(counts(100, 50), counts(900), { scrapes: 2 });

  test("a deleted Rollout is let go, whatever else is the matter", () => {
    const rollout = aRollout({ deleting: true, claimed: true, spec: { steps: "none" } });
    expect(decide(anObservation({ rollout })).rule).toBe("letGo");
  });

  test("a rollback goes before a person's wish to go on, and before a suspension", () => {
    const { rollout } = inRelease();
    const { spec } = aRollout({ spec: { suspend: true } });
    const wished = { ...rollout, spec, requests: { promote: "t" } };
    expect(decide(inRelease({}, { rollout: wished, measurement: failing }))).toMatchObject({
      rule: "goBack",
      urgent: true,
    });
  });

  test("rest comes last", () => {
    expect(decide(anObservation()).rule).toBe("rest");
    expect(ruleNames.at(-1)).toBe("rest");
    expect(new Set(ruleNames).size).toBe(ruleNames.length);
  });

  test("is the one in docs/architecture.md", () => {
    const listed = [...readText("docs/architecture.md").matchAll(/^\| `(\w+)` \|.*\|.*\|$/gm)].map(([, name]) => name);
    expect(listed.filter((name) => ruleNames.includes(name ?? ""))).toEqual(ruleNames);
  });
});
