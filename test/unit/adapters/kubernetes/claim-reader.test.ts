import { describe, expect, test } from "vitest";
import { createClaimReader } from "../../../../src/adapters/kubernetes/claim-reader.ts";
import { TransientError } from "../../../../src/runtime/errors.ts";
import { silentLogger } from "../../../../src/runtime/logger.ts";
import { createObjectStore } from "../istio/object-store.ts";

const { signal } = new AbortController();

function deployment(...claims: string[]) {
  const volumes = claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } }));
  return { metadata: { name: "product", namespace: "shop" }, spec: { template: { spec: { volumes } } } };
}

/** A reader, the claims that are there, and how often one was asked for. */
function setUp() {
  const store = createObjectStore();
  const state = { reads: 0, failure: undefined as Error | undefined };
  const objects = {
    ...store,
    read: (...args: Parameters<typeof store.read>) => {
      state.reads += 1;
      return state.failure === undefined ? store.read(...args) : Promise.reject(state.failure);
    },
  };
  const put = (name: string, ...accessModes: string[]) =>
    store.put("persistentvolumeclaims", { metadata: { name, namespace: "shop" }, spec: { accessModes } });
  return { reader: createClaimReader({ objects, log: silentLogger }), state, put };
}

describe("accessModes()", () => {
  test("asks nothing for a Deployment without claims", async () => {
    const { reader, state } = setUp();
    expect((await reader.accessModes(deployment(), signal))("data")).toBeUndefined();
    expect(state.reads).toBe(0);
  });

  test("asks once for each set of claims", async () => {
    const { reader, state, put } = setUp();
    put("data", "ReadWriteOnce");
    put("cache", "ReadWriteMany");
    for (let time = 0; time < 3; time += 1) {
      expect((await reader.accessModes(deployment("data"), signal))("data")).toEqual(["ReadWriteOnce"]);
    }
    expect(state.reads).toBe(1);
    expect((await reader.accessModes(deployment("data", "cache"), signal))("cache")).toEqual(["ReadWriteMany"]);
    expect(state.reads).toBe(3);
  });

  test("looks again for a claim that is not there yet", async () => {
    const { reader, put } = setUp();
    expect((await reader.accessModes(deployment("data"), signal))("data")).toBeUndefined();
    put("data", "ReadWriteOnce");
    expect((await reader.accessModes(deployment("data"), signal))("data")).toEqual(["ReadWriteOnce"]);
  });

  test("knows nothing while claims cannot be read, and looks again", async () => {
    const { reader, state, put } = setUp();
    put("data", "ReadWriteOnce");
    state.failure = new TransientError("no answer");
    expect((await reader.accessModes(deployment("data"), signal))("data")).toBeUndefined();
    state.failure = undefined;
    expect((await reader.accessModes(deployment("data"), signal))("data")).toEqual(["ReadWriteOnce"]);
  });

  test("rejects when the operator is stopping", async () => {
    const { reader, state } = setUp();
    state.failure = new TransientError("no answer");
    await expect(reader.accessModes(deployment("data"), AbortSignal.abort())).rejects.toThrow();
  });
});
