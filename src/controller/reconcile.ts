import { parseInstant, type Milliseconds } from "../api/instant.ts";
import { renderKey, type ObjectKey } from "../api/object-key.ts";
import type { Rollout } from "../api/rollout.ts";
import { decide } from "../domain/decide.ts";
import { untilMoreEvidence } from "../domain/evidence.ts";
import type { Measurement } from "../domain/observation.ts";
import type { Decision, Plan } from "../domain/decision.ts";
import { ConflictError } from "../runtime/errors.ts";
import { act } from "./act.ts";
import { deliverEvents } from "./deliver-events.ts";
import type { Dependencies } from "./dependencies.ts";
import { observe } from "./observe.ts";
import { storeDecision, storeStatus } from "./store-decision.ts";

/** Undefined: look again when something changes. */
export interface ReconcileResult {
  readonly requeueAfter: Milliseconds | undefined;
}

/**
 * Brings one Rollout a step closer to what its spec asks for.
 *
 * Guarantees: safe to run at any time and any number of times, as it looks only at the world as it is now. The status
 * is written before the plan is carried out, so that a crash in between is resumed and not repeated; only a rollback,
 * and what puts back what a status asked for already, write both side by side. A status that changes is written only
 * over the version that was decided on.
 * Assumptions: the queue runs one reconcile per key at a time.
 */
export async function reconcile(key: ObjectKey, deps: Dependencies, signal: AbortSignal): Promise<ReconcileResult> {
  const rollout = deps.cluster.readRollout(key);
  if (rollout === undefined) {
    deps.releaseMetrics.forget(key);
    deps.obstacles.clear(renderKey(key));
    deps.sightings.forget(renderKey(key));
    return { requeueAfter: undefined };
  }
  const observation = await observe(rollout, deps, signal);
  const decision = decide(observation);
  deps.log.debug("decided", { rule: decision.rule, plan: decision.plan, wakeAfter: decision.wakeAfter });

  const saved = decision.urgent
    ? await storeAndAct(decision, rollout, deps, signal)
    : await storeThenAct(decision, rollout, deps, signal);
  deps.releaseMetrics.record(saved, decision, observation);
  return { requeueAfter: wakeUp(decision, saved, observation.measurement) };
}

/** Status, then events, then the world: what is told last is told before the Rollout is let go. */
async function storeThenAct(
  decision: Decision,
  rollout: Rollout,
  deps: Dependencies,
  signal: AbortSignal,
): Promise<Rollout> {
  const id = renderKey(rollout.key);
  const stored = await storeDecision(decision, rollout, deps, signal);
  deps.releaseMetrics.countDecision(rollout.key, decision);
  const told = await deliverEvents(stored, deps, signal);
  const plan = whatMayBeDone(decision.plan, told, deps);
  await act(plan, told, deps, signal);
  const wasBlocked = deps.obstacles.find(id) !== undefined;
  deps.obstacles.clear(id);
  const isLetGo = plan.some(({ kind }) => kind === "letGo");
  // There is no status to write in what was let go.
  if (!wasBlocked || isLetGo) return told;
  return storeStatus({ ...decision.status, pendingEvents: told.status.pendingEvents }, told, deps, signal);
}

/**
 * A canary gets traffic back only as long as the status that asks for it is the stored one: a watch may show the routes
 * of a rollback before its status, and that looks as if somebody had taken the canary's traffic away.
 */
async function actOnWhatHolds(plan: Plan, rollout: Rollout, deps: Dependencies, signal: AbortSignal): Promise<void> {
  if (plan.some((action) => action.kind === "routeTraffic" && action.weight > 0)) {
    const fresh = await deps.cluster.readFresh(rollout.key, signal);
    const [before, now] = [rollout.status.release, fresh?.status.release];
    if (now?.decision !== before?.decision || now?.traffic?.weight !== before?.traffic?.weight)
      throw new ConflictError(`the release of ${renderKey(rollout.key)} was decided meanwhile`);
  }
  await act(plan, rollout, deps, signal);
}

/** With the Rollout goes what it had still to tell; an API server that never takes it keeps nobody from deleting. */
const tellsFor: Milliseconds = 60_000;

/** The plan; without letting go where something is to be told first. */
function whatMayBeDone(plan: Plan, { status }: Rollout, { clock }: Dependencies): Plan {
  const isUntold = (status.pendingEvents ?? []).some(({ at }) => clock.now() - parseInstant(at) < tellsFor);
  return isUntold ? plan.filter(({ kind }) => kind !== "letGo") : plan;
}

/** A rollback or a correction: neither the status nor the traffic waits for the other, and what can be told is told in any case. */
async function storeAndAct(
  decision: Decision,
  rollout: Rollout,
  deps: Dependencies,
  signal: AbortSignal,
): Promise<Rollout> {
  const [stored, acted] = await Promise.allSettled([
    storeDecision(decision, rollout, deps, signal),
    actOnWhatHolds(decision.plan, rollout, deps, signal),
  ]);
  if (stored.status === "rejected") throw stored.reason;
  deps.releaseMetrics.countDecision(rollout.key, decision);
  const told = await deliverEvents(stored.value, deps, signal);
  if (acted.status === "rejected") throw acted.reason;
  deps.obstacles.clear(renderKey(rollout.key));
  return told;
}

/** What could not be told is tried again even when nothing else is to be done. */
const retryEventsAfter: Milliseconds = 5_000;

function wakeUp(
  { wakeAfter }: Decision,
  saved: Rollout,
  measurement: Measurement | undefined,
): Milliseconds | undefined {
  const isUntold = (saved.status.pendingEvents ?? []).length > 0;
  const reasons = [wakeAfter, isUntold ? retryEventsAfter : undefined, untilNextLook(saved, measurement)];
  const known = reasons.filter((after) => after !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** Of many callers one is always scraped: to look more often would cost more than it brings. */
const shortestWait: Milliseconds = 250;

/** Samples are looked at as soon as they can be evidence; where it is decided already, nothing waits for them. */
function untilNextLook({ spec, status }: Rollout, measurement: Measurement | undefined): Milliseconds | undefined {
  if (spec === undefined || measurement === undefined || status.release === undefined) return undefined;
  if (status.release.decision !== undefined) return undefined;
  const wait = untilMoreEvidence(spec, measurement);
  return wait === undefined ? undefined : Math.max(shortestWait, wait);
}
