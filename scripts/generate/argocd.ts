// What Argo CD needs to know of a Rollout, in the layout of its own repository: manifests and expectations for its tests.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import { finalizer, requestAnnotations, type Request } from "../../src/api/names.ts";
import type { VirtualWorld } from "../../test/simulation/virtual-world.ts";
import { worldAtRest, worldInRelease } from "../../test/support/recorded-ports.ts";
import { objectOf, type RolloutObject } from "../../test/support/situations.ts";

/** Where the Lua is, which people write. */
export const argocdFolder = "docs/gitops/argocd/resource_customizations/serin.dev/Rollout";

/** What people can ask for in Argo CD. */
export const argocdActions = ["promote", "abort", "retry", "pause", "resume"] as const;
type ArgocdAction = (typeof argocdActions)[number];

const root = dirname(dirname(import.meta.dirname));

export function luaText(path: string): string {
  return readFileSync(join(root, argocdFolder, path), "utf8");
}

interface ManifestCase {
  readonly object: RolloutObject;
  readonly health: "Healthy" | "Progressing" | "Suspended" | "Degraded";
  /** Of Argo CD's message, what comes before the sentence of the status. */
  readonly prefix?: string;
  /** Actions that make sense; undefined where this manifest shows nothing new about them. */
  readonly enabled?: readonly ArgocdAction[];
}

const unseen = "The operator has not looked at this Rollout yet";

/** Time at which a request of the tests is made. */
const asked = "2026-01-01T00:00:00Z";

/** Rollouts that the operator's own code has brought there, in virtual time. */
async function manifestCases(): Promise<Readonly<Record<string, ManifestCase>>> {
  const rested = stored(await worldAtRest());
  return {
    new: { object: { ...rested, status: { observedGeneration: -1 } }, health: "Progressing", enabled: ["pause"] },
    healthy: { object: rested, health: "Healthy", enabled: ["pause"] },
    unobserved: { object: { ...rested, metadata: { ...rested.metadata, generation: 2 } }, health: "Progressing" },
    hold_off: { object: stored(await holdOff()), health: "Healthy" },
    suspended: { object: stored(await suspended()), health: "Suspended", enabled: ["pause"] },
    progressing: {
      object: stored(await worldInRelease(50)),
      health: "Progressing",
      prefix: "Step 2/3 at 50 %: ",
      enabled: ["promote", "abort", "pause"],
    },
    paused: { object: stored(await paused()), health: "Suspended", enabled: ["promote", "abort", "resume"] },
    pause_step: { object: stored(await inPauseStep()), health: "Suspended", enabled: ["promote", "abort", "pause"] },
    rolling_back: {
      object: stored(await rollingBack()),
      health: "Progressing",
      prefix: "Step 2/3 at 0 %: ",
      enabled: ["pause"],
    },
    rolled_back: { object: stored(await rolledBack()), health: "Degraded", enabled: ["retry", "pause"] },
    stalled: { object: stored(await stalled()), health: "Degraded", enabled: ["pause"] },
  };
}

/** As the API server has it. */
function stored(world: VirtualWorld): RolloutObject {
  const object = objectOf(world.rollout());
  const metadata = { ...object.metadata, creationTimestamp: "2026-01-01T00:00:00Z", finalizers: [finalizer] };
  return { ...object, metadata };
}

async function holdOff(): Promise<VirtualWorld> {
  const world = await worldAtRest();
  world.workload.holdOff = true;
  await world.reconcileOnce();
  return world;
}

async function suspended(): Promise<VirtualWorld> {
  const world = await worldAtRest();
  world.spec = { ...world.spec, suspend: true };
  await world.reconcileOnce();
  return world;
}

async function paused(): Promise<VirtualWorld> {
  const world = await worldInRelease(50);
  world.requests = { pause: asked };
  return reach(world, ({ status }) => status.phase === "Paused");
}

async function inPauseStep(): Promise<VirtualWorld> {
  const world = await worldInRelease(10, { steps: [{ weight: 10 }, { pause: {} }, { weight: 100 }] });
  return reach(world, ({ status }) => status.phase === "Paused");
}

async function rollingBack(): Promise<VirtualWorld> {
  const world = await worldInRelease(50);
  world.requests = { abort: asked };
  return reach(world, ({ status }) => status.phase === "RollingBack");
}

async function rolledBack(): Promise<VirtualWorld> {
  const world = await worldInRelease(10);
  world.behaviours = { v2: { errorRate: 0.2 } };
  await reach(world, ({ status }) => status.phase === "RolledBack");
  // What it says when nothing is left to be done.
  await world.reconcileOnce();
  return world;
}

async function stalled(): Promise<VirtualWorld> {
  const world = await worldAtRest();
  world.unsplit = ["VirtualService shop/other, route 1: leads to product without a split"];
  world.changeTemplate("v2");
  return reach(world, ({ status }) => status.phase === "Stalled");
}

async function reach(world: VirtualWorld, condition: (world: VirtualWorld) => boolean): Promise<VirtualWorld> {
  if (!(await world.run(condition))) throw new Error(`the world does not get there: ${JSON.stringify(world.status)}`);
  return world;
}

/** The object after a person has asked for something in Argo CD. */
function afterAction(object: RolloutObject, action: ArgocdAction): RolloutObject {
  const annotations = { ...object.metadata.annotations };
  if (action === "resume") delete annotations[requestAnnotations.pause];
  else annotations[requestAnnotations[action satisfies Request]] = asked;
  return { ...object, metadata: { ...object.metadata, annotations } };
}

const head = "# Made by `npm run generate` in Serin's repository.\n";

/** Which action is tried on which manifest. */
const actionCases: readonly (readonly [action: ArgocdAction, manifest: string])[] = [
  ["promote", "progressing"],
  ["promote", "paused"],
  ["abort", "progressing"],
  ["pause", "progressing"],
  ["resume", "paused"],
  ["retry", "rolled_back"],
];

/** Every file for Argo CD that is made from the source, by its path in the repository. */
export async function argocdFiles(): Promise<ReadonlyMap<string, string>> {
  const cases = Object.entries(await manifestCases());
  const files = new Map<string, string>();
  const write = (path: string, value: unknown) => files.set(`${argocdFolder}/${path}`, head + yaml(value));
  for (const [name, { object }] of cases) write(`testdata/${name}.yaml`, object);
  write("health_test.yaml", { tests: cases.map(([name, manifest]) => healthTest(name, manifest)) });
  const discovered = cases.filter(([, { enabled }]) => enabled !== undefined);
  for (const [name, { object }] of discovered) write(`actions/testdata/${name}.yaml`, object);
  for (const [name, { object }] of cases) {
    for (const [action] of actionCases.filter(([, manifest]) => manifest === name))
      write(`actions/testdata/${outcomeName(action, name)}.yaml`, afterAction(object, action));
  }
  write("actions/action_test.yaml", {
    discoveryTests: discovered.map(([name, { enabled = [] }]) => ({
      inputPath: `testdata/${name}.yaml`,
      result: argocdActions.map((action) => ({ name: action, disabled: !enabled.includes(action) })),
    })),
    actionTests: actionCases.map(([action, name]) => ({
      action,
      inputPath: `testdata/${name}.yaml`,
      expectedOutputPath: `testdata/${outcomeName(action, name)}.yaml`,
    })),
  });
  return files.set("docs/gitops/argocd/argocd-cm.yaml", configMap());
}

const outcomeName = (action: ArgocdAction, name: string) => `${name}_after_${action}`;

function healthTest(name: string, { object, health, prefix = "" }: ManifestCase) {
  const { status, metadata } = object;
  const message = status.observedGeneration === metadata.generation ? `${prefix}${status.message ?? ""}` : unseen;
  return { healthStatus: { status: health, message }, inputPath: `testdata/${name}.yaml` };
}

/** For those whose Argo CD does not know Rollouts by itself. */
function configMap(): string {
  const definitions = argocdActions.map((name) => ({ name, "action.lua": luaText(`actions/${name}/action.lua`) }));
  const head =
    "# Made by `npm run generate` from the Lua beside it. A patch for the ConfigMap that your Argo CD has.\n";
  return `${head}${yaml({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "argocd-cm", namespace: "argocd", labels: { "app.kubernetes.io/part-of": "argocd" } },
    data: {
      "resource.customizations.health.serin.dev_Rollout": luaText("health.lua"),
      "resource.customizations.actions.serin.dev_Rollout": yaml({
        "discovery.lua": luaText("actions/discovery.lua"),
        definitions,
      }),
    },
  })}`;
}

function yaml(value: unknown): string {
  return stringify(value, { lineWidth: 120, aliasDuplicateObjects: false, version: "1.1" });
}
