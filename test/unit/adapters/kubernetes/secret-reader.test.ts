import { describe, expect, it } from "vitest";
import { readSecret } from "../../../../src/adapters/kubernetes/secret-reader.ts";
import type { KubernetesObject } from "../../../../src/ports/kubernetes-objects.ts";

const { signal } = new AbortController();
const key = { namespace: "serin-system", name: "serin-prometheus" };

function read(answer: () => Promise<object | undefined>) {
  return readSecret({ read: <T extends KubernetesObject>() => answer() as Promise<T | undefined> }, key, signal);
}

describe("a Secret", () => {
  it("is read as text", async () => {
    const data = { token: Buffer.from("geheim ü").toString("base64") };
    expect(await read(() => Promise.resolve({ metadata: {}, data }))).toEqual({ token: "geheim ü" });
    expect(await read(() => Promise.resolve({ metadata: {} }))).toEqual({});
  });

  it("that is not there, or may not be read, is named", async () => {
    await expect(read(() => Promise.resolve(undefined))).rejects.toThrow(
      "there is no Secret serin-system/serin-prometheus",
    );
    await expect(read(() => Promise.reject(new Error("forbidden")))).rejects.toThrow(
      "Secret serin-system/serin-prometheus cannot be read: forbidden",
    );
  });
});
