// How the demo is watched: on a terminal as a panel that is drawn in place, elsewhere line by line.
import type { Paint } from "../../src/cli/terminal.ts";
import { createNarrator } from "./narrator.ts";
import type { EventView } from "./observed.ts";
import { renderPanel } from "./panel.ts";
import type { Scene } from "./scene.ts";
import { createScreen, type TerminalOutput } from "./screen.ts";

export interface View {
  show(scene: Scene): void;
  /** `at` counts from the start of the release, in milliseconds. */
  event(event: EventView): void;
  /** Lines that stay. */
  say(lines: readonly string[]): void;
  /** Nothing more is shown. May be called again. */
  end(): void;
}

const NARROWEST = 70;
const WIDEST = 100;

export function createView(output: TerminalOutput & { readonly isTTY?: boolean | undefined }, paint: Paint): View {
  return output.isTTY === true ? panelView(output, paint) : lineView(output);
}

function panelView(output: TerminalOutput, paint: Paint): View {
  const screen = createScreen(output);
  let ended = false;
  return {
    show(scene) {
      if (ended) return;
      // One column less, because some terminals break the line behind the last one.
      const width = Math.min(WIDEST, Math.max(NARROWEST, (output.columns ?? 80) - 1));
      screen.draw(["", ...renderPanel(scene, width, paint)]);
    },
    event: () => undefined,
    say(lines) {
      if (!ended) screen.print(lines);
    },
    end() {
      ended = true;
      screen.end();
    },
  };
}

function lineView(output: TerminalOutput): View {
  const narrator = createNarrator();
  const write = (lines: readonly string[]): void => lines.forEach((line) => output.write(`${line}\n`));
  return {
    show: (scene) => write(narrator.show(scene)),
    event: (event) => write(narrator.event(event)),
    say: write,
    end: () => undefined,
  };
}
