// Pages of the repository as pages of the site, with every link looked after.
import { dirname, join, relative } from "node:path/posix";
import MarkdownIt, { type Token } from "markdown-it";
import { addressOf, anchorOf, type Section } from "./pages.ts";
import { style } from "./style.ts";

const { escapeHtml } = new MarkdownIt().utils;

/** Files of the repository by path; undefined for one that is not there. */
export type ReadFile = (path: string) => string | undefined;

export interface Site {
  /** Every file of the site, by address. */
  readonly files: ReadonlyMap<string, string>;
  /** Links that lead nowhere, each with its page. */
  readonly broken: string[];
}

interface Page {
  readonly path: string;
  readonly title: string;
  readonly html: string;
  readonly anchors: ReadonlySet<string>;
  readonly links: readonly string[];
}

/** The site of these sections; pictures that they show come with it. */
export function renderSite(sections: readonly Section[], read: ReadFile): Site {
  const pages = new Set(sections.flatMap((section) => section.pages));
  const rendered = new Map([...pages].map((path) => [path, renderPage(path, pages, read)]));
  const pictures = new Map<string, string>();
  const broken: string[] = [];
  for (const page of rendered.values()) {
    for (const link of page.links) {
      const { target, fragment } = resolve(page.path, link);
      const known = rendered.get(target);
      if (known !== undefined && (fragment === "" || known.anchors.has(fragment))) continue;
      const picture = target.endsWith(".svg") ? read(target) : undefined;
      if (picture !== undefined) pictures.set(target, picture);
      // What is no page is read where the sources are: that it is there is enough, and no link leads to it from here.
      else if (known !== undefined || read(target) === undefined) broken.push(`${page.path}: ${link} leads nowhere`);
    }
  }
  const html = [...rendered.values()].map((page) => [addressOf(page.path), wrap(page, sections, rendered)] as const);
  return { files: new Map([...html, ...pictures]), broken };
}

function renderPage(path: string, pages: ReadonlySet<string>, read: ReadFile): Page {
  const markdown = new MarkdownIt({ html: false, linkify: false });
  const headings: Heading[] = [];
  const links: string[] = [];
  markdown.core.ruler.push("serin", ({ tokens }) => {
    for (const [index, token] of tokens.entries()) {
      if (token.type === "heading_open") headings.push(anchored(token, tokens[index + 1]));
      for (const child of token.children ?? []) links.push(...placed(child, path, pages));
    }
  });
  const source = (read(path) ?? "").replaceAll(/<!--.*?-->\n*/gs, "");
  const html = markdown.render(source);
  const title = headings.find(({ tag }) => tag === "h1")?.text ?? path;
  return { path, html, anchors: new Set(headings.map(({ anchor }) => anchor)), links, title };
}

interface Heading {
  readonly tag: string;
  readonly text: string;
  readonly anchor: string;
}

function anchored(opening: Token, content: Token | undefined): Heading {
  const text = content?.children?.map((child) => child.content).join("") ?? "";
  const anchor = anchorOf(text);
  opening.attrSet("id", anchor);
  return { tag: opening.tag, text, anchor };
}

/** The link of a token, if it has one to the repository; in the token it leads to the site from now on, or nowhere. */
function placed(token: Token, page: string, pages: ReadonlySet<string>): readonly string[] {
  const attribute = token.type === "image" ? "src" : "href";
  const link = token.attrGet(attribute)?.toString();
  if (link === undefined || /^[a-z]+:/.test(link)) return [];
  const { target } = resolve(page, link);
  if (pages.has(target) || target.endsWith(".svg")) token.attrSet(attribute, onSite(page, link));
  else token.attrs = null;
  return [link];
}

function resolve(page: string, link: string): { readonly target: string; readonly fragment: string } {
  const [file = "", fragment = ""] = link.split("#");
  return { target: file === "" ? page : join(dirname(page), file), fragment };
}

/** A link between pages of the repository, as one between those of the site. */
function onSite(page: string, link: string): string {
  const { target, fragment } = resolve(page, link);
  const way = relative(dirname(addressOf(page)), addressOf(target));
  return fragment === "" ? way : `${way}#${fragment}`;
}

function wrap({ path, title, html }: Page, sections: readonly Section[], all: ReadonlyMap<string, Page>): string {
  const entry = (page: string) => {
    const current = page === path ? ' aria-current="page"' : "";
    const way = relative(dirname(addressOf(path)), addressOf(page));
    return `<li><a href="${way}"${current}>${escapeHtml(all.get(page)?.title ?? page)}</a></li>`;
  };
  const groups = sections.map(
    (section) => `<section><h2>${section.title}</h2><ul>${section.pages.map(entry).join("")}</ul></section>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}${title === "Serin" ? "" : " · Serin"}</title>
<style>${style}</style>
</head>
<body>
<nav aria-label="Pages">${groups.join("")}</nav>
<main>
${html}</main>
</body>
</html>
`;
}
