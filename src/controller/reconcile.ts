import type { Milliseconds } from "../api/instant.ts";
import type { ObjectKey } from "../api/object-key.ts";
import type { Rollout } from "../api/rollout.ts";
import { decide } from "../domain/decide.ts";
import type { Decision } from "../domain/decision.ts";
import { isWorthWriting } from "../domain/worth-writing.ts";
import { act } from "./act.ts";
import type { Dependencies } from "./dependencies.ts";
import { observe } from "./observe.ts";

/** Undefined: look again when something changes. */
export interface ReconcileResult {
  readonly requeueAfter: Milliseconds | undefined;
}

/**
 * Brings one Rollout a step closer to what its spec asks for.
 *
 * Guarantees: safe to run at any time and any number of times, as it looks only at the world as it is now. The status
 * is written before the plan is carried out, so that a crash in between is resumed and not repeated; only a rollback
 * writes both side by side. Every write is conditional: what was decided on an outdated Rollout is dropped.
 * Assumptions: the queue runs one reconcile per key at a time.
 */
export async function reconcile(key: ObjectKey, deps: Dependencies, signal: AbortSignal): Promise<ReconcileResult> {
  const rollout = deps.cluster.readRollout(key);
  if (rollout === undefined) {
    deps.releaseMetrics.forget(key);
    return { requeueAfter: undefined };
  }
  const observation = await observe(rollout, deps, signal);
  const decision = decide(observation);
  deps.log.debug("decided", { rule: decision.rule, plan: decision.plan, wakeAfter: decision.wakeAfter });

  const saved = await carryOut(decision, rollout, deps, signal);
  deps.releaseMetrics.record(saved, decision);
  await deliverEvents(saved, deps, signal);
  return { requeueAfter: decision.wakeAfter };
}

async function carryOut(
  decision: Decision,
  rollout: Rollout,
  deps: Dependencies,
  signal: AbortSignal,
): Promise<Rollout> {
  const { now, settings } = { now: deps.clock.now(), settings: deps.settings };
  const write = () =>
    isWorthWriting(rollout.status, decision.status, now, settings.evidencePeriod)
      ? deps.cluster.writeStatus(rollout, decision.status, signal)
      : Promise.resolve(rollout);
  if (decision.urgent) {
    const [saved, acted] = await Promise.allSettled([write(), act(decision.plan, rollout, deps, signal)]);
    if (saved.status === "rejected") throw saved.reason;
    if (acted.status === "rejected") throw acted.reason;
    return saved.value;
  }
  const saved = await write();
  await act(decision.plan, saved, deps, signal);
  return saved;
}

/** What was announced is taken off the list; what was not stays there for the next reconcile. */
async function deliverEvents(rollout: Rollout, deps: Dependencies, signal: AbortSignal): Promise<void> {
  const pending = rollout.status.pendingEvents ?? [];
  if (pending.length === 0) return;
  const delivered = await deps.announcer.announce(rollout, pending, signal);
  if (delivered.length === 0) return;
  const pendingEvents = pending.filter((event) => !delivered.includes(event.name));
  await deps.cluster.writeStatus(rollout, { ...rollout.status, pendingEvents }, signal);
}
