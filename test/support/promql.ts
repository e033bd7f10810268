import type { AnyDescription } from "../../src/runtime/metrics.ts";

const keywords: ReadonlySet<string> = new Set(["and", "or", "unless", "offset", "bool", "by", "on"]);

/** The names of the metrics that an expression of PromQL reads, each once. Selectors by `__name__` are not looked into. */
export function metricsIn(expression: string): string[] {
  const bare = expression
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, "")
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, " ")
    .replaceAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, " ");
  const names = [...bare.matchAll(/(?<![\w.:])[a-zA-Z_:][\w:]*(?![\w:]|\s*\()/g)].map(([name]) => name);
  return [...new Set(names)].filter((name) => !keywords.has(name));
}

/** The names of the series that a metric is served as. */
export function seriesNames({ kind, name }: Pick<AnyDescription, "kind" | "name">): string[] {
  return kind === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}
