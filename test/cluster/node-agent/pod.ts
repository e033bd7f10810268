import { servedAddress, servedPort } from "../world/addresses.ts";
import { behaviourOf, isMissingImage, type Behaviour, type BehaviourOverrides } from "./behaviour.ts";
import { startPodServer, type Answered, type PodServer } from "./pod-server.ts";
import { timestamp, type ContainerRun, type PodObject, type PodRun, type Termination } from "./pod-status.ts";

export interface LocalPodOptions {
  readonly podIP: string;
  readonly hostIP: string;
  readonly isDown: (dependency: string) => boolean;
  readonly onAnswered: (answered: Answered) => void;
  /** Something that the status says has changed. */
  readonly onChange: () => void;
}

/** One pod on this node: its container's life and its HTTP server. */
export interface LocalPod {
  readonly podIP: string;
  current(): PodRun;
  behaviour(): Behaviour;
  /** Takes in a newer object or other overrides. */
  update(pod: PodObject, overrides: BehaviourOverrides): void;
  stop(graceMs: number): Promise<void>;
}

const maxBackoffSeconds = 300;
/** What a container serves on that declares no port. */
const defaultPort = 8080;

export function createLocalPod(first: PodObject, overrides: BehaviourOverrides, options: LocalPodOptions): LocalPod {
  const { podIP, hostIP, onChange } = options;
  const created = Date.now();
  let pod = first;
  let behaviour = behaviourOf(pod.spec.containers[0], overrides);
  let server: PodServer | undefined;
  let state: "image-missing" | "starting" | "running" | "backoff" | "stopped" = "starting";
  let startedAt = created;
  let isUp = false;
  let restarts = 0;
  let last: Termination | undefined;
  const timers = new Map<string, NodeJS.Timeout>();

  const after = (name: string, ms: number, act: () => void): void => {
    clearTimeout(timers.get(name));
    timers.set(name, setTimeout(act, ms));
  };
  const ports = (): number[] => {
    const declared = pod.spec.containers.flatMap((container) => container.ports ?? []).map(({ containerPort }) => servedPort(containerPort));
    return declared.length > 0 ? [...new Set(declared)] : [defaultPort];
  };

  const startContainer = async (): Promise<void> => {
    if (isMissingImage(pod.spec.containers[0]?.image)) {
      state = "image-missing";
      return onChange();
    }
    state = "running";
    startedAt = Date.now();
    isUp = false;
    server = await startPodServer({
      pod: pod.metadata.name,
      address: servedAddress(podIP),
      ports: ports(),
      behaviour: () => behaviour,
      isDown: options.isDown,
      onAnswered: options.onAnswered,
    });
    after("ready", behaviour.startSeconds * 1000, () => {
      isUp = true;
      onChange();
    });
    scheduleCrash();
    onChange();
  };
  const scheduleCrash = (): void => {
    clearTimeout(timers.get("crash"));
    if (behaviour.crashAfterSeconds === undefined || state !== "running") return;
    const due = startedAt + behaviour.crashAfterSeconds * 1000 - Date.now();
    after("crash", Math.max(0, due), () => void crash());
  };
  const crash = async (): Promise<void> => {
    state = "backoff";
    const [exitCode, reason] = behaviour.crashReason === "OOMKilled" ? [137, "OOMKilled"] : [1, "Error"];
    last = { exitCode, reason, startedAt: timestamp(startedAt), finishedAt: timestamp(Date.now()) };
    const seconds = Math.min(maxBackoffSeconds, behaviour.crashBackoffSeconds * 2 ** restarts);
    restarts += 1;
    clearTimeout(timers.get("ready"));
    onChange();
    await server?.stop(0);
    server = undefined;
    after("restart", seconds * 1000, () => void startContainer());
  };

  const current = (): PodRun => {
    const run: ContainerRun =
      state === "image-missing" || state === "backoff"
        ? { state }
        : { state: "running", startedAt: timestamp(startedAt), ready: isUp && !behaviour.neverReady };
    return { podIP, hostIP, startTime: timestamp(created), run, restarts, last };
  };

  void startContainer();
  return {
    podIP,
    current,
    behaviour: () => behaviour,
    update(newer, changed) {
      const before = behaviour;
      pod = newer;
      behaviour = behaviourOf(pod.spec.containers[0], changed);
      if (behaviour.crashAfterSeconds !== before.crashAfterSeconds) scheduleCrash();
      if (state === "image-missing") void startContainer();
    },
    async stop(graceMs) {
      state = "stopped";
      for (const timer of timers.values()) clearTimeout(timer);
      await server?.stop(graceMs);
    },
  };
}
