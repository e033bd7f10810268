// A release whose operator is killed when it writes, and started again, until it has come to every write.
import { join } from "node:path";
import type { HistoryEntry } from "../../src/api/rollout-status.ts";
import { kind, type KubernetesObject } from "../cluster/kubernetes.ts";
import { until } from "../cluster/processes/until.ts";
import { openGate, type Gate, type Write } from "./gate.ts";
import type { Lab, Operator } from "./lab.ts";
import { openShop, type Shop } from "./shop.ts";

export interface KilledOptions {
  readonly namespace: string;
  /** Of the operator, as it would be in a cluster. */
  readonly kubeconfig: string;
  readonly flags: Readonly<Record<string, string>>;
  readonly isBad: boolean;
  /** Whether the API server still gets the write. */
  readonly when: "before" | "after";
  /** At the first write of each kind, or at every single one of those that it does not make at each start. */
  readonly at: "kinds" | "writes";
}

export interface KilledRelease {
  /** How often the operator was killed. */
  readonly kills: number;
  readonly end: HistoryEntry;
  /** Events that a status promised and that nobody told. */
  readonly missing: readonly string[];
  /** Reasons of events that are told once in a release, and were told more often. */
  readonly doubled: readonly string[];
  /** Versions that served after the end. */
  readonly serving: readonly string[];
  /** Requests that failed in the whole release. */
  readonly failed: number;
}

const once = ["ReleaseStarted", "Promoted", "RollbackStarted", "RolledBack", "AnalysisFailed", "Baking", "Adopting"];
const events = kind<KubernetesObject & { readonly reason: string }>("events.k8s.io/v1", "Event");

/** Plays it to its end. */
export async function playKilled(lab: Lab, options: KilledOptions): Promise<KilledRelease> {
  const { namespace, isBad } = options;
  const killed = await startKilled(lab, options);
  const shop = await openShop(lab, namespace);
  killed.arm();
  await shop.release("product:v2", isBad ? { ERROR_RATE: "0.3" } : {});
  const end = await shop.outcome("product:v2", 1_800);
  const rest = isBad ? "RolledBack" : "Ready";
  await shop.untilRollout("rest", ({ status }) => status.phase === rest || end.outcome !== expectedOf(isBad));
  const { missing, doubled } = await eventsOf(lab, namespace, killed.gate.writes);
  const serving = Object.keys((await servedFor(shop)).byVersion);
  const { failures } = await shop.load.stop();
  await killed.end();
  return { kills: killed.kills(), end, missing, doubled, serving, failed: failures.length };
}

/** How a release ends that nothing happens to. */
export function expectedOf(isBad: boolean): HistoryEntry["outcome"] {
  return isBad ? "RolledBack" : "Promoted";
}

/**
 * An operator that is killed between a status and what it promises writes the same status again, and would be killed for
 * ever. No release writes so many of one kind, at one weight and with one decision, when nobody is killed.
 */
const mostAlike = 40;

async function startKilled(lab: Lab, { namespace, kubeconfig, flags, when, at }: KilledOptions) {
  const gate: Gate = await openGate({ kubeconfig, target: join(lab.cluster.runFolder, `${namespace}.kubeconfig`) });
  const own = { ...flags, kubeconfig: gate.kubeconfig, namespace };
  const done = new Set<string>();
  /** How many writes of each kind the API server took: a write that was kept from it comes again. */
  const taken = new Map<string, number>();
  let operator: Operator = await lab.startOperator(own, `operator-${namespace}`);
  let kills = 0;
  let turn: Promise<void> = Promise.resolve();
  let isArmed = false;
  /** Ends the operator that lives when it is asked, once; the next one may be asked to end before it is ready. */
  const kill = async (): Promise<void> => {
    const born = kills;
    const ended = Promise.withResolvers<undefined>();
    turn = turn.then(async () => {
      // One operator writes several things at a time: with the first it is gone, and nobody is to be ended for the others.
      const isGone = kills !== born;
      if (!isGone) {
        kills += 1;
        await operator.process.stop("SIGKILL");
      }
      ended.resolve(undefined);
      if (!isGone) operator = await lab.startOperator(own, `operator-${namespace}-${kills}`);
    });
    await Promise.race([ended.promise, turn]);
  };
  gate.onWrite = async ({ site, body }, moment) => {
    const exact = `${site} ${membersIn(body)}`;
    const before = taken.get(exact) ?? 0;
    if (moment === "after") taken.set(exact, before + 1);
    const write = at === "kinds" ? site : `${exact} ${Math.min(before, mostAlike)}`;
    if (!isArmed || moment !== when || done.has(write)) return "pass";
    done.add(write);
    await kill();
    return "keep";
  };
  return {
    gate,
    kills: () => kills,
    arm: () => (isArmed = true),
    async end() {
      isArmed = false;
      await turn;
      await operator.stop();
      await gate.close();
    },
  };
}

/**
 * Which members of a status are written. An operator that starts writes new evidence and takes off what is told: counted as
 * one, these two would be a new write at each start, and no release would end.
 */
function membersIn(body: string): string {
  if (!body.startsWith("{")) return "";
  const { status } = JSON.parse(body) as { status?: object };
  return Object.keys(status ?? {}).join(",");
}

/** Names of the events that a status ever promised, by what reached the API server. */
function promisedIn(writes: readonly Write[]): ReadonlySet<string> {
  const ofStatus = writes.filter(({ path }) => path.includes("/status"));
  return new Set(
    ofStatus.flatMap(({ body }) => {
      const { status } = JSON.parse(body) as { status?: { pendingEvents?: readonly { name: string }[] } };
      return (status?.pendingEvents ?? []).map(({ name }) => name);
    }),
  );
}

/** How long the last events may take. Milliseconds. */
const tellingTime = 30_000;

async function eventsOf({ cluster: { client } }: Lab, namespace: string, writes: readonly Write[]) {
  const promised = [...promisedIn(writes)];
  const stored = async () => (await client.list(events, { namespace })).items;
  let missing = promised;
  const areTold = async () => {
    const told = new Set((await stored()).map(({ metadata }) => metadata?.name));
    missing = promised.filter((name) => !told.has(name));
    return missing.length === 0;
  };
  await until(areTold, { timeout: tellingTime, what: "all events" }).catch(() => undefined);
  const reasons = (await stored()).map(({ reason }) => reason);
  const doubled = once.filter((reason) => reasons.filter((each) => each === reason).length > 1);
  return { missing, doubled };
}

async function servedFor(shop: Shop) {
  const mark = shop.load.snapshot();
  await until(() => shop.load.since(mark).total > 100, { timeout: 30_000, what: "100 requests" });
  return shop.load.since(mark);
}
