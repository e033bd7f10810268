import { describe, expect, it } from "vitest";
import { createLogger } from "../../../src/runtime/logger.ts";

describe("createLogger()", () => {
  it("writes one JSON object per line, with fields of the parents, and errors with their causes", () => {
    const lines: string[] = [];
    const log = createLogger({ level: "info", destination: { write: (line) => lines.push(line) } });
    log.debug("not written");
    log.child({ key: "n/a" }).warn("could not reconcile", { error: new Error("outer", { cause: new Error("inner") }) });
    expect(lines.length).toBe(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: "warn",
      message: "could not reconcile",
      key: "n/a",
      time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      error: { type: "Error", message: "outer", cause: { message: "inner" } },
    });
  });

  it("does not write credentials", () => {
    const lines: string[] = [];
    const log = createLogger({ level: "info", destination: { write: (line) => lines.push(line) } });
    log.info("sent", { request: { headers: { authorization: "Bearer secret" } } });
    expect(lines[0]).not.toContain("secret");
  });

  it("needs no fields, whatever the level", () => {
    const lines: string[] = [];
    const log = createLogger({ level: "debug", destination: { write: (line) => lines.push(line) } });
    for (const level of ["debug", "info", "warn", "error", "fatal"] as const) log[level]("said");
    expect(lines.map((line) => (JSON.parse(line) as { level: string; message: string }).level)).toEqual([
      "debug",
      "info",
      "warn",
      "error",
      "fatal",
    ]);
  });
});
