import { paintFor } from "../../../src/cli/terminal.ts";
import { renderPanel } from "../panel.ts";
import type { Scene } from "../scene.ts";
import { renderTerminal, type Frame } from "./svg.ts";

export interface Film {
  record(scene: Scene): void;
  /** The picture of everything that was recorded, and of these lines last. */
  develop(closing: readonly string[]): string;
}

const COLUMNS = 92;
const MOST_FRAMES = 14;
const SECONDS = { frame: 1.8, ending: 3.5, closing: 5 } as const;

interface Shot {
  readonly lines: readonly string[];
  readonly ended: boolean;
  readonly caught: boolean;
}

/**
 * Keeps what the panel showed last before each change of weight or phase, which is when there was most to see; of a
 * rollback what it showed first, because then the canary's figures are still there.
 */
export function createFilm(): Film {
  const paint = paintFor(true);
  const shots = new Map<string, Shot>();
  return {
    record(scene) {
      const { number, weight, phase, ended } = scene;
      const key = `${number} ${weight} ${ended ?? phase}`;
      const caught = ended === undefined && phase === "RollingBack";
      if (caught && shots.has(key)) return;
      shots.set(key, { lines: renderPanel(scene, COLUMNS, paint), ended: ended !== undefined, caught });
    },
    develop(closing) {
      const chosen = chooseShots([...shots.values()], MOST_FRAMES);
      const frames: Frame[] = chosen.map(({ lines, ended, caught }) => ({
        lines,
        seconds: ended || caught ? SECONDS.ending : SECONDS.frame,
      }));
      const last = { lines: ["", ...closing], seconds: SECONDS.closing };
      const ending = chosen.findLastIndex(({ ended }) => ended);
      const caught = chosen.findLastIndex(({ caught }) => caught);
      return renderTerminal([...frames, last], {
        columns: COLUMNS,
        title: "npm run demo",
        still: caught < 0 ? ending : caught,
      });
    },
  };
}

/** All endings and rollbacks, and of the others as many as there is room for, evenly. */
export function chooseShots<S extends Pick<Shot, "ended" | "caught">>(shots: readonly S[], most: number): readonly S[] {
  const isKey = ({ ended, caught }: S) => ended || caught;
  const others = shots.filter((shot) => !isKey(shot));
  const room = Math.max(0, most - (shots.length - others.length));
  if (others.length <= room) return shots;
  const kept = new Set(Array.from({ length: room }, (_, index) => others[Math.floor((index * others.length) / room)]));
  return shots.filter((shot) => isKey(shot) || kept.has(shot));
}
