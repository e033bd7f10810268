/** Something that the operator could not do. `cause` is the original error. */
export abstract class ReconcileError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** We acted on an old version of an object: look again and decide again. */
export class ConflictError extends ReconcileError {}

/** What was to be changed is not there. */
export class NotFoundError extends ReconcileError {}

/** The API server, or an admission webhook or policy, refused the write and will refuse it again. `message` is its own. */
export class RejectedError extends ReconcileError {}

/** Refused was a write of the Deployment, or of a ReplicaSet that is not to start pods. */
export class WorkloadRefusedError extends RejectedError {}

/** Refused was what starts canary pods: by a quota, say. */
export class CanaryRefusedError extends RejectedError {}

/** What creates pods was changed between being sent and being stored, by an admission webhook or policy. */
export class TemplateMutatedError extends RejectedError {
  /** The first field that differs: `spec.template.spec.containers[0].image`. */
  readonly path: string;

  constructor(message: string, path: string) {
    super(message);
    this.path = path;
  }
}

/** May work later without anybody changing anything. */
export class TransientError extends ReconcileError {
  /** How long the server asked to wait, in milliseconds. */
  readonly retryAfter: number | undefined;

  constructor(message: string, options?: ErrorOptions & { retryAfter?: number | undefined }) {
    super(message, options);
    this.retryAfter = options?.retryAfter;
  }
}

/** What was thrown, in words; not everybody throws errors. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
