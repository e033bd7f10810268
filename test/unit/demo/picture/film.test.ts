import { describe, expect, test } from "vitest";
import { chooseShots, createFilm } from "../../../demo/picture/film.ts";
import { sceneWith } from "../scenes.ts";

const framesOf = (picture: string) => picture.match(/<g class="f".*<\/g>/g) ?? [];

describe("a film", () => {
  test("has a frame for each weight and phase, the last moment of it, and the closing", () => {
    const film = createFilm();
    film.record(sceneWith({ weight: 10, message: "early" }));
    film.record(sceneWith({ weight: 10, message: "late" }));
    film.record(sceneWith({ weight: 50, message: "half" }));
    const frames = framesOf(film.develop(["the end"]));
    expect(frames.map((frame) => /early|late|half|the end/.exec(frame)?.[0])).toEqual(["late", "half", "the end"]);
  });

  test("has the first moment of a rollback, and shows it to those without animations", () => {
    const film = createFilm();
    film.record(sceneWith({ weight: 10 }));
    film.record(sceneWith({ weight: 0, phase: "RollingBack", message: "caught" }));
    film.record(sceneWith({ weight: 0, phase: "RollingBack", message: "waiting" }));
    film.record(sceneWith({ weight: 0, phase: "RolledBack", ended: "RolledBack" }));
    const picture = film.develop(["the end"]);
    expect(framesOf(picture)[1]).toContain("caught");
    expect(picture).toContain("#f1{visibility:visible}");
  });

  test("leaves out moments evenly when there are too many, but no ending and no rollback", () => {
    const shots = Array.from({ length: 12 }, (_, index) => ({ index, ended: index === 11, caught: index === 10 }));
    expect(chooseShots(shots, 6).map(({ index }) => index)).toEqual([0, 2, 5, 7, 10, 11]);
    expect(chooseShots(shots, 12)).toHaveLength(12);
  });

  test("of long releases stays small", () => {
    const film = createFilm();
    for (let weight = 0; weight <= 100; weight += 1)
      film.record(sceneWith({ weight, message: "many words ".repeat(40) }));
    expect(film.develop(["the end"]).length).toBeLessThan(200_000);
  });
});
