import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { addReleaseCommand } from "../../src/release-command.ts";
import type { Leaving, ReleaseConnection } from "../../src/release-connection.ts";
import { aRollout } from "../support/observation.ts";

const leaving: Leaving = {
  rollout: { ...aRollout(), key: { namespace: "shop", name: "product" } },
  object: { metadata: { namespace: "shop", name: "product" } },
  deployment: "product",
};

interface Session {
  readonly said: string[];
  readonly done: string[];
  readonly code: number | undefined;
}

interface Situation {
  /** Seconds since the Lease was renewed; undefined: there is none. */
  readonly renewed?: number;
  readonly answer?: "gone" | "answered" | "silence";
  readonly agrees?: boolean;
  readonly interactive?: boolean;
}

/** Runs the command in a cluster that answers as told; what it would do to it is in `done`. */
async function run(words: readonly string[], situation: Situation = {}): Promise<Session> {
  const { renewed, answer = "gone", agrees = true, interactive = false } = situation;
  const said: string[] = [];
  const done: string[] = [];
  let code: number | undefined;
  const note = (what: string) => {
    done.push(what);
    return Promise.resolve();
  };
  const read = () => Promise.resolve(renewed === undefined ? undefined : lease(renewed));
  const connection: ReleaseConnection = {
    namespace: "shop",
    objects: { read } as unknown as ReleaseConnection["objects"],
    informers: {} as ReleaseConnection["informers"],
    find: () => Promise.resolve(leaving),
    remove: () => note("remove"),
    listen: () => Promise.resolve(answer),
    untilGone: () => note("wait"),
    describeRest: () => Promise.resolve("Deployment product stays."),
    close: () => note("close"),
  };
  const program = new Command("serin").exitOverride();
  addReleaseCommand(program, {
    terminal: {
      print: (text) => said.push(text),
      warn: (text) => said.push(text),
      exitWith: (given) => (code = given),
      interactive,
      clear: () => undefined,
    },
    signal: new AbortController().signal,
    environment: {},
    connect: () => connection,
    confirm: () => Promise.resolve(agrees),
  });
  await program.parseAsync(["release", "product", ...words], { from: "user" });
  return { said, done, code };
}

function lease(secondsAgo: number) {
  const renewTime = new Date(Date.now() - secondsAgo * 1_000).toISOString();
  return {
    metadata: { namespace: "serin-system", name: "serin-operator" },
    spec: { holderIdentity: "operator-1", leaseDurationSeconds: 15, renewTime, acquireTime: renewTime },
  };
}

describe("serin release", () => {
  test("without --force deletes and waits for the operator, whom it names when it knows", async () => {
    const { said, done, code } = await run([], { renewed: 1 });
    expect(done).toEqual(["remove", "wait", "close"]);
    expect(said[0]).toBe(
      "product is being deleted; waiting for the operator (operator-1) to give back what it took. Should no operator run any more, end this and say serin release product --force.",
    );
    expect(said.at(-1)).toBe("Deployment product stays.");
    expect(code).toBeUndefined();
  });

  test("--force is refused while an operator renews its Lease", async () => {
    const { said, done, code } = await run(["--force", "--yes"], { renewed: 1 });
    expect(done).toEqual(["close"]);
    expect(said.join()).toContain(
      "an operator is at work: operator-1 keeps renewing Lease serin-system/serin-operator",
    );
    expect(code).toBe(1);
  });

  test("--force goes on with a Lease that ran out, and only waits when an operator answers all the same", async () => {
    const { said, done } = await run(["--force", "--yes"], { renewed: 60, answer: "answered" });
    expect(done).toEqual(["remove", "wait", "close"]);
    expect(said).toContain("An operator is at work and lets it go; waiting for it.");
  });

  test("--force asks a person, and does nothing without a yes", async () => {
    const refused = await run(["--force"], { interactive: true, agrees: false });
    expect(refused).toMatchObject({ done: ["close"], code: 1 });
    const agreed = await run(["--force"], { interactive: true, agrees: true });
    expect(agreed).toMatchObject({ done: ["remove", "close"], code: undefined });
    const nobody = await run(["--force"]);
    expect(nobody).toMatchObject({ done: ["close"], code: 2 });
    expect(nobody.said.join()).toContain("say --yes");
  });

  test("refuses a duration that is none before it does anything", async () => {
    const { said, done, code } = await run(["--force", "--yes", "--propagation", "soon"]);
    expect(done).toEqual(["close"]);
    expect(said.join()).toContain("--propagation (or SERIN_PROPAGATION) is wrong: write a duration");
    expect(code).toBe(2);
  });
});
