import { servedAddress, servedPort } from "../world/addresses.ts";
import { behaviourOf, type Behaviour, type BehaviourOverrides } from "./behaviour.ts";
import { startPodServer, type Answered, type PodServer } from "./pod-server.ts";
import { needsNothing, type Missing } from "./references.ts";
import { timestamp, type ContainerRun, type PodObject, type PodRun, type Termination } from "./pod-status.ts";

export interface LocalPodOptions {
  readonly podIP: string;
  readonly hostIP: string;
  readonly isDown: (dependency: string) => boolean;
  /** A ConfigMap or Secret that the pod needs and that is not there. */
  readonly firstMissing: (pod: PodObject) => Promise<Missing | undefined>;
  readonly onAnswered: (answered: Answered) => void;
  /** Something that the status says has changed. */
  readonly onChange: () => void;
  readonly onTrouble: (error: unknown) => void;
}

/** One pod on this node: its container's life and its HTTP server. */
export interface LocalPod {
  readonly podIP: string;
  start(): void;
  current(): PodRun;
  /** Takes in a newer object or other overrides. */
  update(pod: PodObject, overrides: BehaviourOverrides): void;
  stop(graceMs: number): Promise<void>;
}

interface Life {
  readonly options: LocalPodOptions;
  readonly createdAt: number;
  readonly timers: Map<string, NodeJS.Timeout>;
  pod: PodObject;
  behaviour: Behaviour;
  server: PodServer | undefined;
  state: "creating" | "image-missing" | "config-missing" | "running" | "backoff" | "stopped";
  missing: Missing | undefined;
  startedAt: number;
  isUp: boolean;
  restarts: number;
  last: Termination | undefined;
}

const maxBackoffSeconds = 300;
/** A pod that cannot start looks again after this. */
const lookAgainMs = 1000;
/** What a container serves on that declares no port. */
const defaultPort = 8080;

export function createLocalPod(pod: PodObject, overrides: BehaviourOverrides, options: LocalPodOptions): LocalPod {
  const now = Date.now();
  const life: Life = {
    options,
    createdAt: now,
    timers: new Map(),
    pod,
    behaviour: behaviourOf(pod.spec.containers[0], overrides),
    server: undefined,
    state: "creating",
    missing: undefined,
    startedAt: now,
    isUp: false,
    restarts: 0,
    last: undefined,
  };
  return {
    podIP: options.podIP,
    start: () => startContainer(life),
    current: () => currentRun(life),
    update(newer, changed) {
      const before = life.behaviour;
      life.pod = newer;
      life.behaviour = behaviourOf(newer.spec.containers[0], changed);
      if (life.behaviour.crashAfterSeconds !== before.crashAfterSeconds) scheduleCrash(life);
      if (life.state === "image-missing" && !life.behaviour.imageMissing) startContainer(life);
    },
    async stop(graceMs) {
      life.state = "stopped";
      for (const timer of life.timers.values()) clearTimeout(timer);
      await life.server?.stop(graceMs);
    },
  };
}

function after({ timers }: Life, name: string, ms: number, act: () => void): void {
  clearTimeout(timers.get(name));
  timers.set(name, setTimeout(act, ms));
}

function startContainer(life: Life): void {
  clearTimeout(life.timers.get("start"));
  if (life.behaviour.imageMissing) {
    life.state = "image-missing";
    life.options.onChange();
    after(life, "start", lookAgainMs, () => startContainer(life));
    return;
  }
  if (needsNothing(life.pod)) return runContainer(life);
  whenComplete(life).catch((error: unknown) => {
    life.options.onTrouble(error);
    after(life, "start", lookAgainMs, () => startContainer(life));
  });
}

/** Waits for ConfigMaps and Secrets as a kubelet does: it looks again and again. */
async function whenComplete(life: Life): Promise<void> {
  life.missing = await life.options.firstMissing(life.pod);
  if (life.state === "stopped") return;
  if (life.missing === undefined) return runContainer(life);
  life.state = "config-missing";
  life.options.onChange();
  after(life, "start", lookAgainMs, () => startContainer(life));
}

function runContainer(life: Life): void {
  life.state = "running";
  life.startedAt = Date.now();
  life.isUp = false;
  serve(life).catch((error: unknown) => {
    // An application that cannot listen ends.
    life.options.onTrouble(error);
    crash(life);
  });
}

async function serve(life: Life): Promise<void> {
  const { options, pod } = life;
  const server = await startPodServer({
    pod: pod.metadata.name,
    address: servedAddress(options.podIP),
    ports: portsOf(pod),
    behaviour: () => life.behaviour,
    isDown: options.isDown,
    onAnswered: options.onAnswered,
  });
  // It may have been told to end while it was starting.
  if (life.state !== "running") return server.stop(0);
  life.server = server;
  after(life, "ready", life.behaviour.startSeconds * 1000, () => {
    life.isUp = true;
    options.onChange();
  });
  scheduleCrash(life);
  options.onChange();
}

function portsOf(pod: PodObject): number[] {
  const declared = pod.spec.containers
    .flatMap((container) => container.ports ?? [])
    .map(({ containerPort }) => servedPort(containerPort));
  return declared.length > 0 ? [...new Set(declared)] : [defaultPort];
}

function scheduleCrash(life: Life): void {
  clearTimeout(life.timers.get("crash"));
  const { crashAfterSeconds } = life.behaviour;
  if (crashAfterSeconds === undefined || life.state !== "running") return;
  const due = life.startedAt + crashAfterSeconds * 1000 - Date.now();
  after(life, "crash", Math.max(0, due), () => crash(life));
}

function crash(life: Life): void {
  if (life.state === "stopped") return;
  const { crashReason, crashBackoffSeconds } = life.behaviour;
  const exitCode = crashReason === "OOMKilled" ? 137 : 1;
  life.state = "backoff";
  life.last = {
    exitCode,
    reason: crashReason,
    startedAt: timestamp(life.startedAt),
    finishedAt: timestamp(Date.now()),
  };
  const seconds = Math.min(maxBackoffSeconds, crashBackoffSeconds * 2 ** life.restarts);
  life.restarts += 1;
  clearTimeout(life.timers.get("ready"));
  const ended = life.server?.stop(0) ?? Promise.resolve();
  life.server = undefined;
  life.options.onChange();
  after(life, "restart", seconds * 1000, () => void ended.then(() => startContainer(life)));
}

function currentRun(life: Life): PodRun {
  const { options } = life;
  return {
    podIP: options.podIP,
    hostIP: options.hostIP,
    startTime: timestamp(life.createdAt),
    run: containerRun(life),
    restarts: life.restarts,
    last: life.last,
  };
}

function containerRun({ state, missing, behaviour, isUp, startedAt }: Life): ContainerRun {
  switch (state) {
    case "creating":
    case "backoff":
      return { state };
    case "image-missing":
      return { state, backingOff: Math.floor(Date.now() / lookAgainMs) % 2 === 1 };
    case "config-missing":
      return missing?.volumes === true ? { state: "creating" } : { state, message: missing?.message ?? "" };
    case "running":
    case "stopped":
      return { state: "running", startedAt: timestamp(startedAt), ready: isUp && !behaviour.neverReady };
  }
}
