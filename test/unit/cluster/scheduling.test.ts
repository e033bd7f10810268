import { expect, test } from "vitest";
import { refusal } from "../../cluster/node-agent/scheduling.ts";
import type { PodObject } from "../../cluster/node-agent/pod-status.ts";

const room = { labels: { disk: "slow" }, allocatable: { cpu: "2", memory: "4Gi" } };
const pod = (requests: Readonly<Record<string, string>>, spec: object = {}): PodObject => ({
  metadata: { name: "a" },
  spec: { containers: [{ name: "app", resources: { requests } }], ...spec },
});

test.each([
  ["that asks for nothing", pod({}), [pod({ cpu: "2" })], undefined],
  ["that fits exactly", pod({ cpu: "500m", memory: "1Gi" }), [pod({ cpu: "1.5", memory: "3072Mi" })], undefined],
  ["whose labels fit", pod({}, { nodeSelector: { disk: "slow" } }), [], undefined],
  ["whose labels do not", pod({}, { nodeSelector: { disk: "fast" } }), [], "didn't match Pod's node affinity/selector"],
  ["with too little memory left", pod({ memory: "2Gi" }), [pod({ memory: "3Gi" })], "1 Insufficient memory. "],
  ["too large in all", pod({ cpu: "3", memory: "5Gi" }), [], "1 Insufficient cpu, 1 Insufficient memory. "],
])("refusal() of a pod %s", (_what, wanted, bound, words) => {
  const said = refusal(wanted, room, bound);
  if (words === undefined) expect(said).toBeUndefined();
  else expect(said).toMatch(new RegExp(`^0/1 nodes are available: .*${words}`));
});
