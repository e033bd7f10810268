import type { Named } from "./references.ts";

/** How a pod behaves: environment variables of its first container, with overrides on top while it runs. */

export type BehaviourVariable =
  | "VERSION"
  | "ERROR_RATE"
  | "ERROR_STATUS"
  | "LATENCY_MS"
  | "LATENCY_P99_MS"
  | "HANG"
  | "DEPENDENCY"
  | "START_SECONDS"
  | "NEVER_READY"
  | "CRASH"
  | "CRASH_AFTER_SECONDS"
  | "CRASH_REASON"
  | "CRASH_BACKOFF_SECONDS"
  | "IMAGE_MISSING";

export type BehaviourOverrides = Partial<Readonly<Record<BehaviourVariable, string>>>;

export interface Behaviour {
  readonly version: string;
  /** Shares of all requests. */
  readonly errorRate: number;
  readonly hangRate: number;
  readonly errorStatus: number;
  readonly latencyMs: number;
  readonly latencyP99Ms: number | undefined;
  /** Names of dependencies; while one is down, every answer is 503. */
  readonly dependencies: readonly string[];
  readonly startSeconds: number;
  readonly neverReady: boolean;
  readonly crashAfterSeconds: number | undefined;
  readonly crashReason: "Error" | "OOMKilled";
  /** The first wait before a restart; doubled each time, five minutes at most, as a kubelet does. */
  readonly crashBackoffSeconds: number;
  /** Whether the image cannot be pulled: one with the tag `missing…` cannot, unless IMAGE_MISSING says otherwise. */
  readonly imageMissing: boolean;
}

export interface ContainerLike {
  readonly name: string;
  readonly image?: string;
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly configMapKeyRef?: Named; readonly secretKeyRef?: Named };
  }[];
  readonly envFrom?: readonly { readonly configMapRef?: Named; readonly secretRef?: Named }[];
  readonly resources?: { readonly requests?: Readonly<Record<string, string>> };
  readonly ports?: readonly { readonly containerPort: number; readonly name?: string }[];
}

export function behaviourOf(container: ContainerLike | undefined, overrides: BehaviourOverrides): Behaviour {
  const declared = Object.fromEntries((container?.env ?? []).map(({ name, value = "" }) => [name, value]));
  const text = (name: BehaviourVariable): string => overrides[name] ?? declared[name] ?? "";
  const number = (name: BehaviourVariable, otherwise: number): number => {
    const value = Number(text(name) === "" ? NaN : text(name));
    return Number.isFinite(value) ? value : otherwise;
  };
  const share = (name: BehaviourVariable): number =>
    isTrue(text(name)) ? 1 : Math.min(1, Math.max(0, number(name, 0)));
  const crashAfter = isTrue(text("CRASH")) ? 0 : number("CRASH_AFTER_SECONDS", -1);
  return {
    version: text("VERSION") === "" ? imageTag(container?.image) : text("VERSION"),
    errorRate: share("ERROR_RATE"),
    hangRate: share("HANG"),
    errorStatus: number("ERROR_STATUS", 500),
    latencyMs: number("LATENCY_MS", 0),
    latencyP99Ms: text("LATENCY_P99_MS") === "" ? undefined : number("LATENCY_P99_MS", 0),
    dependencies: text("DEPENDENCY")
      .split(",")
      .filter((name) => name !== ""),
    startSeconds: number("START_SECONDS", 0),
    neverReady: isTrue(text("NEVER_READY")),
    crashAfterSeconds: crashAfter < 0 ? undefined : crashAfter,
    crashReason: text("CRASH_REASON") === "OOMKilled" ? "OOMKilled" : "Error",
    crashBackoffSeconds: number("CRASH_BACKOFF_SECONDS", 10),
    imageMissing: text("IMAGE_MISSING") === "" ? isMissingImage(container?.image) : isTrue(text("IMAGE_MISSING")),
  };
}

function isTrue(text: string): boolean {
  return /^(true|yes|on)$/i.test(text);
}

function imageTag(image = ""): string {
  const tag = /:([^:/@]+)(@|$)/.exec(image)?.[1];
  return tag ?? "latest";
}

function isMissingImage(image = ""): boolean {
  return image.includes(":missing");
}

/**
 * One latency: log-normal, so that the mean and the 99th percentile are what was asked for. Without a percentile it is
 * twice the mean, which is what steady services look like.
 */
export function drawLatency({ latencyMs, latencyP99Ms }: Behaviour, normal: () => number): number {
  if (latencyMs <= 0) return 0;
  const z99 = 2.326_347_87;
  // ln(p99/mean) = z·σ − σ²/2 has a solution up to p99 = 15 × mean.
  const ratio = Math.log(Math.min(14.9, Math.max(1, (latencyP99Ms ?? 2 * latencyMs) / latencyMs)));
  const sigma = z99 - Math.sqrt(z99 * z99 - 2 * ratio);
  return latencyMs * Math.exp(sigma * normal() - (sigma * sigma) / 2);
}

export function standardNormal(random: () => number = Math.random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
