import { expect, test } from "vitest";
import { renderSite } from "../../../../scripts/site/render.ts";

const sections = [
  { title: "Begin", pages: ["README.md"] },
  { title: "Use", pages: ["docs/use.md"] },
];

function site(readme: string, use = "# Use it\n\n## More than `one`\n") {
  const files: Record<string, string> = {
    "README.md": readme,
    "docs/use.md": use,
    "docs/a.svg": "<svg/>",
    LICENSE: "x",
  };
  return renderSite(sections, (path) => files[path]);
}

test("links between pages, to headings and to pictures lead to the same on the site", () => {
  const { files, broken } = site(
    "# Serin\n\n[a](docs/use.md) [b](docs/use.md#more-than-one) ![c](docs/a.svg)",
    "# Use\n\n## More than `one`\n\n[up](../README.md#serin)",
  );
  expect(broken).toEqual([]);
  expect([...files.keys()]).toEqual(["index.html", "docs/use.html", "docs/a.svg"]);
  expect(files.get("index.html")).toContain(
    '<a href="docs/use.html">a</a> <a href="docs/use.html#more-than-one">b</a> <img src="docs/a.svg"',
  );
  expect(files.get("docs/use.html")).toContain('<h2 id="more-than-one">');
  expect(files.get("docs/use.html")).toContain('<a href="../index.html#serin">up</a>');
});

test("a link to a file that is no page stays words, one to another site stays a link", () => {
  const { files, broken } = site("[license](LICENSE) [k8s](https://kubernetes.io)");
  expect(broken).toEqual([]);
  expect(files.get("index.html")).toContain('<a>license</a> <a href="https://kubernetes.io">k8s</a>');
});

test("links to pages, headings and files that are not there are told with their page", () => {
  const { broken } = site("[a](docs/gone.md) [b](docs/use.md#gone) [c](#gone) [d](docs/gone.svg)");
  const told = ["docs/gone.md", "docs/use.md#gone", "#gone", "docs/gone.svg"];
  expect(broken).toEqual(told.map((link) => `README.md: ${link} leads nowhere`));
});

test("every page has its own title, and shows where the reader is", () => {
  const { files } = site("<!-- Made by a machine. -->\n\n# Serin");
  expect(files.get("index.html")).toContain("<title>Serin</title>");
  expect(files.get("index.html")).not.toContain("machine");
  expect(files.get("docs/use.html")).toContain("<title>Use it · Serin</title>");
  expect(files.get("docs/use.html")).toContain('<li><a href="use.html" aria-current="page">Use it</a></li>');
});
