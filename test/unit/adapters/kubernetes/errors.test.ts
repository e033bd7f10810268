import { describe, expect, it } from "vitest";
import { apiFailureOf, toReconcileError } from "../../../../src/adapters/kubernetes/errors.ts";
import { TransientError } from "../../../../src/runtime/errors.ts";

const status = (reason: string, details: object = {}) => ({
  kind: "Status",
  status: "Failure",
  message: `the server says ${reason}`,
  reason,
  details,
});

const answer = (code: number, body: unknown, more: { jsonPatch?: boolean; retryAfter?: number } = {}) =>
  toReconcileError({
    kind: "answer",
    request: "PATCH /x",
    code,
    body,
    retryAfter: more.retryAfter,
    jsonPatch: more.jsonPatch ?? false,
  });

const withCauses = status("Invalid", { causes: [{ reason: "FieldValueInvalid", field: "spec" }] });

describe("toReconcileError()", () => {
  it.each([
    [409, status("Conflict"), false, "ConflictError"],
    [409, status("AlreadyExists"), false, "ConflictError"],
    [404, status("NotFound"), false, "NotFoundError"],
    // Recorded from a 1.36 API server: a failed test and a path that is not there have no causes, validation has.
    [422, status("Invalid", {}), true, "ConflictError"],
    [422, withCauses, true, "RejectedError"],
    [422, status("Invalid", {}), false, "RejectedError"],
    [400, status("BadRequest"), false, "RejectedError"],
    [403, status("Forbidden"), false, "RejectedError"],
    [413, status("RequestEntityTooLarge"), false, "RejectedError"],
    [401, status("Unauthorized"), false, "TransientError"],
    [410, status("Expired"), false, "TransientError"],
    [429, status("TooManyRequests"), false, "TransientError"],
    [500, status("InternalError"), false, "TransientError"],
    [503, "upstream connect error", false, "TransientError"],
  ])("HTTP %i with %j, JSON patch %s: %s", (code, body, jsonPatch, name) => {
    expect(answer(code, body, { jsonPatch }).name).toBe(name);
  });

  it("keeps the API server's own message and word", () => {
    const error = answer(409, status("AlreadyExists"));
    expect(error.message).toBe("the server says AlreadyExists");
    expect(apiFailureOf(error)).toMatchObject({ code: 409, reason: "AlreadyExists" });
  });

  it("names the request when the answer is no Status, and does not repeat the body", () => {
    expect(answer(502, "<html>secret</html>").message).toBe("PATCH /x: HTTP 502");
  });

  it("keeps how long to wait, from the header or the body", () => {
    const waits = [
      answer(429, status("TooManyRequests"), { retryAfter: 2_000 }),
      answer(429, status("TooManyRequests", { retryAfterSeconds: 3 })),
      answer(500, status("InternalError")),
    ];
    expect(waits.map((error) => (error instanceof TransientError ? error.retryAfter : Number.NaN))).toEqual([
      2_000,
      3_000,
      undefined,
    ]);
  });

  it("says why there was no answer, for several addresses too", () => {
    const refused = new Error("connect ECONNREFUSED 127.0.0.1:1");
    for (const cause of [refused, new AggregateError([refused, refused])]) {
      const error = toReconcileError({ kind: "network", request: "GET /x", cause });
      expect(error).toBeInstanceOf(TransientError);
      expect(error.message).toBe("GET /x: connect ECONNREFUSED 127.0.0.1:1");
      expect(apiFailureOf(error)).toBeUndefined();
    }
  });
});
