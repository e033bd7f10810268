import { rolloutLabel } from "../../../src/api/names.ts";
import type { HistoryEntry } from "../../../src/api/rollout-status.ts";
import { imageOf } from "./controllers.ts";
import type { SimWorld } from "./sim-world.ts";

/** Something that happens in a release besides faults. */
export interface Disturbance {
  /** What to do each second, planned ahead. */
  readonly plan: (world: SimWorld) => () => void;
  /** What is not as it should be at the end. */
  readonly expected: (world: SimWorld, isBad: boolean) => readonly string[];
  readonly isOver?: (world: SimWorld) => boolean;
  /** The Rollout goes, and its routes with it. */
  readonly isLetGo?: boolean;
}

interface Timing {
  /** Seconds until it is taken back. */
  readonly lasting?: number;
  /** Whether it happens as well where the release is over by then. */
  readonly evenAtRest?: boolean;
}

/** Acts once, some seconds after the canary got traffic, and takes that back some seconds later. */
function once(
  act: (world: SimWorld) => void,
  back: (world: SimWorld) => void = () => undefined,
  { lasting = 15, evenAtRest = false }: Timing = {},
) {
  return (world: SimWorld) => {
    const wait = 1_000 * Math.floor(40 * world.random());
    let dueAt = Infinity;
    let backAt = Infinity;
    return () => {
      if (dueAt === Infinity && (world.status.release?.traffic?.weight ?? 0) > 0) dueAt = world.now + wait;
      const mayAct = evenAtRest || world.status.release !== undefined;
      if (mayAct && world.now >= dueAt && backAt === Infinity) {
        backAt = world.now + 1_000 * lasting;
        act(world);
      } else if (world.now >= backAt) {
        [dueAt, backAt] = [NaN, NaN];
        back(world);
      }
    };
  };
}

/** Good revisions are promoted and bad ones rolled back, whatever happened. */
function asItIs(world: SimWorld, isBad: boolean): readonly string[] {
  const last = world.status.history?.[0];
  return isBad ? rolledBack(world, last, []) : promoted(world, last, "product:v2");
}

function promoted(world: SimWorld, last: HistoryEntry | undefined, image: string): readonly string[] {
  const deployment = world.object("deployments");
  return violated([
    [last?.outcome === "Promoted" && last.image === image, `${image} ended as ${told(last)}`],
    [deployment?.spec?.["paused"] !== true, "the Deployment is paused after a promotion"],
    [surgeOf(world) === "25%", `maxSurge is ${String(surgeOf(world))} after a promotion`],
    [runningImages(world).join() === image, `after a promotion there run ${runningImages(world).join(", ")}`],
  ]);
}

/** By the verdict, or where an operator ended before it had stored that; or for one of these. */
const always = ["ErrorRateTooHigh", "Interrupted"];

function rolledBack(world: SimWorld, last: HistoryEntry | undefined, reasons: readonly string[]): readonly string[] {
  return violated([
    [
      last?.outcome === "RolledBack" && [...always, ...reasons].includes(last.reason ?? ""),
      `it ended as ${told(last)}`,
    ],
    [world.object("deployments")?.spec?.["paused"] === true, "the rejected template is not held"],
    [surgeOf(world) === "25%", `maxSurge is ${String(surgeOf(world))} after a rollback`],
    [runningImages(world).join() === "product:v1", `after a rollback there run ${runningImages(world).join(", ")}`],
  ]);
}

function violated(all: readonly (readonly [boolean, string])[]): readonly string[] {
  return all.flatMap(([holds, violation]) => (holds ? [] : [violation]));
}

function told(entry: HistoryEntry | undefined): string {
  return entry === undefined ? "nothing" : `${entry.outcome} ${entry.reason ?? ""} ${entry.explanation ?? ""}`;
}

function surgeOf(world: SimWorld): unknown {
  const strategy = world.object("deployments")?.spec?.["strategy"] as
    { rollingUpdate?: { maxSurge?: unknown } } | undefined;
  return strategy?.rollingUpdate?.maxSurge;
}

/** Images of the pods that there are. */
function runningImages(world: SimWorld): readonly string[] {
  const running = world.store.list("replicasets").filter(({ spec }) => Number(spec?.["replicas"]) > 0);
  return [...new Set(running.map(imageOf))];
}

const request = (annotation: string) => (world: SimWorld) => {
  const annotations = {
    [`serin.dev/${annotation}`]: annotation.startsWith("un") ? null : new Date(world.now).toISOString(),
  };
  world.change("rollouts", { metadata: { annotations } });
};

/** By name. */
export const disturbances = {
  none: { plan: () => () => undefined, expected: asItIs },
  suspended: {
    plan: once(
      (world) => world.change("rollouts", { spec: { suspend: true } }),
      (world) => world.change("rollouts", { spec: { suspend: null } }),
    ),
    expected: asItIs,
  },
  paused: {
    plan: once(request("pause-requested"), (world) =>
      world.change("rollouts", { metadata: { annotations: { "serin.dev/pause-requested": null } } }),
    ),
    expected: asItIs,
  },
  otherSteps: {
    plan: once((world) =>
      world.change("rollouts", { spec: { steps: [{ weight: 20 }, { weight: 60 }, { weight: 100 }] } }),
    ),
    expected: asItIs,
  },
  nonsense: {
    plan: once(
      (world) => world.change("rollouts", { spec: { bake: "soon" } }),
      (world) => world.change("rollouts", { spec: { bake: "10s" } }),
    ),
    expected: asItIs,
  },
  blind: {
    plan: once(
      (world) => (world.isBlind = true),
      (world) => (world.isBlind = false),
      { lasting: 20 },
    ),
    expected: asItIs,
  },
  incident: {
    plan: once(
      (world) => (world.dataPlane.incident = 0.2),
      (world) => (world.dataPlane.incident = 0),
      { lasting: 60 },
    ),
    // Whoever is at fault cannot be told from outside while it lasts.
    expected: (world, isBad) =>
      isBad
        ? rolledBack(world, world.status.history?.[0], ["SharedDependency"])
        : promoted(world, world.status.history?.[0], "product:v2"),
  },
  unlabelled: {
    plan: once((world) => world.change("deployments", { metadata: { labels: { [rolloutLabel]: null } } })),
    expected: asItIs,
  },
  ownerless: {
    plan: once((world) => {
      const name = world.status.canary?.replicaSet ?? "";
      if (world.status.release?.decision === undefined && world.object("replicasets", name) !== undefined)
        world.change("replicasets", { metadata: { ownerReferences: null } }, name);
    }),
    expected: asItIs,
  },
  unheld: {
    plan: once(
      (world) => {
        Object.assign(world, { isUnheld: true, wasUnheld: true });
        world.change("deployments", { spec: { paused: null } });
      },
      (world) => (world.isUnheld = false),
      { lasting: 3 },
    ),
    // What the Deployment had started before anybody saw it may be all that runs.
    expected: (world) => violated([[surgeOf(world) === "25%", `maxSurge is ${String(surgeOf(world))} at the end`]]),
  },
  aborted: {
    plan: once(request("abort-requested")),
    expected: (world, isBad) => {
      const last = world.status.history?.[0];
      // Asked for when it was decided already.
      return last?.outcome === "Promoted" && !isBad
        ? promoted(world, last, "product:v2")
        : rolledBack(world, last, ["Aborted"]);
    },
  },
  newer: {
    plan: once((world) => world.release("product:v3"), undefined, { evenAtRest: true }),
    expected: (world) => promoted(world, world.status.history?.[0], "product:v3"),
    isOver: (world) =>
      world.status.history?.[0]?.image === "product:v3" &&
      world.status.release === undefined &&
      (world.status.pendingEvents ?? []).length === 0,
  },
  badPod: {
    // At 100 % the others can carry what it gets.
    plan: (world) => {
      const wait = 1_000 * Math.floor(10 * world.random());
      let dueAt = Infinity;
      return () => {
        const { release } = world.status;
        if (dueAt === Infinity && release?.traffic?.weight === 100 && release.decision === undefined)
          dueAt = world.now + wait;
        if (world.now >= dueAt) world.dataPlane.badPodOf = "product:v2";
      };
    },
    // Ejected in time, or not: what was tuned is as it was, which is looked at as well as the routes.
    expected: (world, isBad) => {
      const last = world.status.history?.[0];
      return last?.outcome === "Promoted" && !isBad ? promoted(world, last, "product:v2") : rolledBack(world, last, []);
    },
  },
  deleted: {
    plan: once(
      (world) => world.store.remove({ plural: "rollouts", namespace: "shop", name: "product" }, "kubectl"),
      undefined,
      { evenAtRest: true },
    ),
    isOver: (world) => world.rollout === undefined,
    expected: (world) =>
      violated([
        [world.object("deployments")?.spec?.["paused"] !== true, "the Deployment is paused without a Rollout"],
        [world.object("virtualservices") === undefined, "a generated route is left"],
        [runningImages(world).length === 1, `without a Rollout there run ${runningImages(world).join(", ")}`],
      ]),
    isLetGo: true,
  },
} satisfies Readonly<Record<string, Disturbance>>;
