import { ConflictError, NotFoundError, RejectedError, TransientError } from "./errors.ts";

/** How a failed reconcile is to be dealt with. */
export type FailureKind = "conflict" | "transient" | "rejected" | "unexpected";

/** What a failure means. Milliseconds. */
export interface ReconcileFailure {
  readonly kind: FailureKind;
  readonly error: unknown;
  /** Asked for by the server. */
  readonly retryAfter: number | undefined;
}

/** What the thrown value means; anything that is not a ReconcileError is our own mistake. */
export function classifyFailure(error: unknown): ReconcileFailure {
  return { kind: kindOf(error), error, retryAfter: error instanceof TransientError ? error.retryAfter : undefined };
}

function kindOf(error: unknown): FailureKind {
  if (error instanceof ConflictError) return "conflict";
  if (error instanceof TransientError) return "transient";
  if (error instanceof RejectedError || error instanceof NotFoundError) return "rejected";
  return "unexpected";
}
