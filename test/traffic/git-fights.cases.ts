import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { until } from "../cluster/processes/until.ts";
import { openCase, type Bench } from "../workload/bench.ts";
import { isPaused } from "../workload/hands.ts";
import { applyAs, expectAsInGit, inGit, referencing, repeatedly, stored, told } from "./referenced.ts";

/** Tools that put git's routes back while a release changes them. */
export function gitFightCases(bench: () => Bench): void {
  test("Flux applies git's objects by force every second: corrected, told what to write, promoted when that is done", async () => {
    const { lab } = bench();
    const shop = await openCase(bench(), "fight-flux", { beside: inGit("fight-flux"), spec: referencing });
    await applyAs(lab, "kustomize-controller", shop.namespace);
    await shop.release("product:v2");
    await shop.untilRollout("traffic at the canary", ({ status }) => status.weight === 50);
    const flux = repeatedly(1_000, () => applyAs(lab, "kustomize-controller", shop.namespace));
    const advice = await until(async () => (await told(lab, shop.namespace, "FieldOwnershipConflict"))[0] ?? false, {
      timeout: 60_000,
      what: "the advice",
    });
    expect(advice).toMatch(/kustomize-controller keeps changing.*spec\.ignore/);
    expect((await told(lab, shop.namespace, "WeightsCorrected")).join("\n")).toContain("kustomize-controller");
    // However often it writes, the canary goes on being called between two of its writes.
    const mark = shop.load.snapshot();
    await until(() => (shop.load.since(mark).byVersion["v2"]?.total ?? 0) > 50, {
      timeout: 60_000,
      what: "the canary",
    });
    expect(await flux.end()).toBeGreaterThan(2);
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    await expectAsInGit(lab, shop.namespace);
    await shop.end();
  });

  test("a tool that takes subset canary away again and again: nothing is sent there until it is left alone", async () => {
    const { lab } = bench();
    const only = ["stable"];
    const beside = inGit("fight-subset", only);
    const shop = await openCase(bench(), "fight-subset", { beside, spec: referencing });
    await shop.release("product:v2");
    await shop.untilRollout("traffic at the canary", ({ status }) => status.weight === 50);
    const tool = repeatedly(1_000, () => applyAs(lab, "kustomize-controller", shop.namespace, only));
    const held = await shop.untilRollout("the hold", ({ status: { message = "" } }) =>
      message.includes("keeps removing subset canary"),
    );
    expect(held.status.message).toMatch(/spec\.ignore.*write a subset canary into it/);
    const mark = shop.load.snapshot();
    await until(() => shop.load.since(mark).total > 100, { timeout: 30_000, what: "a hundred requests" });
    expect(shop.load.since(mark).failed).toBe(0);
    await tool.end();
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    await expectAsInGit(lab, shop.namespace, only);
    // The tool takes subset and route away in one push, three times: what is on its way then finds no subset.
    await shop.end({ lost: 6 });
  });

  test("Argo CD heals what differs from git every three seconds: corrected, told what to write, promoted", async () => {
    const { lab } = bench();
    const shop = await openCase(bench(), "fight-argo", {
      beside: inGit("fight-argo"),
      spec: { ...referencing, steps: [{ weight: 20 }, { pause: { duration: "12s" } }, { weight: 100 }] },
    });
    await applyAs(lab, "argocd-controller", shop.namespace);
    const wanted = inGit(shop.namespace).map(({ spec }) => spec);
    const argo = repeatedly(3_000, async () => {
      if (!isDeepStrictEqual(await stored(lab, shop.namespace), wanted))
        await applyAs(lab, "argocd-controller", shop.namespace);
    });
    await shop.release("product:v2");
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    await argo.end();
    const [advice] = await told(lab, shop.namespace, "FieldOwnershipConflict");
    expect(advice).toMatch(/argocd-controller keeps changing.*ignoreDifferences/);
    await until(async () => isDeepStrictEqual(await stored(lab, shop.namespace), wanted), {
      timeout: 10_000,
      what: "git's objects",
    });
    await shop.end();
  });

  test("whatever a tool does during a rollback, the objects end as in git", async () => {
    const { lab } = bench();
    const shop = await openCase(bench(), "fight-back", {
      beside: inGit("fight-back"),
      spec: { ...referencing, steps: [{ weight: 50 }, { pause: {} }] },
    });
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    const flux = repeatedly(1_000, () => applyAs(lab, "kustomize-controller", shop.namespace));
    await shop.ask("abort");
    await shop.endsAs("product:v2", { outcome: "RolledBack", reason: "Aborted" });
    await flux.end();
    await expectAsInGit(lab, shop.namespace);
    await shop.end();
  });
}
