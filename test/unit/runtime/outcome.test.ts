import { describe, expect, it } from "vitest";
import {
  ConflictError,
  NotFoundError,
  RejectedError,
  TemplateMutatedError,
  TransientError,
} from "../../../src/runtime/errors.ts";
import { classifyFailure } from "../../../src/runtime/outcome.ts";

describe("classifyFailure()", () => {
  const cases: readonly (readonly [unknown, string])[] = [
    [new ConflictError("x"), "conflict"],
    [new TransientError("x"), "transient"],
    [new RejectedError("x"), "rejected"],
    [new TemplateMutatedError("x", "spec"), "rejected"],
    [new NotFoundError("x"), "rejected"],
    [new TypeError("x"), "unexpected"],
    ["a string", "unexpected"],
  ];

  it.each(cases)("%s is %s", (error, kind) => {
    expect(classifyFailure(error)).toEqual({ kind, error, retryAfter: undefined });
  });

  it("keeps how long the server asked to wait", () => {
    expect(classifyFailure(new TransientError("x", { retryAfter: 3_000 })).retryAfter).toBe(3_000);
  });
});
