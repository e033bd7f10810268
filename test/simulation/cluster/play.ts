import { disturbances, type Disturbance } from "./disturbances.ts";
import { Watchdog } from "./invariants.ts";
import { isSame } from "./json.ts";
import type { Plant } from "./sim-operator.ts";
import { SimWorld } from "./sim-world.ts";

export interface PlayOptions {
  readonly seed: number;
  /** Of all writes, and of all looks, the share that meets a fault; by the seed unless told. */
  readonly faults?: number;
  /** A bug that is to be found. */
  readonly plant?: Plant | undefined;
  /** What happens besides; by the seed unless told. */
  readonly disturbance?: keyof typeof disturbances;
  /** Virtual seconds in which the release must end; 3000 unless told. */
  readonly longest?: number;
  /** Whether the revision fails requests; by the seed unless told. */
  readonly isBad?: boolean;
}

export interface Played {
  readonly seed: number;
  readonly isBad: boolean;
  readonly disturbance: string;
  readonly violations: readonly string[];
  readonly strikes: ReadonlyMap<string, number>;
  /** Virtual seconds. */
  readonly seconds: number;
}

/** From a bad day to the worst. */
const rates = [0.05, 0.1, 0.3];

const released = "product:v2";

/** Plays one release under faults, and what happens besides; the same for the same seed. */
export async function playRelease(options: PlayOptions): Promise<Played> {
  const { seed, faults = rates[seed % rates.length] ?? 0.1, longest = 3_000 } = options;
  const world = new SimWorld({ seed, plant: options.plant });
  const { isBad, name } = chosen(world, options);
  world.errorRates[released] = isBad ? 0.2 : 0;
  await world.run(isAtRest, 60);
  const before = { routes: routesOf(world), lost: world.dataPlane.lost, now: world.now };
  const watchdog = new Watchdog(world);
  world.faults = faults;
  world.release(released);
  const disturbance: Disturbance = disturbances[name];
  const disturb = disturbance.plan(world);
  const isOver = disturbance.isOver ?? ((w: SimWorld) => (w.status.releases ?? 0) > 0 && isAtRest(w));
  const hasEnded = await world.run((w) => {
    watchdog.tick();
    disturb();
    return isOver(w);
  }, longest);
  const seconds = (world.now - before.now) / 1_000;
  if (hasEnded) {
    const wrong = [...(await lookAtTheEnd(world, before, disturbance)), ...disturbance.expected(world, isBad)];
    for (const one of wrong) watchdog.violations.add(one);
    watchdog.finish();
  } else watchdog.violations.add(`the release did not end: ${world.status.message ?? ""}`);
  const violations = [...watchdog.violations];
  return { seed, isBad, disturbance: name, violations, strikes: world.strikes, seconds };
}

/** What the seed says, unless it is told. */
function chosen(world: SimWorld, options: PlayOptions) {
  const isBad = world.random() < 0.5;
  const names = Object.keys(disturbances) as (keyof typeof disturbances)[];
  const name = names[Math.floor(world.random() * names.length)] ?? "none";
  return { isBad: options.isBad ?? isBad, name: options.disturbance ?? name };
}

interface Before {
  readonly routes: readonly unknown[];
  readonly lost: number;
}

/** Without faults, once all is over. */
async function lookAtTheEnd(world: SimWorld, before: Before, { isLetGo }: Disturbance): Promise<readonly string[]> {
  const wrong: string[] = [];
  world.faults = 0;
  await world.run(() => false, 30);
  if (isLetGo !== true && !isSame(routesOf(world), before.routes)) wrong.push("routes or subsets are not as they were");
  const lost = Math.round(world.dataPlane.lost - before.lost);
  if (lost > 0 && !world.wasUnheld) wrong.push(`${lost} requests found no pod`);
  const asked = world.requests;
  await world.run(() => false, 60);
  const idle = world.requests - asked;
  if (idle > 0) wrong.push(`${idle} requests to the API server in a minute without a reason`);
  return wrong;
}

function routesOf(world: SimWorld): readonly unknown[] {
  return [world.object("virtualservices")?.spec, world.object("destinationrules")?.spec];
}

function isAtRest({ status }: SimWorld): boolean {
  const ready = status.conditions?.find(({ type }) => type === "Ready");
  const isSettled = ready?.status === "True" || status.phase === "RolledBack";
  return isSettled && status.release === undefined && (status.pendingEvents ?? []).length === 0;
}
