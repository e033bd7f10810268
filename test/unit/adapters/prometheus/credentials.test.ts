import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { credentialsFrom, keepCredentials, tokenFile } from "../../../../src/adapters/prometheus/credentials.ts";

const { signal } = new AbortController();

describe("credentials", () => {
  it("are understood as the types of Secrets name them", () => {
    expect(credentialsFrom({ token: " abc\n" })).toEqual({ bearerToken: "abc" });
    expect(credentialsFrom({ username: "u", password: "p", other: "x" })).toEqual({
      basicAuth: { username: "u", password: "p" },
    });
    expect(credentialsFrom({ "ca.crt": "CA", "tls.crt": "C", "tls.key": "K" })).toEqual({
      ca: "CA",
      certificate: "C",
      key: "K",
    });
    // A key alone is of no use.
    expect(credentialsFrom({ "tls.key": "K" })).toEqual({});
  });

  it("in a file are read afresh; a file that cannot be read is told without its content", async () => {
    const folder = mkdtempSync(join(tmpdir(), "serin-token-"));
    try {
      const path = join(folder, "token");
      const read = tokenFile(path);
      await expect(read(signal)).rejects.toThrow("the bearer token file cannot be read (ENOENT)");
      for (const token of ["one", "two"]) {
        writeFileSync(path, `${token}\n`);
        expect(await read(signal)).toEqual({ bearerToken: token });
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("are kept for a minute, or until they are refused", async () => {
    const state = { now: 0, reads: 0 };
    const read = () => Promise.resolve({ bearerToken: String((state.reads += 1)) });
    const kept = keepCredentials(read, () => state.now);
    const tokens: (string | undefined)[] = [];
    const use = async (now: number) => {
      state.now = now;
      tokens.push((await kept.current(signal)).bearerToken);
    };
    await use(0);
    await use(59_999);
    await use(60_000);
    kept.refused();
    await use(60_001);
    expect(tokens).toEqual(["1", "1", "2", "3"]);
  });

  it("that cannot be read again are used on; without any, it is said why", async () => {
    const state = { fails: true, now: 0 };
    const read = () => (state.fails ? Promise.reject(new Error("no Secret")) : Promise.resolve({ bearerToken: "t" }));
    const kept = keepCredentials(read, () => state.now);
    await expect(kept.current(signal)).rejects.toThrow("no Secret");
    state.fails = false;
    await kept.current(signal);
    Object.assign(state, { fails: true, now: 120_000 });
    expect(await kept.current(signal)).toEqual({ bearerToken: "t" });
  });
});
