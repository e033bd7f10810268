import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { listenForShutdown } from "../../../src/runtime/shutdown.ts";

function start() {
  const process = new EventEmitter();
  const told: string[] = [];
  const shutdown = listenForShutdown({
    process,
    onUnhandled: (kind, error) => told.push(`${kind}: ${(error as Error).message}`),
    onImpatience: () => told.push("impatience"),
  });
  return { process, told, shutdown };
}

describe("listenForShutdown()", () => {
  it.each(["SIGTERM", "SIGINT"])("aborts on %s; a second one is impatience", (name) => {
    const { process, told, shutdown } = start();
    process.emit(name);
    expect([shutdown.signal.aborted, shutdown.failure, told]).toEqual([true, undefined, []]);
    process.emit(name);
    expect(told).toEqual(["impatience"]);
  });

  it("reports a rejection that nobody caught and goes on", () => {
    const { process, told, shutdown } = start();
    process.emit("unhandledRejection", new Error("x"));
    expect([told, shutdown.signal.aborted]).toEqual([["rejection: x"], false]);
  });

  it("reports an exception that nobody caught and stops", () => {
    const { process, told, shutdown } = start();
    const error = new Error("x");
    process.emit("uncaughtException", error);
    expect([told, shutdown.signal.aborted, shutdown.failure]).toEqual([["exception: x"], true, error]);
  });

  it("listens no more after dispose", () => {
    const { process, shutdown } = start();
    shutdown.dispose();
    process.emit("SIGTERM");
    expect([shutdown.signal.aborted, process.eventNames()]).toEqual([false, []]);
  });
});
