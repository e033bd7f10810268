import { describe, expect, test } from "vitest";
import { createScreen } from "../../demo/screen.ts";

function terminal(size: { columns?: number; rows?: number } = {}) {
  const written: string[] = [];
  const output = { write: (text: string) => written.push(text), columns: 80, rows: 30, ...size };
  return { output, written, screen: createScreen(output) };
}

describe("a screen", () => {
  test("draws in one write, over what it drew before", () => {
    const { screen, written } = terminal();
    screen.draw(["a", "b"]);
    screen.draw(["c", "d"]);
    expect(written).toHaveLength(2);
    expect(written[0]).toContain("a\u001b[K\nb\u001b[K\n");
    expect(written[0]).not.toMatch(/\[\d+A/);
    expect(written[1]).toContain("\u001b[2A\rc\u001b[K\nd\u001b[K\n");
  });

  test("never clears before it draws", () => {
    const { screen, written } = terminal();
    screen.draw(["a", "b"]);
    screen.draw(["c"]);
    expect(written[1]?.indexOf("\u001b[J")).toBeGreaterThan(written[1]?.indexOf("c") ?? Infinity);
  });

  test("puts lines that stay above the drawing", () => {
    const { screen, written } = terminal();
    screen.draw(["panel"]);
    screen.print(["news"]);
    screen.draw(["panel"]);
    expect(written[1]).toContain("\u001b[1A\rnews\u001b[K\npanel\u001b[K\n");
    expect(written[2]).toContain("\u001b[1A\rpanel");
  });

  test("draws no more lines than it could go back over", () => {
    const { screen, written } = terminal({ rows: 3 });
    screen.draw(["a", "b", "c", "d"]);
    expect(written[0]).toContain("b\u001b[K\n\u001b[J");
  });

  test("begins anew when the width has changed", () => {
    const { screen, written, output } = terminal();
    screen.draw(["a"]);
    output.columns = 60;
    screen.draw(["a"]);
    expect(written[1]).toContain("\u001b[2J\u001b[H");
  });

  test("hides the cursor while it draws and gives it back once", () => {
    const { screen, written } = terminal();
    screen.end();
    screen.draw(["a"]);
    screen.end();
    screen.end();
    const all = written.join("");
    expect(all.split("\u001b[?25l")).toHaveLength(2);
    expect(all.split("\u001b[?25h")).toHaveLength(2);
    expect(all.endsWith("\u001b[?25h")).toBe(true);
  });
});
