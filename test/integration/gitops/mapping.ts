import { readText } from "../../architecture/repository.ts";
import type { Condition } from "../../../src/api/rollout-status.ts";
import { conditionOf } from "../../../src/domain/standing.ts";
import type { RolloutObject } from "../../support/situations.ts";

/** A row of the table in docs/gitops.md. */
export interface MappingRow {
  readonly ready: string;
  readonly beside: string;
  /** Undefined: every reason that no other row with the same conditions names. */
  readonly reasons: readonly string[] | undefined;
  readonly kstatus: string;
  readonly argocd: string;
}

const unquoted = (cell: string) => cell.replaceAll("`", "").trim();

/** What docs/gitops.md promises for Rollouts that the operator has looked at. */
export function mappingTable(): readonly MappingRow[] {
  const rows = [...readText("docs/gitops.md").matchAll(/^\| `(?:True|False|Unknown)` \|.*$/gm)];
  return rows.map(([line]) => {
    const [ready = "", beside = "", reasons = "", kstatus = "", argocd = ""] = line.split("|").slice(1).map(unquoted);
    return { ready, beside, reasons: reasons.startsWith("every") ? undefined : reasons.split(", "), kstatus, argocd };
  });
}

/** The row for an object that the operator has looked at; throws where there is none, or more than one. */
export function rowOf(table: readonly MappingRow[], { status }: RolloutObject): MappingRow {
  const ready = conditionOf(status, "Ready");
  const beside = (["Reconciling", "Stalled"] satisfies Condition["type"][]).filter((type) => conditionOf(status, type));
  const fitting = table.filter((row) => row.ready === ready?.status && row.beside === beside.join());
  const named = fitting.filter(({ reasons }) => reasons?.includes(ready?.reason ?? ""));
  const rows = named.length > 0 ? named : fitting.filter(({ reasons }) => reasons === undefined);
  const [row, ...others] = rows;
  if (row === undefined || others.length > 0)
    throw new Error(`docs/gitops.md has ${rows.length} rows for Ready ${ready?.status}, ${ready?.reason}`);
  return row;
}
