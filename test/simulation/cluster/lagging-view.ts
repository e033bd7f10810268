import type { KubernetesObject } from "../../../src/ports/kubernetes-objects.ts";
import type { ObjectView } from "./memory-objects.ts";
import { keyOf, type MemoryStore, type StoredEvent } from "./memory-store.ts";

/** What an operator's caches show: everything that happened until some time ago, of each resource by itself. */
export class LaggingView implements ObjectView {
  readonly #objects = new Map<string, KubernetesObject>();
  #coming: StoredEvent[] = [];

  /** As a new operator does it: lists first, then hears of changes. */
  constructor(store: MemoryStore, plurals: readonly string[]) {
    for (const plural of plurals)
      for (const object of store.list(plural))
        this.#objects.set(keyOf(plural, object.metadata.namespace, object.metadata.name), object);
    store.onEvent((event) => {
      if (plurals.includes(event.plural)) this.#coming.push(event);
    });
  }

  /** Whether there is something that it does not show yet. */
  get isBehind(): boolean {
    return this.#coming.length > 0;
  }

  /** Shows what happened until `upTo`, or for one resource until `held` at most. */
  advance(upTo: number, held?: { readonly plural: string; readonly upTo: number }): void {
    const isDue = ({ at, plural }: StoredEvent) => at <= (plural === held?.plural ? Math.min(upTo, held.upTo) : upTo);
    for (const event of this.#coming.filter(isDue)) this.#apply(event);
    this.#coming = this.#coming.filter((event) => !isDue(event));
  }

  find(plural: string, namespace: string, name: string): KubernetesObject | undefined {
    return this.#objects.get(keyOf(plural, namespace, name));
  }

  all(plural: string, namespace?: string): readonly KubernetesObject[] {
    const prefix = namespace === undefined ? `${plural}/` : `${plural}/${namespace}/`;
    return [...this.#objects].filter(([key]) => key.startsWith(prefix)).map(([, object]) => object);
  }

  #apply({ plural, kind, object }: StoredEvent): void {
    const key = keyOf(plural, object.metadata.namespace, object.metadata.name);
    if (kind === "deleted") this.#objects.delete(key);
    else this.#objects.set(key, object);
  }
}
