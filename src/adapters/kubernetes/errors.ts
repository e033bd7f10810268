import {
  ConflictError,
  NotFoundError,
  RejectedError,
  TransientError,
  type ReconcileError,
} from "../../runtime/errors.ts";

/** What the API server answered, or that it did not. */
export type Failure =
  | {
      readonly kind: "answer";
      /** Method and path. */
      readonly request: string;
      readonly code: number;
      readonly body: unknown;
      /** Milliseconds. */
      readonly retryAfter: number | undefined;
      /** The body that was sent was an RFC 6902 patch. */
      readonly jsonPatch: boolean;
    }
  | { readonly kind: "network"; readonly request: string; readonly cause: unknown };

/** The API server's own words; the `cause` of every error that came from an answer. */
export class ApiFailure extends Error {
  readonly code: number;
  /** The machine-readable word, such as `AlreadyExists`. */
  readonly reason: string | undefined;
  /** Further such words about the same answer, such as `NamespaceTerminating`. */
  readonly causes: readonly string[];

  constructor(message: string, code: number, reason: string | undefined, causes: readonly string[] = []) {
    super(message);
    this.name = "ApiFailure";
    this.code = code;
    this.reason = reason;
    this.causes = causes;
  }
}

interface StatusBody {
  readonly kind?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string }[]; readonly retryAfterSeconds?: number };
}

/** Turns a failure into the error that says what it means for a reconcile; by codes, never by message text. */
export function toReconcileError(failure: Failure): ReconcileError {
  if (failure.kind === "network") {
    return new TransientError(`${failure.request}: ${describe(failure.cause)}`, { cause: failure.cause });
  }
  const status = statusOf(failure.body);
  const message = status?.message ?? `${failure.request}: HTTP ${failure.code}`;
  const causes = (status?.details?.causes ?? []).flatMap(({ reason }) => reason ?? []);
  const cause = new ApiFailure(message, failure.code, status?.reason, causes);
  switch (meaningOf(failure.code, failure.jsonPatch, status)) {
    case "conflict":
      return new ConflictError(message, { cause });
    case "notFound":
      return new NotFoundError(message, { cause });
    case "rejected":
      return new RejectedError(message, { cause });
    case "transient":
      return new TransientError(message, { cause, retryAfter: failure.retryAfter ?? secondsOf(status) });
  }
}

/** The answer's own words, when the error came from an answer. */
export function apiFailureOf(error: unknown): ApiFailure | undefined {
  return error instanceof Error && error.cause instanceof ApiFailure ? error.cause : undefined;
}

/** The Status object in a body, whatever else the body may be. */
export function statusOf(body: unknown): StatusBody | undefined {
  return typeof body === "object" && body !== null && (body as StatusBody).kind === "Status" ? body : undefined;
}

function meaningOf(code: number, jsonPatch: boolean, status: StatusBody | undefined) {
  if (code === 409) return "conflict";
  if (code === 404) return "notFound";
  // A JSON patch that does not fit the object is answered with 422 and no causes; validation names its causes.
  if (code === 422 && jsonPatch && (status?.details?.causes ?? []).length === 0) return "conflict";
  // 401: credentials are rotated under us. 408, 410: ask again.
  if (code >= 500 || [401, 408, 410, 429].includes(code)) return "transient";
  return "rejected";
}

function secondsOf(status: StatusBody | undefined): number | undefined {
  const seconds = status?.details?.retryAfterSeconds;
  return seconds === undefined || seconds === 0 ? undefined : seconds * 1_000;
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  // Several addresses that all refuse come as one AggregateError without words of its own.
  const first = cause instanceof AggregateError && cause.message === "" ? (cause.errors[0] as unknown) : cause;
  return first instanceof Error ? first.message : String(first);
}
