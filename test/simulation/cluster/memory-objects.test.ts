import { describeKubernetesObjects } from "../../contract/kubernetes-objects.contract.ts";
import { memoryObjects } from "./memory-objects.ts";
import { MemoryStore } from "./memory-store.ts";

describeKubernetesObjects("in memory", () => {
  const store = new MemoryStore({ now: () => Date.parse("2026-01-01T00:00:00Z") });
  const view = {
    find: (plural: string, namespace: string, name: string) => store.get(plural, namespace, name),
    all: (plural: string, namespace?: string) => store.list(plural, namespace),
  };
  return Promise.resolve({
    objects: memoryObjects(store, view),
    namespace: "shop",
    close: () => Promise.resolve(),
  });
});
