import { describe, expect, test } from "vitest";
import { podTroubles, replicaFailure } from "../../../../src/adapters/kubernetes/pod-troubles.ts";
import type { KubernetesObject } from "../../../../src/ports/kubernetes-objects.ts";

const noon = Date.parse("2026-01-01T12:00:00Z");

const pod = (status: Record<string, unknown>, metadata: object = {}): KubernetesObject => ({
  metadata: { name: "product-a-x-1", ...metadata },
  status,
});

const container = (state: object, more: object = {}) =>
  pod({ containerStatuses: [{ name: "app", restartCount: 0, state, ...more }] });

const waiting = (reason: string, message?: string) => ({
  waiting: { reason, ...(message === undefined ? {} : { message }) },
});
const terminated = (exitCode: number, reason: string) => ({ terminated: { exitCode, reason } });
const running = { running: { startedAt: "2026-01-01T00:00:00Z" } };

describe("crashes", () => {
  test.each([
    ["running", container(running), []],
    ["starting", container(waiting("ContainerCreating")), []],
    [
      "killed for memory and running again",
      container(running, { restartCount: 3, lastState: terminated(137, "OOMKilled") }),
      ["app: OOMKilled (exit 137), 3 restarts"],
    ],
    [
      "restarted once: its sidecar was not there yet, perhaps",
      container(running, { restartCount: 1, lastState: terminated(1, "Error") }),
      [],
    ],
    ["ended for the first time", container(terminated(2, "Error")), []],
    [
      "restarted again",
      container(running, { restartCount: 2, lastState: terminated(1, "Error") }),
      ["app: Error (exit 1), 2 restarts"],
    ],
    [
      "killed with its pod by eviction",
      pod({
        reason: "Evicted",
        containerStatuses: [{ name: "app", restartCount: 3, state: terminated(137, "Error") }],
      }),
      [],
    ],
    [
      "killed with its pod by a disruption",
      pod({
        conditions: [{ type: "DisruptionTarget", status: "True" }],
        containerStatuses: [{ name: "app", restartCount: 3, state: terminated(143, "Error") }],
      }),
      [],
    ],
    [
      "killed for memory with exit code 0",
      container(terminated(0, "OOMKilled")),
      ["app: OOMKilled (exit 0), 0 restarts"],
    ],
    [
      "waiting after crashes",
      container(waiting("CrashLoopBackOff"), { restartCount: 4, lastState: terminated(1, "Error") }),
      ["app: Error (exit 1), 4 restarts"],
    ],
    [
      "waiting after it ended too often",
      container(waiting("CrashLoopBackOff"), { restartCount: 2, lastState: terminated(0, "Completed") }),
      ["app: CrashLoopBackOff, 2 restarts"],
    ],
    ["ended and restarted", container(running, { restartCount: 1, lastState: terminated(0, "Completed") }), []],
    ["lost with its node", container(terminated(137, "ContainerStatusUnknown")), []],
    [
      "ended by the pod's deletion",
      pod(
        { containerStatuses: [{ name: "app", state: terminated(143, "Error") }] },
        { deletionTimestamp: "2026-01-01T00:00:00Z" },
      ),
      [],
    ],
    [
      "an init sidecar that crashed",
      pod({
        initContainerStatuses: [
          { name: "proxy", restartCount: 2, state: running, lastState: terminated(139, "Error") },
        ],
      }),
      ["proxy: Error (exit 139), 2 restarts"],
    ],
    [
      "an init container that is done",
      pod({ initContainerStatuses: [{ name: "prepare", state: terminated(0, "Completed") }] }),
      [],
    ],
    ["without a status", pod({}), []],
  ])("of a container that is %s", (_, object, crashes) => {
    expect(podTroubles([object], noon).crashes).toEqual(crashes.map((crash) => `product-a-x-1/${crash}`));
  });

  test("are listed in the order of the pods' names", () => {
    const crashed = (name: string) => ({ ...container(terminated(1, "OOMKilled")), metadata: { name } });
    expect(podTroubles([crashed("b"), crashed("a")], noon).crashes).toEqual([
      "a/app: OOMKilled (exit 1), 0 restarts",
      "b/app: OOMKilled (exit 1), 0 restarts",
    ]);
  });
});

describe("cannotStart", () => {
  const unschedulable = {
    type: "PodScheduled",
    status: "False",
    reason: "Unschedulable",
    message: "0/3 nodes are available",
  };

  const unprepared = { type: "PodReadyToStartContainers", status: "False" };

  test.each([
    ["nothing is wrong", container(running), undefined],
    [
      "the image is not there",
      container(waiting("ImagePullBackOff", "no such image")),
      "pod product-a-x-1, container app: ImagePullBackOff: no such image",
    ],
    [
      "a Secret is not there",
      container(waiting("CreateContainerConfigError", 'secret "s" not found')),
      'pod product-a-x-1, container app: CreateContainerConfigError: secret "s" not found',
    ],
    [
      "the kubelet says no more than that",
      container(waiting("ErrImagePull")),
      "pod product-a-x-1, container app: ErrImagePull",
    ],
    [
      "no node has room",
      pod({ conditions: [unschedulable] }),
      "pod product-a-x-1 cannot be scheduled: 0/3 nodes are available",
    ],
    ["it was scheduled in the end", pod({ conditions: [{ ...unschedulable, status: "True" }] }), undefined],
    [
      "a volume is not there",
      pod({ phase: "Pending", conditions: [{ ...unprepared, lastTransitionTime: "2026-01-01T11:59:29Z" }] }),
      "pod product-a-x-1 waits for its volumes or its network; kubectl describe pod product-a-x-1 says what is missing",
    ],
    [
      "its volumes were asked for a moment ago",
      pod({ phase: "Pending", conditions: [{ ...unprepared, lastTransitionTime: "2026-01-01T11:59:50Z" }] }),
      undefined,
    ],
    ["it crashes, which is its own doing", container(waiting("CrashLoopBackOff")), undefined],
    [
      "it is being deleted",
      pod({ conditions: [unschedulable] }, { deletionTimestamp: "2026-01-01T00:00:00Z" }),
      undefined,
    ],
  ])("when %s", (_, object, reason) => {
    expect(podTroubles([object], noon).cannotStart).toBe(reason);
  });

  test("when the ReplicaSet's controller cannot create pods", () => {
    const failed = { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: "exceeded quota" };
    const replicaSet = (condition: object) => ({
      metadata: { name: "product-a-x" },
      status: { conditions: [condition] },
    });
    expect(replicaFailure(replicaSet(failed))).toBe("ReplicaSet product-a-x: exceeded quota");
    expect(replicaFailure(replicaSet({ ...failed, status: "False" }))).toBeUndefined();
    expect(replicaFailure({ metadata: { name: "product-a-x" } })).toBeUndefined();
  });
});
