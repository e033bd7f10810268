import type { ObjectKey } from "./object-key.ts";
import type { Request } from "./names.ts";
import { rolloutSpecSchema, type RolloutSpec } from "./rollout-spec.ts";
import type { RolloutStatus } from "./rollout-status.ts";

/** A Rollout as the operator reads it: its spec with defaults, or why the spec cannot be understood. */
export interface Rollout {
  readonly key: ObjectKey;
  readonly uid: string;
  readonly generation: number;
  readonly resourceVersion: string;
  readonly deleting: boolean;
  readonly claimed: boolean;
  readonly spec: RolloutSpec | undefined;
  readonly problems: readonly string[];
  readonly status: RolloutStatus;
  /** Values of the request annotations that are set. */
  readonly requests: Partial<Readonly<Record<Request, string>>>;
  /** Who asked for the last of them; undefined where nobody says. */
  readonly requestedBy?: string | undefined;
}

/** The spec with its defaults, or a sentence for each thing that is wrong with it. */
export function parseSpec(spec: unknown): { spec: RolloutSpec } | { problems: string[] } {
  const parsed = rolloutSpecSchema.safeParse(spec);
  if (parsed.success && (parsed.data.targetRef === undefined) === (parsed.data.subset === undefined)) {
    return { problems: ["spec: write targetRef or subset, exactly one"] };
  }
  if (parsed.success) return { spec: parsed.data };
  return { problems: parsed.error.issues.map((issue) => `spec.${issue.path.join(".")}: ${issue.message}`) };
}

/** Name of the Service that callers use. */
export function serviceName(spec: RolloutSpec): string {
  return spec.service?.name ?? spec.targetRef?.name ?? "";
}

/** The same of a spec as it is stored, whether or not it can be understood; undefined where it names none. */
export function storedServiceName(spec: Readonly<Record<string, unknown>> | undefined): string | undefined {
  return nameIn(spec?.["service"]) ?? nameIn(spec?.["targetRef"]);
}

function nameIn(reference: unknown): string | undefined {
  const { name } = (reference ?? {}) as { readonly name?: unknown };
  return typeof name === "string" ? name : undefined;
}
