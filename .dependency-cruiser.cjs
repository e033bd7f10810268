/** The import rules of docs/architecture.md, checked by `npm run check`. */
const layer = (name, ...mayImport) => ({
  name: `${name}-imports-only-what-it-may`,
  comment: "docs/architecture.md, Folders",
  severity: "error",
  from: { path: `^src/${name}/` },
  to: { path: "^src/", pathNot: `^src/(${[name, ...mayImport].join("|")})/` },
});

const door = (pkg, where) => ({
  name: `${pkg.replaceAll("/", "-")}-has-one-door`,
  comment: "A package is reached through one place, so that replacing it changes one place.",
  severity: "error",
  from: { path: "^src/", pathNot: where },
  to: { path: `node_modules/${pkg}/` },
});

module.exports = {
  forbidden: [
    layer("api"),
    layer("domain", "api"),
    layer("ports", "api", "domain"),
    layer("runtime"),
    layer("adapters", "api", "domain", "ports", "runtime"),
    layer("controller", "api", "domain", "ports", "runtime"),
    layer("cli", "api", "domain", "ports", "runtime", "adapters"),
    {
      name: "adapters-are-strangers",
      severity: "error",
      from: { path: "^src/adapters/([^/]+)/" },
      to: { path: "^src/adapters/[^/]+/", pathNot: "^src/adapters/$1/" },
    },
    {
      name: "pure-layers-need-no-platform",
      severity: "error",
      from: { path: "^src/(api|domain|ports)/" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "domain-needs-no-package",
      severity: "error",
      from: { path: "^src/(domain|ports)/" },
      to: { path: "node_modules/" },
    },
    door("@kubernetes/client-node", "^src/adapters/kubernetes/"),
    door("@dot-i/k8s-operator", "^src/adapters/kubernetes/rollout-source\\.ts$"),
    door("axios", "^src/adapters/prometheus/"),
    door("zod", "^src/(api/|config\\.ts$|adapters/)"),
    door("pino", "^src/runtime/logger\\.ts$"),
    door("prom-client", "^src/runtime/metrics\\.ts$"),
    door("node-forge", "^src/runtime/certificate\\.ts$"),
    door("commander", "^src/(cli/|(operator|release)-command\\.ts$)"),
    {
      name: "src-knows-no-local-cluster",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(test|scripts)/" },
    },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-orphans",
      severity: "error",
      from: { orphan: true, path: "^src/", pathNot: "^src/main\\.ts$" },
      to: {},
    },
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default", "types"],
    },
  },
};
