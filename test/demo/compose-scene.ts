import type { EventView, Observed } from "./observed.ts";
import { imageOf, STEPS, type PlannedRelease } from "./plan.ts";
import type { Scene, SceneVersion } from "./scene.ts";
import type { Traffic } from "./traffic.ts";

export interface Material {
  readonly plan: PlannedRelease;
  readonly number: number;
  readonly count: number;
  readonly description: string;
  readonly command: string;
  readonly change: string;
  /** The version before. */
  readonly stable: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly now: number;
  readonly events: readonly EventView[];
  /** The step of the last scene: a status without a release names none. */
  readonly step: number;
  readonly observed: Observed;
  readonly traffic: Traffic;
}

/** What there is to be seen, from what is known. */
export function composeScene(material: Material): Scene {
  const { plan, number, count, description, command, change, stable, startedAt, now, events, observed, traffic } =
    material;
  const { status, weight } = observed;
  const outcome = outcomeOf(material);
  return {
    number,
    count,
    good: plan.kind === "good",
    description,
    command,
    change,
    elapsedMs: now - startedAt,
    phase: status?.phase ?? "",
    message: status?.message ?? "",
    steps: STEPS,
    step: outcome === "Promoted" ? STEPS.length : stepOf(status?.step, material.step),
    weight,
    stable: versionOf(stable, observed, traffic),
    canary: versionOf(plan.version, observed, traffic),
    shares: traffic.shares(plan.version, startedAt),
    events,
    ended: outcome,
  };
}

/** As the status has it, which is a moment before the demo has counted everything. */
function outcomeOf({ plan, observed }: Material): Scene["ended"] {
  const [entry] = observed.status?.history ?? [];
  return entry?.image === imageOf(plan.version) ? entry.outcome : undefined;
}

/** The index for "2/3". */
function stepOf(text: string | undefined, otherwise: number): number {
  const step = Number(text?.split("/")[0]);
  return step >= 1 ? step - 1 : otherwise;
}

function versionOf(version: string, { pods }: Observed, traffic: Traffic): SceneVersion {
  const own = pods.filter(({ image }) => image === imageOf(version));
  return { version, pods: own.length, ready: own.filter(({ ready }) => ready).length, traffic: traffic.of(version) };
}
