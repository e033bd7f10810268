import { deployments } from "../adapters/kubernetes/workload-resources.ts";
import { parseInstant, type Instant } from "../api/instant.ts";
import type { KubernetesObject } from "../ports/kubernetes-objects.ts";
import type { Rollout } from "../api/rollout.ts";
import { revisionOf } from "../domain/revision.ts";
import type { Connection } from "./connection.ts";

/** An event as people read it. */
export interface EventView {
  readonly at: Instant;
  readonly type: string;
  readonly reason: string;
  readonly note: string;
}

/** All that the commands show of one Rollout. */
export interface RolloutView {
  readonly rollout: Rollout;
  /** The newest last. */
  readonly events: readonly EventView[];
  readonly now: Instant;
}

const events = { group: "events.k8s.io", version: "v1", plural: "events" };

/** The last `count` events of a Rollout, the newest last. */
export async function readEvents(
  { objects, namespace }: Pick<Connection, "objects" | "namespace">,
  name: string,
  count: number,
  signal: AbortSignal,
): Promise<readonly EventView[]> {
  const all = (await objects.list(events, namespace, "", signal)) as readonly (KubernetesObject & StoredEvent)[];
  return all
    .filter(({ regarding }) => regarding?.kind === "Rollout" && regarding.name === name)
    .map((event) => ({
      at: parseInstant(event.series?.lastObservedTime ?? event.eventTime ?? event.deprecatedLastTimestamp ?? ""),
      type: event.type ?? "Normal",
      reason: event.reason ?? "",
      note: event.note ?? "",
    }))
    .sort((one, other) => one.at - other.at)
    .slice(-count);
}

interface StoredEvent {
  readonly regarding?: { readonly kind?: string; readonly name?: string };
  readonly type?: string;
  readonly reason?: string;
  readonly note?: string;
  readonly eventTime?: string;
  readonly deprecatedLastTimestamp?: string;
  readonly series?: { readonly lastObservedTime?: string };
}

/**
 * Whether the Deployment holds a change that its Rollout has not begun to release yet: right after a change of the
 * image the Rollout's status still speaks of the one before.
 */
export async function holdsUnseenChange(
  { objects, namespace }: Pick<Connection, "objects" | "namespace">,
  { spec, status }: Rollout,
  signal: AbortSignal,
): Promise<boolean> {
  if (spec?.targetRef === undefined || status.hold === undefined || status.hold === "Off") return false;
  const deployment = await objects.read(deployments, namespace, spec.targetRef.name, signal);
  // Where Deployments are kept paused, that says nothing; where admission holds, only what changed is paused.
  if (deployment === undefined || (status.hold !== "Paused" && deployment.spec?.["paused"] !== true)) return false;
  const known = [status.stable?.revision, ...(status.rejected ?? []).map(({ revision }) => revision)];
  return !known.includes(revisionOf(deployment.spec?.["template"]));
}
