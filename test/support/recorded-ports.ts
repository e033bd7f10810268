import type { Dependencies } from "../../src/controller/dependencies.ts";
import { VirtualWorld } from "../simulation/virtual-world.ts";
import { aRollout } from "./observation.ts";

/** The ports of a virtual world, with a line for every call that changes something, in order. */
export interface RecordedPorts {
  readonly world: VirtualWorld;
  readonly deps: Dependencies;
  readonly calls: string[];
}

/** Replaces members of the ports; what is given is called instead of the world's own. */
export interface Replacements {
  readonly cluster?: Partial<Dependencies["cluster"]>;
  readonly router?: Partial<ReturnType<Dependencies["routerFor"]>>;
  readonly metrics?: Partial<Dependencies["metrics"]>;
  readonly announcer?: Partial<Dependencies["announcer"]>;
  readonly releaseMetrics?: Partial<Dependencies["releaseMetrics"]>;
}

/** The ports of `world`; a call is noted before it is carried out. */
export function recordedPorts(world: VirtualWorld, replacements: Replacements = {}): RecordedPorts {
  const calls: string[] = [];
  const own = world.dependencies();
  const cluster = { ...own.cluster, ...replacements.cluster };
  const router = { ...own.routerFor(aRollout()), ...replacements.router };
  const metrics = { ...own.metrics, ...replacements.metrics };
  const announcer = { ...own.announcer, ...replacements.announcer };
  const releaseMetrics = { ...own.releaseMetrics, ...replacements.releaseMetrics };
  const noted = <Result>(call: string, carryOut: () => Result): Result => {
    calls.push(call);
    return carryOut();
  };
  const deps: Dependencies = {
    ...own,
    cluster: {
      ...cluster,
      writeStatus: (...asked) => noted("writeStatus", () => cluster.writeStatus(...asked)),
      perform: (...asked) => noted(asked[0].kind, () => cluster.perform(...asked)),
    },
    routerFor: () => ({
      ...router,
      rehearse: (...asked) => noted("rehearse", () => router.rehearse(...asked)),
      perform: (...asked) => noted(asked[0].kind, () => router.perform(...asked)),
    }),
    metrics: {
      measure: (...asked) => noted("measure", () => metrics.measure(...asked)),
      arrivals: (...asked) => noted("arrivals", () => metrics.arrivals(...asked)),
      usual: (...asked) => noted("usual", () => metrics.usual(...asked)),
      pods: (...asked) => noted("pods", () => metrics.pods(...asked)),
    },
    announcer: { announce: (...asked) => noted("announce", () => announcer.announce(...asked)) },
    releaseMetrics: {
      ...releaseMetrics,
      record: (...asked) => noted(`record ${asked[1].rule}`, () => releaseMetrics.record(...asked)),
      recordFailure: (...asked) => noted("recordFailure", () => releaseMetrics.recordFailure(...asked)),
      forget: (...asked) => noted("forget", () => releaseMetrics.forget(...asked)),
    },
  };
  return { world, deps, calls };
}

/** A world with its first revision known and nothing to do. */
export async function worldAtRest(spec: Record<string, unknown> = {}): Promise<VirtualWorld> {
  const world = new VirtualWorld(spec);
  const isSettled = await world.run(
    ({ status, workload, route }) => status.phase === "Ready" && workload.labelled && route.kind === "Rest",
  );
  if (!isSettled) throw new Error(`the world does not come to rest: ${JSON.stringify(world.status)}`);
  return world;
}

/** A world in the middle of the release of `v2`, where the canary has this weight. */
export async function worldInRelease(weight = 10, spec: Record<string, unknown> = {}): Promise<VirtualWorld> {
  const world = await worldAtRest(spec);
  world.changeTemplate("v2");
  if (!(await world.run(({ status }) => status.weight === weight))) throw new Error("the release does not get there");
  return world;
}
