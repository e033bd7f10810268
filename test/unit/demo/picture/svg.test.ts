import { describe, expect, test } from "vitest";
import { paintFor } from "../../../../src/cli/terminal.ts";
import { renderTerminal } from "../../../demo/picture/svg.ts";

const paint = paintFor(true);
const look = { columns: 20, title: "npm run <demo>", still: 1 };
const draw = (...lines: string[]) => renderTerminal([{ lines, seconds: 1 }], look);

describe("a terminal as SVG", () => {
  test("has the size of its columns and of the tallest frame", () => {
    const two = renderTerminal(
      [
        { lines: ["a", "b", "c"], seconds: 1 },
        { lines: ["d"], seconds: 1 },
      ],
      look,
    );
    expect(two).toMatch(/^<svg [^>]*viewBox="0 0 196 106" width="196" height="106"/);
  });

  test("shows one frame at a time, each for its share, and one of them to those without animations", () => {
    const picture = renderTerminal(
      [
        { lines: ["a"], seconds: 3 },
        { lines: ["b"], seconds: 1 },
      ],
      look,
    );
    expect(picture).toContain("@keyframes k0{0%{visibility:visible}75%{visibility:hidden}}");
    expect(picture).toContain("@keyframes k1{0%{visibility:hidden}75%{visibility:visible}}");
    expect(picture).toContain("animation:4s step-end infinite}#f1{visibility:visible}");
    expect(picture.match(/<g class="f"/g)).toHaveLength(2);
  });

  test("puts each word stretch at its column, with its colours", () => {
    const picture = draw(`ab  ${paint("red", "cd")}  ${paint("bold", "ef")}`);
    expect(picture).toContain('<text x="18" y="53" textLength="16">ab</text>');
    expect(picture).toContain('<text class="r" x="50" y="53" textLength="16">cd</text>');
    expect(picture).toContain('<text class="b" x="82" y="53" textLength="16">ef</text>');
  });

  test("draws bars and rules instead of writing them", () => {
    const picture = draw(paint("green", "██░▄"), "──");
    expect(picture).not.toMatch(/<text[^>]*>[█░▄─]/);
    expect(picture).toContain('<rect class="g" x="18" y="42" width="16" height="14"/>');
    expect(picture).toContain('<rect class="g" x="42" y="49" width="8" height="7"/>');
  });

  test("escapes what XML would take for its own", () => {
    expect(draw("a <b> & c")).toContain(">a &lt;b&gt; &amp; c</text>");
    expect(draw("")).toContain("<title>npm run &lt;demo&gt;</title>");
  });

  test("uses nothing from elsewhere", () => {
    expect(draw("a")).not.toMatch(/href|url\(|@import|<script|<image|foreignObject/);
  });
});
