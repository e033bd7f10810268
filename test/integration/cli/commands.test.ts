import { inject, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { buildProgram } from "../../../src/cli/program.ts";
import { systemDependencies } from "../../../src/cli/system.ts";
import { revisionOf } from "../../../src/domain/revision.ts";
import type { RolloutStatus } from "../../../src/api/rollout-status.ts";
import { kubectl, kubectlOutput, serveRollouts } from "../kubectl.ts";

const namespace = "cli-test";
const at = "2026-01-01T00:00:00.000Z";

interface Session {
  readonly output: string[];
  readonly warnings: string[];
  code: number;
}

/** Runs the command as the binary does, with its words kept; resolves when it and what its first words set off are done. */
async function serin(args: readonly string[], onFirstPrint?: () => Promise<unknown>): Promise<Session> {
  const session: Session = { output: [], warnings: [], code: 0 };
  const system = systemDependencies(new AbortController().signal);
  let setOff: Promise<unknown> | undefined;
  const terminal = {
    print: (text: string) => {
      session.output.push(text);
      setOff ??= onFirstPrint?.();
    },
    warn: (text: string) => {
      session.warnings.push(text);
    },
    exitWith: (code: number) => {
      session.code = code;
    },
    interactive: false,
    clear: () => undefined,
  };
  const program = buildProgram({ ...system, terminal }, "0");
  await program.parseAsync([...args, "-n", namespace, "--kubeconfig", inject("kubeconfig")], { from: "user" });
  await setOff;
  return session;
}

function rollout(name: string) {
  return {
    apiVersion: "serin.dev/v1alpha1",
    kind: "Rollout",
    metadata: { name, namespace },
    spec: { targetRef: { name } },
  };
}

function deployment(name: string) {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: "main", image: "product:1" }] } };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace },
    spec: { replicas: 0, selector: { matchLabels: labels }, template },
  };
}

const condition = (type: string, status: string, reason: string) => ({
  type,
  status,
  reason,
  message: `About ${reason}.`,
  observedGeneration: 1,
  lastTransitionTime: at,
});

const release = { number: 2, startedAt: at, stepIndex: 0, highestWeight: 10 };
const revision = {
  revision: "r",
  replicaSet: "product-a-1",
  podTemplateHash: "1",
  workload: "product-a",
  image: "product:1",
};

const statuses = {
  underWay: {
    observedGeneration: 1,
    phase: "Progressing",
    step: "1/3",
    weight: 10,
    message: "A tenth of the traffic goes to the canary.",
    stable: revision,
    release,
    conditions: [condition("Ready", "Unknown", "Progressing")],
  },
  promoted: {
    observedGeneration: 1,
    phase: "Ready",
    hold: "Policy",
    stable: revision,
    conditions: [condition("Ready", "True", "Succeeded")],
  },
  rolledBack: {
    observedGeneration: 1,
    phase: "RolledBack",
    stable: revision,
    rejected: [{ revision: "r2", image: "product:2", reason: "ErrorRateTooHigh", at }],
    conditions: [condition("Ready", "False", "RolledBack"), condition("Stalled", "True", "RolledBack")],
  },
} as const satisfies Record<string, object>;

/** Replaces the whole status, as the operator would. */
async function stand(name: string, status: object): Promise<void> {
  const where = ["srn", name, "-n", namespace];
  const stored = JSON.parse(await kubectlOutput(["get", ...where, "-o", "json"])) as { status?: RolloutStatus };
  const gone = Object.fromEntries(Object.keys(stored.status ?? {}).map((key) => [key, null]));
  const patch = JSON.stringify({ status: { ...gone, ...status } });
  await kubectlOutput(["patch", ...where, "--subresource=status", "--type=merge", "-p", patch]);
}

async function annotations(name: string): Promise<Record<string, string>> {
  const text = await kubectlOutput(["get", "srn", name, "-n", namespace, "-o", "json"]);
  return (JSON.parse(text) as { metadata: { annotations?: Record<string, string> } }).metadata.annotations ?? {};
}

beforeAll(async () => {
  await serveRollouts();
  await kubectlOutput(["apply", "-f", "-"], { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
});

beforeEach(async () => {
  await kubectlOutput(["delete", "srn,deployments", "--all", "-n", namespace, "--wait"]);
  await kubectlOutput(["apply", "-f", "-"], rollout("product"));
  await kubectlOutput(["apply", "-f", "-"], deployment("product"));
  await stand("product", statuses.underWay);
});

describe("finding a Rollout", () => {
  test("the only one need not be named", async () => {
    expect((await serin(["explain"])).output[0]).toContain("product is Progressing: release 2, step 1/3");
  });

  test("one of several must be, and the error lists them", async () => {
    await kubectlOutput(["apply", "-f", "-"], rollout("cart"));
    const { warnings, code } = await serin(["status"]);
    expect(warnings).toEqual([`serin: name one of the Rollouts in namespace ${namespace}: cart, product`]);
    expect(code).toBe(1);
  });

  test("a wrong name gets the right ones", async () => {
    const { warnings } = await serin(["status", "prodct"]);
    expect(warnings).toEqual([`serin: there is no Rollout prodct in namespace ${namespace}; there are: product`]);
  });

  test("a context that is not there is told in one sentence", async () => {
    const session = await serin(["status", "--context", "none"]);
    expect(session).toMatchObject({
      warnings: ["serin: the kubeconfig cannot be used: the kubeconfig has no context none"],
      code: 1,
    });
  });
});

describe("check", () => {
  const rule = (spec: object) => ({
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: "product", namespace },
    spec: { host: "product", ...spec },
  });
  const sized = { ...deployment("product"), spec: { ...deployment("product").spec, replicas: 4 } };

  test("finds nothing where nothing is wrong, with or without a DestinationRule", async () => {
    const fine = { output: ["product: nothing stands in the way of a release."], code: 0 };
    expect(await serin(["check"])).toMatchObject(fine);
    await kubectlOutput(["apply", "-f", "-"], sized);
    await kubectlOutput(
      ["apply", "-f", "-"],
      rule({ trafficPolicy: { outlierDetection: { maxEjectionPercent: 25 } } }),
    );
    expect(await serin(["check", "product"])).toMatchObject(fine);
  });

  test("says what is wrong, a line each, and fails", async () => {
    await kubectlOutput(["apply", "-f", "-"], sized);
    const outlierDetection = { maxEjectionPercent: 10, consecutive5xxErrors: 0 };
    const subsets = [{ name: "stable", trafficPolicy: { outlierDetection: {} } }];
    await kubectlOutput(["apply", "-f", "-"], rule({ trafficPolicy: { outlierDetection }, subsets }));
    const uncounted = { ...condition("PodsCounted", "False", "PodsNotCounted"), message: "No label pod." };
    const stalled = condition("Stalled", "True", "ServiceNotFound");
    await stand("product", { ...statuses.underWay, conditions: [...statuses.underWay.conditions, stalled, uncounted] });
    const { output, code } = await serin(["check"]);
    expect(output).toEqual([
      expect.stringMatching(/^ServiceNotFound: About ServiceNotFound\. Create the Service/),
      "PodsNotCounted: No label pod.",
      expect.stringMatching(
        /subset stable, trafficPolicy\.outlierDetection: maxEjectionPercent is 10 unless told, which of 4 pods/,
      ),
      expect.stringMatching(/spec\.trafficPolicy\.outlierDetection: maxEjectionPercent 10 of 4 pods is less than one/),
      expect.stringMatching(/consecutive5xxErrors 0 switches ejection for errors off/),
      expect.stringMatching(/^outlierDetection\.tuning: .* subset stable has outlierDetection of its own/),
    ]);
    expect(code).toBe(1);
    await kubectlOutput(["delete", "destinationrule", "product", "-n", namespace]);
  });
});

describe("plan", () => {
  test("says how long each step will take, with the Rollout's own steps and limits", async () => {
    const { output, code } = await serin(["plan", "product", "--rate", "100", "--scrape-interval", "5s"]);
    expect(output[0]).toMatch(/1\/3 +10 % +10\/s +after \S+ +back in 13s/);
    expect(code).toBe(0);
  });

  test.each([
    [["--rate", "many"], "serin: --rate many: write requests per second, such as 0.5 or 200"],
    [["--rate", "5", "--scrape-interval", "15"], "serin: --scrape-interval 15: write a duration such as 5s or 1m"],
  ])("refuses %j", async (args, message) => {
    const { warnings, code } = await serin(["plan", ...args]);
    expect([warnings, code]).toEqual([[message], 2]);
  });
});

describe("status", () => {
  test("shows a Rollout with its events, and ends well while a release is under way", async () => {
    const event = {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: { name: "product.1", namespace },
      type: "Normal",
      reason: "ReleaseStarted",
      action: "Reconcile",
      note: "Release 2 of product:2 has started.",
      eventTime: "2026-01-01T00:00:00.000000Z",
      reportingController: "serin.dev/operator",
      reportingInstance: "serin-0",
      regarding: { apiVersion: "serin.dev/v1alpha1", kind: "Rollout", name: "product", namespace },
    };
    await kubectlOutput(["apply", "-f", "-"], event);
    const { output, code } = await serin(["status", "product"]);
    expect(output.join("\n")).toMatch(/Step +1\/3 +▶ 10 % +· 50 % +· 100 %/);
    expect(output.join("\n")).toMatch(/Normal +ReleaseStarted +Release 2 of product:2 has started\./);
    expect(code).toBe(0);
  });

  test("ends with 1 after a rollback", async () => {
    await stand("product", statuses.rolledBack);
    expect((await serin(["status"])).code).toBe(1);
  });

  test("-o json is the object as the API server has it", async () => {
    const { output } = await serin(["status", "-o", "json"]);
    expect(JSON.parse(output.join("\n"))).toMatchObject({ kind: "Rollout", status: { step: "1/3" } });
    expect((await serin(["status", "-o", "yaml"])).warnings).toEqual([
      "serin: there is no output format yaml: write json",
    ]);
  });
});

describe("status -w", () => {
  test.each([
    ["promoted", statuses.promoted, 0],
    ["rolled back", statuses.rolledBack, 1],
  ])("follows a release until it is %s", async (_, end, expected) => {
    const session = await serin(["status", "-w"], () => stand("product", end));
    expect(session.output[0]).toBe("product Progressing: step 1/3, 10 %: A tenth of the traffic goes to the canary.");
    expect(session.output.at(-1)).toMatch(/^product (Ready|RolledBack):/);
    expect(session.code).toBe(expected);
  });

  test("gives up with 2 when its time is over", async () => {
    const { code, warnings } = await serin(["status", "-w", "--timeout", "1s"]);
    expect(warnings).toEqual(["serin: product was not done after 1s"]);
    expect(code).toBe(2);
  });

  test("does not take a change that was not looked at yet for one that is done", async () => {
    await stand("product", statuses.promoted);
    await kubectlOutput(["patch", "deployment", "product", "-n", namespace, "-p", '{"spec":{"paused":true}}']);
    expect((await serin(["status", "-w", "--timeout", "1s"])).code).toBe(2);
  });

  test.each(["Policy", "Paused"])(
    "does not end with the last rollback where another template is held (%s)",
    async (hold) => {
      const patch = { spec: { paused: true } };
      await kubectlOutput(["patch", "deployment", "product", "-n", namespace, "-p", JSON.stringify(patch)]);
      const held = { ...statuses.rolledBack, hold };
      await stand("product", held);
      expect((await serin(["status", "-w", "--timeout", "1s"])).code).toBe(2);
      const stored = JSON.parse(
        await kubectlOutput(["get", "deployment", "product", "-n", namespace, "-o", "json"]),
      ) as {
        readonly spec: { readonly template: object };
      };
      const [last] = statuses.rolledBack.rejected;
      await stand("product", { ...held, rejected: [{ ...last, revision: revisionOf(stored.spec.template) }] });
      expect((await serin(["status", "-w", "--timeout", "1s"])).code).toBe(1);
    },
  );

  test("does not take a status of an older spec for the end", async () => {
    await stand("product", { ...statuses.promoted, observedGeneration: 0 });
    expect((await serin(["status", "-w", "--timeout", "1s"])).code).toBe(2);
  });

  test("ends when the Rollout is deleted", async () => {
    const session = await serin(["status", "-w"], () => kubectl(["delete", "srn", "product", "-n", namespace]));
    expect(session).toMatchObject({ warnings: ["serin: the Rollout was deleted"], code: 1 });
  });

  test("-o json is one line for each change", async () => {
    const session = await serin(["status", "-w", "-o", "json"], () => stand("product", statuses.promoted));
    for (const line of session.output) expect(JSON.parse(line)).toMatchObject({ kind: "Rollout" });
  });
});

describe("requests", () => {
  test.each([
    ["promote", "product goes on from step 1/3 (10 %) of release 2 without waiting longer"],
    ["abort", "product sends all traffic back to product:1 and ends release 2"],
    ["pause", "product stays at 10 % until serin resume; a rollback still happens"],
  ])("%s says what will happen and asks for it", async (request, sentence) => {
    const { output, warnings, code } = await serin([request, "product"]);
    expect({ output, warnings, code }).toEqual({ output: [sentence], warnings: [], code: 0 });
    const value = (await annotations("product"))[`serin.dev/${request}-requested`] ?? "";
    expect(Math.abs(Date.now() - Date.parse(value))).toBeLessThan(60_000);
  });

  test.each([
    ["promote", "product has no release under way: there is nothing to promote"],
    ["abort", "product has no release under way: there is nothing to abort"],
    ["retry", "product has rejected no revision: there is nothing to try again"],
    ["resume", "product cannot be resumed: nobody asked for a pause"],
  ])("%s without a reason for it writes nothing and says why", async (request, sentence) => {
    await stand("product", statuses.promoted);
    const { warnings, code } = await serin([request]);
    expect({ warnings, code }).toEqual({ warnings: [`serin: ${sentence}`], code: 1 });
    expect(Object.keys(await annotations("product")).filter((name) => name.startsWith("serin.dev/"))).toEqual([]);
  });

  test.each([
    ["is paused: say serin resume first", { metadata: { annotations: { "serin.dev/pause-requested": at } } }],
    ["is suspended: set spec.suspend to false first", { spec: { suspend: true } }],
  ])("promote while it %s", async (why, change) => {
    await kubectlOutput(["patch", "srn", "product", "-n", namespace, "--type=merge", "-p", JSON.stringify(change)]);
    expect((await serin(["promote"])).warnings).toEqual([`serin: product ${why}`]);
    expect(await annotations("product")).not.toHaveProperty(["serin.dev/promote-requested"]);
  });

  test("abort comes too late for a decided release", async () => {
    await stand("product", { ...statuses.underWay, release: { ...release, decision: "Rollback" } });
    expect((await serin(["abort"])).warnings).toEqual(["serin: release 2 of product is being rolled back already"]);
  });

  test("retry is for a revision that was rejected, not for a release under way", async () => {
    await stand("product", { ...statuses.rolledBack, release });
    const { warnings, code } = await serin(["retry"]);
    expect({ warnings, code }).toEqual({
      warnings: ["serin: release 2 of product is under way: ask when it has ended"],
      code: 1,
    });
    expect(await annotations("product")).not.toHaveProperty(["serin.dev/retry-requested"]);
  });

  test("retry names the revision that was rejected last", async () => {
    const [last] = statuses.rolledBack.rejected;
    const before = { ...last, revision: "earlier", image: "product:0" };
    await stand("product", { ...statuses.rolledBack, rejected: [last, before] });
    const { output } = await serin(["retry"]);
    expect(output).toEqual(["product releases product:2 again if the Deployment still asks for it"]);
  });

  test("resume takes the pause back", async () => {
    await serin(["pause"]);
    expect(Object.keys(await annotations("product"))).toContain("serin.dev/pause-requested");
    expect((await serin(["resume"])).output).toEqual(["product goes on"]);
    expect(Object.keys(await annotations("product"))).not.toContain("serin.dev/pause-requested");
  });

  test("restart changes the pod template and says that this is a release", async () => {
    const { output } = await serin(["restart"]);
    expect(output).toEqual(["product begins a new release of Deployment product; release 2 is superseded"]);
    const text = await kubectlOutput(["get", "deployment", "product", "-n", namespace, "-o", "json"]);
    expect(text).toContain('"kubectl.kubernetes.io/restartedAt"');
  });
});

test("history says that nothing has ended yet", async () => {
  expect((await serin(["history"])).output).toEqual(["No release has ended yet."]);
});
