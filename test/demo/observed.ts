// What the API server stores while the demo runs: the Rollout, the weights, the pods and the events.
import type { RolloutStatus } from "../../src/api/rollout-status.ts";
import type { Follower } from "./follow.ts";
import { APP, NAMESPACE } from "./plan.ts";

export interface PodView {
  readonly name: string;
  readonly image: string;
  readonly ready: boolean;
  readonly createdAt: string;
  readonly restarts: number;
}

export interface EventView {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly reason: string;
  readonly note: string;
  readonly warning: boolean;
}

export interface Observed {
  /** Of the Rollout; undefined before it has one. */
  readonly status: RolloutStatus | undefined;
  /** The canary's weight in the VirtualService as it is stored now, in percent. */
  readonly weight: number;
  readonly pods: readonly PodView[];
}

export type Happening =
  { readonly kind: "change"; readonly observed: Observed } | { readonly kind: "event"; readonly event: EventView };

interface Named {
  readonly metadata: { readonly name: string; readonly uid: string; readonly creationTimestamp: string };
}

export interface StoredVirtualService extends Named {
  readonly spec?: {
    readonly http?: readonly {
      readonly route?: readonly { readonly destination?: { readonly subset?: string }; readonly weight?: number }[];
    }[];
  };
}

export interface StoredPod extends Named {
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number }[];
  };
}

export interface StoredEvent extends Named {
  readonly reason?: string;
  readonly message?: string;
  readonly type?: string;
  readonly eventTime?: string | null;
  readonly lastTimestamp?: string | null;
  readonly involvedObject?: { readonly kind?: string; readonly name?: string };
}

/** Tells of every version of these objects that is stored, in the order in which it comes. */
export function observe(follower: Follower, tell: (happening: Happening) => void): void {
  const pods = new Map<string, PodView>();
  const announced = new Set<string>();
  let observed: Observed = { status: undefined, weight: 0, pods: [] };
  const change = (news: Partial<Observed>): void => {
    observed = { ...observed, ...news };
    tell({ kind: "change", observed });
  };

  follower.follow<Named & { status?: RolloutStatus }>(
    `/apis/serin.dev/v1alpha1/namespaces/${NAMESPACE}/rollouts`,
    ({ object }) => {
      if (object.metadata.name === APP && object.status !== undefined) change({ status: object.status });
    },
  );
  follower.follow<StoredVirtualService>(
    `/apis/networking.istio.io/v1/namespaces/${NAMESPACE}/virtualservices`,
    ({ type, object }) => {
      if (object.metadata.name === APP) change({ weight: type === "DELETED" ? 0 : canaryWeight(object) });
    },
  );
  follower.follow<StoredPod>(`/api/v1/namespaces/${NAMESPACE}/pods`, ({ type, object }) => {
    if (type === "DELETED") pods.delete(object.metadata.uid);
    else pods.set(object.metadata.uid, podView(object));
    change({ pods: [...pods.values()] });
  });
  follower.follow<StoredEvent>(`/api/v1/namespaces/${NAMESPACE}/events`, ({ type, object }) => {
    const { kind, name } = object.involvedObject ?? {};
    // A watch that had to begin anew adds what it has added before.
    if (type !== "ADDED" || kind !== "Rollout" || name !== APP || announced.has(object.metadata.uid)) return;
    announced.add(object.metadata.uid);
    tell({ kind: "event", event: eventView(object) });
  });
}

/** Percent of the first route that names the canary; 0 without one. */
export function canaryWeight({ spec }: StoredVirtualService): number {
  for (const { route = [] } of spec?.http ?? []) {
    const canary = route.filter(({ destination }) => destination?.subset === "canary");
    const sum = route.reduce((total, { weight = 0 }) => total + weight, 0);
    if (canary.length > 0 && sum > 0) {
      return Math.round((100 * canary.reduce((total, { weight = 0 }) => total + weight, 0)) / sum);
    }
  }
  return 0;
}

export function podView({ metadata, spec, status }: StoredPod): PodView {
  return {
    name: metadata.name,
    image: spec.containers[0]?.image ?? "",
    ready: status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") ?? false,
    createdAt: metadata.creationTimestamp,
    restarts: (status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0),
  };
}

export function eventView({
  metadata,
  reason = "",
  message = "",
  type,
  eventTime,
  lastTimestamp,
}: StoredEvent): EventView {
  const at = Date.parse(eventTime ?? lastTimestamp ?? metadata.creationTimestamp);
  return { at, reason, note: message, warning: type === "Warning" };
}
