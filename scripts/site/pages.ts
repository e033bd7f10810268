// What the site consists of: which pages of the repository, in which order, and under which address.

export interface Section {
  readonly title: string;
  readonly pages: readonly string[];
}

/** The pages that a reader is led through, in their order; decisions follow. */
export const sections: readonly Section[] = [
  { title: "Begin", pages: ["README.md", "charts/serin/README.md", "docs/upgrades.md"] },
  {
    title: "Use",
    pages: [
      "docs/workload.md",
      "docs/traffic.md",
      "docs/subset.md",
      "docs/gitops.md",
      "docs/gitops/argocd/README.md",
      "docs/judgement.md",
      "docs/outliers.md",
      "docs/metrics.md",
    ],
  },
  { title: "Run", pages: ["docs/troubleshooting.md", "docs/alerts.md", "docs/faults.md", "docs/security.md"] },
  {
    title: "Reference",
    pages: [
      "docs/reference/rollout.md",
      "docs/reference/conditions.md",
      "docs/reference/events.md",
      "docs/reference/metrics.md",
      "docs/reference/flags.md",
      "docs/glossary.md",
    ],
  },
  { title: "Take part", pages: ["docs/architecture.md", "CONTRIBUTING.md", "CHANGELOG.md"] },
];

/** Where a page of the repository is on the site. */
export function addressOf(page: string): string {
  return page === "README.md" ? "index.html" : page.replace(/README\.md$/, "index.html").replace(/\.md$/, ".html");
}

/** The anchor that GitHub gives a heading; the site has the same, so that a link is right in both places. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
}
