import { readFileSync } from "node:fs";

/** As much of a Grafana dashboard as tests look at. */
export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
}

export interface Variable {
  readonly name: string;
  readonly type: string;
  readonly definition?: string;
}

export const dashboardNames = ["releases", "operator"] as const;

export function readDashboard(name: (typeof dashboardNames)[number]): Dashboard {
  const path = new URL(`../../charts/serin/dashboards/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(path, "utf8")) as Dashboard;
}

/** The panels that show something: rows only order them. */
export function shownPanels({ panels }: Dashboard): readonly Panel[] {
  return panels.filter(({ type }) => type !== "row");
}

/** A dashboard's expression as Grafana sends it when these are the values of its variables. */
export function interpolated(expression: string, values: Readonly<Record<string, string>>): string {
  // `$1` is no variable: it is what label_replace() found.
  return expression.replaceAll(/\$\{?([a-zA-Z_]\w*)\}?/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new RangeError(`$${name} has no value`);
    return value;
  });
}
