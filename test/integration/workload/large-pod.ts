const probe = (port: number) => ({ httpGet: { path: "/", port }, periodSeconds: 7, failureThreshold: 4 });

/** A pod spec with much of what a pod spec may have, written as people write it and not as it is stored. */
export const largePod = {
  terminationGracePeriodSeconds: 1,
  hostname: "app",
  shareProcessNamespace: true,
  schedulingGates: [],
  securityContext: { fsGroup: 1_000, supplementalGroupsPolicy: "Merge", seccompProfile: { type: "RuntimeDefault" } },
  initContainers: [
    { name: "sidecar", image: "shop/sidecar:v1", restartPolicy: "Always", startupProbe: probe(9_000) },
    { name: "prepare", image: "shop/prepare:v1", command: ["true"] },
  ],
  containers: [
    {
      name: "app",
      image: "shop/app:v1",
      ports: [{ containerPort: 8_080, name: "http" }],
      env: [
        { name: "A", value: "" },
        { name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
      ],
      resources: { requests: { cpu: "0.1", memory: "0.5Gi" }, limits: { memory: "1024Mi" } },
      resizePolicy: [{ resourceName: "cpu", restartPolicy: "NotRequired" }],
      livenessProbe: probe(8_080),
      readinessProbe: { grpc: { port: 8_080 } },
      lifecycle: { preStop: { sleep: { seconds: 1 } } },
      securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
      volumeMounts: [
        { name: "cache", mountPath: "/cache" },
        { name: "token", mountPath: "/token", readOnly: true, recursiveReadOnly: "IfPossible" },
      ],
    },
  ],
  tolerations: [{ key: "pool", operator: "Equal", value: "shop", effect: "NoSchedule" }],
  affinity: {
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        {
          weight: 10,
          podAffinityTerm: {
            topologyKey: "kubernetes.io/hostname",
            labelSelector: { matchLabels: { app: "large" } },
            mismatchLabelKeys: ["pool"],
          },
        },
      ],
    },
  },
  topologySpreadConstraints: [
    {
      maxSkew: 1,
      topologyKey: "topology.kubernetes.io/zone",
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels: { app: "large" } },
      matchLabelKeys: ["pod-template-hash"],
    },
  ],
  volumes: [
    { name: "cache", emptyDir: { sizeLimit: "1.5Gi" } },
    { name: "config", configMap: { name: "config", optional: true } },
    { name: "secret", secret: { secretName: "secret", optional: true, defaultMode: 0o400 } },
    { name: "token", projected: { sources: [{ serviceAccountToken: { path: "token", audience: "shop" } }] } },
    { name: "info", downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } },
    { name: "data", image: { reference: "shop/data:v1", pullPolicy: "IfNotPresent" } },
  ],
};
