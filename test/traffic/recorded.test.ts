import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { manifest, namespaceObject } from "../lab/app.ts";
import { startLab, type Lab } from "../lab/lab.ts";
import { goldenCases } from "../unit/cluster/golden.ts";
import { operatorFlags } from "../workload/bench.ts";
import { expectHarmless, releaseOver } from "./recorded-release.ts";

/** By the name of the recorded case: `Promoted`, or the sentence with which the release is refused. */
const outcomes = JSON.parse(readFileSync(new URL("recorded-outcomes.json", import.meta.url), "utf8")) as Readonly<
  Record<string, string>
>;

/**
 * Every recorded case that istiod and the API server take, asked to release the other one of its two versions. What a
 * proxy would have had after each write is rendered by the mesh that was held against the records.
 */
describe.concurrent("a release over what users have", () => {
  let lab: Lab;

  beforeAll(async () => {
    // Without proxies: what they would be given is looked at, and nobody calls.
    lab = await startLab({}, { proxies: [] });
    await lab.apply(manifest(namespaceObject("istio-system")));
    await lab.startOperator(operatorFlags);
  }, 5_400_000);

  afterAll(async () => {
    await lab.stop();
  });

  const cases = goldenCases().filter(({ expected }) => expected.refused === null);

  it("recorded cases have an outcome each", () => expect(Object.keys(outcomes)).toEqual(cases.map(({ name }) => name)));

  it.each(cases)("recorded $name", async (recorded) => {
    const expected = outcomes[recorded.name] ?? "";
    const release = await releaseOver(lab, recorded, expected);
    expectHarmless(release);
    expect(release.outcome, JSON.stringify(release.rollout)).toBe(expected);
    const isPromoted = release.outcome === "Promoted";
    expect(release.configs.length > 1, "routes were written").toBe(isPromoted);
  });
});
