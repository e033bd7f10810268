import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { loadKubeConfig } from "../../../../src/adapters/kubernetes/kubeconfig.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "serin-kubeconfig-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** A kubeconfig whose current context is `name`, at a server of that name. */
function write(name: string, user: object = { token: `token-of-${name}` }, server = `https://${name}:6443`): string {
  const path = join(folder, name);
  const config = {
    clusters: [{ name, cluster: { server } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

const serverOf = (source: Parameters<typeof loadKubeConfig>[0]) => loadKubeConfig(source).getCurrentCluster()?.server;

describe("loadKubeConfig()", () => {
  it("takes the path before the variable", () => {
    expect(serverOf({ kubeconfig: write("a"), kubeconfigVariable: write("b") })).toBe("https://a:6443");
    expect(serverOf({ kubeconfigVariable: write("b") })).toBe("https://b:6443");
  });

  it("merges several files as kubectl does: the first to say something wins, missing ones are skipped", () => {
    const [a, b] = [write("a"), write("b")];
    const config = loadKubeConfig({ kubeconfigVariable: [join(folder, "none"), b, a, a].join(delimiter) });
    expect(config.getCurrentContext()).toBe("b");
    expect(config.getClusters().map(({ name }) => name)).toEqual(["b", "a"]);
  });

  it("throws for a file that is not there, and for a context that names no cluster", () => {
    expect(() => loadKubeConfig({ kubeconfig: join(folder, "none") })).toThrow("ENOENT");
    const several = [join(folder, "none"), join(folder, "nothing")].join(delimiter);
    expect(() => loadKubeConfig({ kubeconfigVariable: several })).toThrow("none of the kubeconfig files exists");
    const empty = join(folder, "empty");
    writeFileSync(empty, "kind: Config\n");
    expect(() => loadKubeConfig({ kubeconfig: empty })).toThrow("names no cluster");
  });

  it("says that there is none where kubectl would look, instead of guessing a server", () => {
    vi.stubEnv("HOME", folder);
    vi.stubEnv("KUBECONFIG", undefined);
    expect(() => loadKubeConfig({ inCluster: false })).toThrow("there is none at ~/.kube/config");
    vi.unstubAllEnvs();
  });

  it("takes the context that is asked for, whatever the current one is like", () => {
    const kubeconfig = join(folder, "three");
    const contexts = ["a", "b", "nowhere"].map((name) => ({ name, context: { cluster: name, user: "me" } }));
    const clusters = ["a", "b"].map((name) => ({ name, cluster: { server: `https://${name}:6443` } }));
    const users = [{ name: "me", user: { token: "t" } }];
    for (const current of ["a", "gone", undefined]) {
      writeFileSync(kubeconfig, JSON.stringify({ contexts, clusters, users, "current-context": current }));
      expect(serverOf({ kubeconfig, context: "b" })).toBe("https://b:6443");
      expect(() => serverOf({ kubeconfig, context: "c" })).toThrow("the kubeconfig has no context c");
      expect(() => serverOf({ kubeconfig, context: "nowhere" })).toThrow("context nowhere names no cluster");
    }
    expect(() => serverOf({ kubeconfig })).toThrow("current context names no cluster");
  });

  it("reads a user's tokenFile, relative to the kubeconfig", async () => {
    writeFileSync(join(folder, "token"), "from-file\n");
    const config = loadKubeConfig({ kubeconfig: write("a", { token: "superseded", tokenFile: "token" }) });
    const options: { headers?: Record<string, string> } = {};
    await config.applyToHTTPSOptions(options);
    expect(options.headers?.["Authorization"]?.trim()).toBe("Bearer from-file");
  });

  it("accepts a server without TLS", async () => {
    const config = loadKubeConfig({ kubeconfig: write("a", {}, "http://127.0.0.1:8080") });
    await expect(config.applyToHTTPSOptions({})).resolves.toBeUndefined();
  });
});
