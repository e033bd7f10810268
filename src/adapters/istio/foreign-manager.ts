import { fieldManager } from "../../api/names.ts";
import type { KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { recordIn } from "./json-value.ts";

/**
 * Who wrote the spec last, if it was not the operator. Managed fields tell time in seconds: within one second the other
 * counts as the later one.
 */
export function foreignManager(object: KubernetesObject): string | undefined {
  const writes = (object.metadata.managedFields ?? [])
    .filter((entry) => touchesSpec(entry))
    .map((entry) => ({ manager: entry.manager ?? "", at: Date.parse(entry.time ?? "") }))
    .filter((write) => !Number.isNaN(write.at))
    .sort(
      (left, right) =>
        right.at - left.at || Number(left.manager === fieldManager) - Number(right.manager === fieldManager),
    );
  const manager = writes[0]?.manager;
  return manager === fieldManager ? undefined : manager;
}

function touchesSpec(entry: object): boolean {
  const fields = recordIn(entry, "fieldsV1");
  return Object.keys(fields).length === 0 || "f:spec" in fields;
}
