import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { withStanding, type Standing } from "../../../src/domain/standing.ts";
import { aRelease, aRollout, anObservation } from "../../support/observation.ts";
import { allReasons, objectOf, readinessOf, situations } from "../../support/situations.ts";
import { until } from "../../cluster/processes/until.ts";
import { kubectlOutput, serveRollouts } from "../kubectl.ts";
import { createWorkbench, deploymentOf } from "../workload/workbench.ts";
import { askGitops, kstatusOf } from "./gitops-check.ts";
import { mappingTable, rowOf } from "./mapping.ts";

const namespace = "kstatus-test";
const table = mappingTable();

interface Stored {
  readonly metadata: { readonly generation: number };
  readonly status?: object;
}

const apply = (object: object) => kubectlOutput(["apply", "-f", "-"], object);

async function stored(what: string): Promise<Stored> {
  return JSON.parse(await kubectlOutput(["-n", namespace, "get", what, "-o", "json"])) as Stored;
}

async function kstatusOfStored(what: string): Promise<string | undefined> {
  const [status] = await kstatusOf([await stored(what)]);
  return status;
}

function rollout(name: string, spec: object = {}) {
  const metadata = { name, namespace };
  return { apiVersion: "serin.dev/v1alpha1", kind: "Rollout", metadata, spec: { targetRef: { name }, ...spec } };
}

/** Stores the status that `standing` makes, as the operator does. */
async function look(name: string, standing: Standing): Promise<void> {
  const { generation } = (await stored(`rollout.serin.dev/${name}`)).metadata;
  const observation = anObservation({ rollout: aRollout({ generation, status: { stable: undefined } }) });
  const status = withStanding(observation, { observedGeneration: -1 }, standing);
  const patch = ["--subresource=status", "--type=merge", "-p", JSON.stringify({ status })];
  await kubectlOutput(["-n", namespace, "patch", `rollout.serin.dev/${name}`, ...patch]);
}

const settled: Standing = { kind: "Settled", reason: "Succeeded", phase: "Ready", message: "It serves." };

beforeAll(async () => {
  await serveRollouts();
  await apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
});

afterAll(() => kubectlOutput(["delete", "namespace", namespace, "--wait=false"]));

describe("what kstatus makes of a Rollout is what docs/gitops.md says", () => {
  test("in every situation into which the rules bring it, with every reason", async () => {
    const all = await situations();
    const computed = await kstatusOf(all.map(({ object }) => object));
    const told = all.map(({ name }, index) => [name, computed[index]]);
    expect(told).toEqual(all.map(({ name, object }) => [name, rowOf(table, object).kstatus]));
    expect(new Set(all.map((situation) => readinessOf(situation).reason))).toEqual(new Set(allReasons));
    // No row speaks of what there is not.
    expect(new Set(all.map(({ object }) => rowOf(table, object)))).toEqual(new Set(table));
  });

  test("in every standing, with any reason, whatever was seen of the traffic", async () => {
    const kinds: readonly Standing["kind"][] = ["Settled", "Progressing", "RollingBack", "Stalled"];
    const shifts = [undefined, { status: "True", message: "" }, { status: "False", message: "" }] as const;
    const standings = kinds.flatMap((kind) =>
      allReasons.flatMap((reason) =>
        shifts.map((shifted): Standing => ({ kind, reason, phase: "", message: "", shifted })),
      ),
    );
    const observation = anObservation();
    const status = { ...observation.rollout.status, release: aRelease() };
    const objects = standings.map((standing) =>
      objectOf(observation.rollout, withStanding(observation, status, standing)),
    );
    expect(await kstatusOf(objects)).toEqual(objects.map((object) => rowOf(table, object).kstatus));
  });
});

describe("a Rollout is Current only when the operator has looked at it", () => {
  test("not when it is new: the API server's default says that nobody has", async () => {
    await apply(rollout("new"));
    expect((await stored("rollout.serin.dev/new")).status).toEqual({ observedGeneration: -1 });
    expect(await kstatusOfStored("rollout.serin.dev/new")).toBe("InProgress");
  });

  test("not when its spec has changed since", async () => {
    await apply(rollout("changed"));
    await look("changed", settled);
    expect(await kstatusOfStored("rollout.serin.dev/changed")).toBe("Current");
    await apply(rollout("changed", { bake: "7m" }));
    expect(await kstatusOfStored("rollout.serin.dev/changed")).toBe("InProgress");
  });

  test("and it is Terminating while it gives back what it took", async () => {
    const finalizers = ["serin.dev/let-go"];
    await apply({ ...rollout("leaving"), metadata: { name: "leaving", namespace, finalizers } });
    await look("leaving", settled);
    await kubectlOutput(["-n", namespace, "delete", "rollout.serin.dev/leaving", "--wait=false"]);
    expect(await kstatusOfStored("rollout.serin.dev/leaving")).toBe("Terminating");
    const none = JSON.stringify({ metadata: { finalizers: null } });
    await kubectlOutput(["-n", namespace, "patch", "rollout.serin.dev/leaving", "--type=merge", "-p", none]);
  });
});

describe("Flux, waiting with its own library,", () => {
  const waitFor = async (name: string, timeoutSeconds: number) => {
    const question = { kubeconfig: inject("kubeconfig"), object: rollout(name), timeoutSeconds };
    const [answer] = await askGitops<{ readonly failed?: string; readonly error?: string }>("wait-flux", [question]);
    expect(answer?.error).toBeUndefined();
    return answer?.failed;
  };

  test("goes on waiting for a Rollout that is new, or in a release, until its timeout", async () => {
    await apply(rollout("flux-new"));
    expect(await waitFor("flux-new", 2)).toMatch(/timeout waiting for.*flux-new/);
    await look("flux-new", { ...settled, kind: "Progressing", reason: "Progressing" });
    expect(await waitFor("flux-new", 2)).toMatch(/timeout waiting for.*flux-new/);
  });

  test("ends well when the revision in git serves", async () => {
    await apply(rollout("flux-good"));
    await look("flux-good", settled);
    expect(await waitFor("flux-good", 60)).toBeUndefined();
  });

  test("fails at once after a rollback, however long its timeout is", async () => {
    await apply(rollout("flux-bad"));
    await look("flux-bad", { ...settled, kind: "Stalled", reason: "RolledBack" });
    expect(await waitFor("flux-bad", 250)).toMatch(/failed early.*flux-bad.*Failed/);
  });
});

test("kubectl wait takes no answer to an older spec for one to this", async () => {
  await apply(rollout("waited"));
  await look("waited", settled);
  const wait = ["-n", namespace, "wait", "rollout.serin.dev/waited", "--for=condition=Ready"];
  await kubectlOutput([...wait, "--timeout=30s"]);
  await apply(rollout("waited", { bake: "7m" }));
  await expect(kubectlOutput([...wait, "--timeout=2s"])).rejects.toThrow("timed out");
  await look("waited", settled);
  await kubectlOutput([...wait, "--timeout=30s"]);
});

test("a Deployment is InProgress while it is paused, whatever its Rollout said last", async () => {
  const bench = await createWorkbench("kstatus-held");
  const trial = await bench.start(deploymentOf("held", { replicas: 1 }));
  const computed = async () => (await kstatusOf([await trial.deployment()]))[0];
  /** What is computed once the Deployment controller has seen the last change. */
  const settledTo = async () => {
    const isSeen = async () => {
      const { metadata, status } = await trial.deployment();
      return status?.["observedGeneration"] === metadata.generation;
    };
    await until(isSeen, { timeout: 30_000, what: "the controller to look" });
    return computed();
  };
  await until(async () => (await computed()) === "Current", { timeout: 30_000, what: "the Deployment to be Current" });
  await trial.act({ kind: "pauseWorkload", paused: true });
  expect({ pausedAtRest: await settledTo() }).toEqual({ pausedAtRest: "InProgress" });
  await trial.kubectl("set", "image", "deployment/held", "app=shop/app:v2");
  expect({ atOnce: await computed(), later: await settledTo() }).toEqual({ atOnce: "InProgress", later: "InProgress" });
  await bench.stop();
});
