import type { ObjectMeta } from "../mesh/objects.ts";
import type { ContainerLike } from "./behaviour.ts";
import type { Named } from "./references.ts";

/** What a kubelet would report of a pod. Pure. */

export interface PodCondition {
  readonly type: string;
  readonly status: string;
  readonly lastTransitionTime?: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface PodObject {
  readonly metadata: ObjectMeta & { readonly generation?: number; readonly deletionGracePeriodSeconds?: number };
  readonly spec: {
    readonly nodeName?: string;
    readonly nodeSelector?: Readonly<Record<string, string>>;
    readonly containers: readonly ContainerLike[];
    readonly initContainers?: readonly (ContainerLike & { readonly restartPolicy?: string })[];
    readonly volumes?: readonly {
      readonly configMap?: Named;
      readonly secret?: { readonly secretName?: string; readonly optional?: boolean };
    }[];
    readonly readinessGates?: readonly { readonly conditionType: string }[];
  };
  readonly status?: { readonly podIP?: string; readonly phase?: string; readonly conditions?: readonly PodCondition[] };
}

export interface Termination {
  readonly exitCode: number;
  readonly reason: string;
  readonly startedAt: string;
  readonly finishedAt: string;
}

/** Where the first container is in its life. */
export type ContainerRun =
  /** The kubelet tries a pull and waits longer each time, in turn. */
  | { readonly state: "image-missing"; readonly backingOff: boolean }
  /** A ConfigMap or a Secret of a volume is not there. */
  | { readonly state: "creating" }
  /** A ConfigMap or a Secret of the environment is not there. */
  | { readonly state: "config-missing"; readonly message: string }
  | { readonly state: "running"; readonly startedAt: string; readonly ready: boolean }
  | { readonly state: "backoff" };

export interface PodRun {
  readonly podIP: string;
  readonly hostIP: string;
  readonly startTime: string;
  readonly run: ContainerRun;
  readonly restarts: number;
  readonly last: Termination | undefined;
}

/** Kubernetes' time stamps have whole seconds. */
export function timestamp(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

export function desiredStatus(
  pod: PodObject,
  { podIP, hostIP, startTime, run, restarts, last }: PodRun,
  now: string,
): object {
  const containersReady = run.state === "running" && run.ready;
  const gatesOpen = (pod.spec.readinessGates ?? []).every(
    ({ conditionType }) => conditionOf(pod, conditionType)?.status === "True",
  );
  const started = run.state === "running" || run.state === "backoff";
  const conditions = [
    condition(pod, now, "PodScheduled", true),
    condition(pod, now, "PodReadyToStartContainers", run.state !== "creating"),
    condition(pod, now, "Initialized", true),
    condition(pod, now, "ContainersReady", containersReady, "ContainersNotReady"),
    condition(
      pod,
      now,
      "Ready",
      containersReady && gatesOpen,
      containersReady ? "ReadinessGatesNotReady" : "ContainersNotReady",
    ),
  ];
  const containerStatuses = pod.spec.containers.map((container, index) =>
    index === 0
      ? firstContainer(container, run, restarts, last)
      : companion(container, started ? startTime : undefined),
  );
  const initContainerStatuses = (pod.spec.initContainers ?? []).map((container) =>
    container.restartPolicy === "Always" ? companion(container, startTime) : finishedInit(container, startTime),
  );
  return {
    phase: started ? "Running" : "Pending",
    ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
    hostIP,
    hostIPs: [{ ip: hostIP }],
    podIP,
    podIPs: [{ ip: podIP }],
    startTime,
    conditions,
    containerStatuses,
    ...(initContainerStatuses.length > 0 && { initContainerStatuses }),
  };
}

function conditionOf(pod: PodObject, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((each) => each.type === type);
}

function condition(pod: PodObject, now: string, type: string, holds: boolean, reason?: string): PodCondition {
  const status = holds ? "True" : "False";
  const before = conditionOf(pod, type);
  const lastTransitionTime = before?.status === status ? (before.lastTransitionTime ?? now) : now;
  return { type, status, lastTransitionTime, ...(!holds && reason !== undefined && { reason }) };
}

function identity(container: ContainerLike): object {
  const image = container.image ?? "";
  return { name: container.name, image, imageID: `${image}@local` };
}

function firstContainer(
  container: ContainerLike,
  run: ContainerRun,
  restarts: number,
  last: Termination | undefined,
): object {
  const common = { ...identity(container), restartCount: restarts, ...(last && { lastState: { terminated: last } }) };
  if (run.state === "running")
    return { ...common, ready: run.ready, started: true, state: { running: { startedAt: run.startedAt } } };
  const imageID = run.state === "backoff" ? {} : { imageID: "" };
  return { ...common, ...imageID, ready: false, started: false, state: { waiting: waitingFor(container, run) } };
}

function waitingFor({ image = "" }: ContainerLike, run: Exclude<ContainerRun, { state: "running" }>): object {
  const pull = `failed to pull image "${image}": not found`;
  switch (run.state) {
    case "backoff":
      return { reason: "CrashLoopBackOff", message: "back-off restarting failed container" };
    case "image-missing":
      return run.backingOff
        ? { reason: "ImagePullBackOff", message: `Back-off pulling image "${image}": ErrImagePull: ${pull}` }
        : { reason: "ErrImagePull", message: pull };
    case "creating":
      return { reason: "ContainerCreating" };
    case "config-missing":
      return { reason: "CreateContainerConfigError", message: run.message };
  }
}

/** What the scheduler says of a pod that no node takes. */
export function unschedulable(pod: PodObject, message: string, now: string): object {
  const refused = { ...condition(pod, now, "PodScheduled", false, "Unschedulable"), message };
  return { phase: "Pending", conditions: [refused] };
}

function companion(container: ContainerLike, startedAt: string | undefined): object {
  const common = { ...identity(container), restartCount: 0 };
  if (startedAt === undefined)
    return { ...common, ready: false, started: false, state: { waiting: { reason: "ContainerCreating" } } };
  return { ...common, ready: true, started: true, state: { running: { startedAt } } };
}

function finishedInit(container: ContainerLike, at: string): object {
  const terminated = { exitCode: 0, reason: "Completed", startedAt: at, finishedAt: at };
  return { ...identity(container), restartCount: 0, ready: true, started: false, state: { terminated } };
}

/** Whether `actual` says everything that `desired` says. Conditions are found by type; the API server keeps others. */
export function covers(actual: unknown, desired: unknown): boolean {
  if (Array.isArray(desired)) return Array.isArray(actual) && coversList(actual, desired);
  if (typeof desired !== "object" || desired === null) return actual === desired;
  if (typeof actual !== "object" || actual === null) return false;
  return Object.entries(desired).every(([key, value]) =>
    covers((actual as Readonly<Record<string, unknown>>)[key], value),
  );
}

function coversList(actual: readonly unknown[], desired: readonly unknown[]): boolean {
  return desired.every((each, index) => {
    const type = typeOf(each);
    return type === undefined
      ? covers(actual[index], each)
      : actual.some((other) => typeOf(other) === type && covers(other, each));
  });
}

function typeOf(value: unknown): string | undefined {
  return typeof value === "object" && value !== null && "type" in value ? String(value.type) : undefined;
}
