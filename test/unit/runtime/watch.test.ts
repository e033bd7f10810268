import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  step,
  type WatchFailure,
  type WatchInput,
  type WatchOutput,
  type WatchState,
} from "../../../src/runtime/watch.ts";

interface Thing {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
}

const thing = (name: string, resourceVersion: string): Thing => ({ metadata: { name, resourceVersion } });
const failed = (kind: WatchFailure["kind"], retryAfter?: number, random = 0): WatchInput<Thing> => ({
  kind: "failed",
  failure: { kind, message: kind, retryAfter },
  lasted: 0,
  random,
});
const listed: WatchInput<Thing> = { kind: "listed", objects: [thing("a", "5")], version: "7" };
const closed = (lasted: number): WatchInput<Thing> => ({ kind: "closed", lasted, random: 0 });

/** The outputs of every input in turn. */
function run(...inputs: readonly WatchInput<Thing>[]): WatchOutput<Thing>[][] {
  let state: WatchState = { kind: "idle" };
  return inputs.map((input) => {
    const [next, outputs] = step(state, input);
    state = next;
    return [...outputs];
  });
}

const last = (outputs: WatchOutput<Thing>[][]) => outputs.at(-1);

describe("step()", () => {
  it("lists, then watches from the version of the list", () => {
    expect(run({ kind: "start" }, listed)).toEqual([
      [{ kind: "list" }],
      [
        { kind: "replace", objects: [thing("a", "5")] },
        { kind: "watch", version: "7" },
      ],
    ]);
  });

  it("hands changes on and resumes after the last one, at once, when the server ends the watch", () => {
    const outputs = run(
      { kind: "start" },
      listed,
      { kind: "changed", object: thing("b", "8") },
      { kind: "deleted", object: thing("b", "9") },
      closed(300_000),
    );
    expect(outputs.slice(2)).toEqual([
      [{ kind: "put", object: thing("b", "8") }],
      [{ kind: "drop", object: thing("b", "9") }],
      [{ kind: "watch", version: "9" }],
    ]);
  });

  it("resumes from a bookmark", () => {
    expect(last(run({ kind: "start" }, listed, { kind: "bookmark", version: "50" }, closed(300_000)))).toEqual([
      { kind: "watch", version: "50" },
    ]);
  });

  it("opens a silent watch again", () => {
    expect(last(run({ kind: "start" }, listed, { kind: "silent" }))).toEqual([{ kind: "watch", version: "7" }]);
  });

  it("resumes, not lists, after a connection was lost", () => {
    const outputs = run({ kind: "start" }, listed, failed("other"), { kind: "waited" });
    expect(outputs.slice(2)).toEqual([[{ kind: "wait", delay: 250, why: "other" }], [{ kind: "watch", version: "7" }]]);
  });

  it("waits longer with every failure, up to eight seconds", () => {
    const inputs = Array.from({ length: 8 }, () => [failed("other"), { kind: "waited" } as const]).flat();
    const waits = run({ kind: "start" }, listed, ...inputs)
      .flat()
      .filter(({ kind }) => kind === "wait");
    expect(waits.map((wait) => (wait.kind === "wait" ? wait.delay : 0))).toEqual([
      250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000,
    ]);
  });

  it("waits as long as the server asks, within reason", () => {
    expect(last(run({ kind: "start" }, failed("other", 5_000)))).toEqual([
      { kind: "wait", delay: 5_000, why: "other" },
    ]);
    expect(last(run({ kind: "start" }, failed("other", 9_999_000)))).toEqual([
      { kind: "wait", delay: 60_000, why: "other" },
    ]);
  });

  it("lists anew almost at once when the version is gone, whatever failed before", () => {
    const trouble = Array.from({ length: 6 }, () => [failed("other"), { kind: "waited" } as const]).flat();
    const outputs = run({ kind: "start" }, listed, ...trouble, failed("expired", undefined, 1), { kind: "waited" });
    expect(outputs.slice(-2)).toEqual([[{ kind: "wait", delay: 250, why: "expired" }], [{ kind: "list" }]]);
  });

  it("waits between lists whose versions are gone at once", () => {
    const inputs = Array.from({ length: 4 }, () => [failed("expired"), { kind: "waited" } as const, listed]).flat();
    const waits = run({ kind: "start" }, listed, ...inputs)
      .flat()
      .filter(({ kind }) => kind === "wait");
    expect(waits.map((wait) => (wait.kind === "wait" ? wait.delay : 0))).toEqual([0, 250, 500, 1_000]);
  });

  it("does not spin when every watch ends at once", () => {
    expect(run({ kind: "start" }, listed, closed(1), closed(1)).slice(2)).toEqual([
      [{ kind: "watch", version: "7" }],
      [{ kind: "wait", delay: 250, why: "watches end at once" }],
    ]);
  });

  it("does not spin when every watch brings something and ends at once", () => {
    const busy = (version: string): WatchInput<Thing>[] => [
      { kind: "changed", object: thing("b", version) },
      closed(1),
    ];
    expect(last(run({ kind: "start" }, listed, ...busy("8"), ...busy("9")))).toEqual([
      { kind: "wait", delay: 250, why: "watches end at once" },
    ]);
  });

  it("begins with the shortest wait after a watch that lasted", () => {
    const trouble = Array.from({ length: 6 }, () => [failed("other"), { kind: "waited" } as const]).flat();
    const cut: WatchInput<Thing> = {
      kind: "failed",
      failure: { kind: "other", message: "cut" },
      lasted: 60_000,
      random: 0,
    };
    expect(last(run({ kind: "start" }, listed, ...trouble, cut))).toEqual([{ kind: "wait", delay: 250, why: "cut" }]);
  });

  it("stays where it was with an object that has no version", () => {
    const unversioned = { kind: "changed", object: { metadata: { name: "b" } } } as unknown as WatchInput<Thing>;
    expect(last(run({ kind: "start" }, listed, unversioned, closed(300_000)))).toEqual([
      { kind: "watch", version: "7" },
    ]);
  });

  it.each<[string, WatchInput<Thing>[]]>([
    ["a second start", [{ kind: "start" }, { kind: "start" }]],
    ["a list that nobody waits for", [{ kind: "start" }, listed, listed]],
    ["the end of a wait that was not asked for", [{ kind: "start" }, listed, { kind: "waited" }]],
    ["a change without a watch", [{ kind: "start" }, { kind: "changed", object: thing("b", "8") }]],
    ["a failure of what was given up", [{ kind: "start" }, failed("other"), failed("expired")]],
  ])("does nothing on %s", (_what, inputs) => {
    expect(last(run(...inputs))).toEqual([]);
  });

  it("forgets everything of a resource that is not served, and asks again slowly", () => {
    const outputs = run({ kind: "start" }, failed("unserved"), { kind: "waited" });
    expect(outputs.slice(1)).toEqual([
      [{ kind: "replace", objects: [] }, { kind: "unserved" }, { kind: "wait", delay: 20_000, why: undefined }],
      [{ kind: "list" }],
    ]);
  });

  it("never stands still and never has two requests, whatever the server does", () => {
    const random = fc.double({ min: 0, max: 1, noNaN: true });
    const answer: fc.Arbitrary<WatchInput<Thing>> = fc.oneof(
      fc.record({ kind: fc.constant("changed" as const), object: fc.constant(thing("a", "8")) }),
      fc.record({ kind: fc.constant("bookmark" as const), version: fc.constant("9") }),
      fc.record({ kind: fc.constant("closed" as const), lasted: fc.constantFrom(0, 5_000), random }),
      fc.constant({ kind: "silent" as const }),
      fc.record({
        kind: fc.constant("failed" as const),
        lasted: fc.constantFrom(0, 5_000),
        failure: fc.record({ kind: fc.constantFrom("expired", "unserved", "other"), message: fc.constant("x") }),
        random,
      }),
    );
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 80 }), (answers) => {
        let [state] = step<Thing>({ kind: "idle" }, { kind: "start" });
        for (const next of answers) {
          if (state.kind === "waiting") [state] = step<Thing>(state, { kind: "waited" });
          const answersList = state.kind === "listing" && next.kind !== "failed";
          const [after, outputs] = step<Thing>(state, answersList ? listed : next);
          state = after;
          const requests = outputs.filter(({ kind }) => kind === "list" || kind === "watch" || kind === "wait");
          const goesOn = (next.kind === "changed" || next.kind === "bookmark") && !answersList;
          expect(requests.length).toBe(goesOn ? 0 : 1);
        }
      }),
    );
  });
});
