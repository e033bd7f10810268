import type { KubernetesObjects } from "../../ports/kubernetes-objects.ts";
import { TransientError } from "../../runtime/errors.ts";

/**
 * The same objects, written only while `mayWrite` says so: asked right before each write is sent, so that a process that
 * was stopped in between does not go on as if it had not been. What releases write is conditional besides.
 */
export function fenced(objects: KubernetesObjects, mayWrite: () => boolean): KubernetesObjects {
  const guarded = <Result>(write: () => Promise<Result>): Promise<Result> =>
    mayWrite() ? write() : Promise.reject(new TransientError("another replica may be the leader by now"));
  return {
    ...objects,
    create: (...args) => guarded(() => objects.create(...args)),
    mergePatch: (...args) => guarded(() => objects.mergePatch(...args)),
    jsonPatch: (...args) => guarded(() => objects.jsonPatch(...args)),
    apply: (...args) => guarded(() => objects.apply(...args)),
    remove: (...args) => guarded(() => objects.remove(...args)),
  };
}
