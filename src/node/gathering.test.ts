import { describe, expect, test } from "bun:test";
import { Gathering } from "./gathering.ts";
import { createManualClock, type ManualClock } from "./testing/manual-clock.ts";

interface Given {
  readonly gathering: Gathering;
  readonly clock: ManualClock;
  readonly asked: () => number;
  /** So many wait, more come a millisecond later, and all leave as soon as they may. For how long they were held, in ms. */
  readonly batch: (waiting: number, underWay?: number, later?: number) => number;
}

function given(): Given {
  const clock = createManualClock();
  let asked = 0;
  const gathering = new Gathering(clock, () => {
    asked += 1;
  });
  const batch = (waiting: number, underWay = 0, later = 0): number => {
    const isHeld = gathering.holds(waiting, underWay);
    if (isHeld) clock.advance(1);
    const all = isHeld ? waiting + later : waiting;
    expect(gathering.holds(all, underWay)).toBe(false);
    gathering.onBatch(all, underWay);
    return isHeld ? 1 : 0;
  };
  return { gathering, clock, asked: () => asked, batch };
}

describe("Gathering", () => {
  test("a client that is alone never waits", () => {
    const { asked, batch } = given();
    expect([batch(1), batch(1), batch(1)]).toEqual([0, 0, 0]);
    expect(asked()).toBe(0);
  });

  test("those that were under way are waited for until nearly all of them are back", () => {
    const { gathering, clock, asked } = given();
    expect(gathering.holds(20, 44)).toBe(true);
    expect(gathering.holds(57, 0)).toBe(true);
    expect(gathering.holds(58, 0)).toBe(false);
    gathering.onBatch(58, 0);
    clock.advance(5);
    expect(asked()).toBe(0);
    expect(gathering.holds(10, 54)).toBe(true);
  });

  test("a wait ends after a millisecond, and it is asked again then", () => {
    const { gathering, clock, asked } = given();
    expect(gathering.holds(1, 63)).toBe(true);
    clock.advance(0.5);
    expect([gathering.holds(2, 62), asked()]).toEqual([true, 0]);
    clock.advance(0.5);
    expect([gathering.holds(2, 62), asked()]).toEqual([false, 1]);
  });

  describe("whose timer", () => {
    function withTimer(): { readonly gathering: Gathering; readonly clock: ManualClock; readonly fire: () => void } {
      const clock = createManualClock();
      let task = (): void => undefined;
      const at = (_: number, run: () => void): { cancel: () => void } => {
        task = run;
        return { cancel: () => undefined };
      };
      return { gathering: new Gathering({ ...clock, at }, () => undefined), clock, fire: () => task() };
    }

    test("comes late ends a wait by the clock", () => {
      const { gathering, clock } = withTimer();
      expect(gathering.holds(1, 63)).toBe(true);
      clock.advance(1);
      expect(gathering.holds(40, 24)).toBe(false);
    });

    test("comes before the clock says so ends a wait as well", () => {
      const { gathering, fire } = withTimer();
      expect(gathering.holds(1, 63)).toBe(true);
      fire();
      expect(gathering.holds(1, 63)).toBe(false);
    });
  });

  test("a load that ended costs one wait", () => {
    const { batch } = given();
    expect([batch(64), batch(1), batch(1), batch(1), batch(1)]).toEqual([0, 1, 0, 0, 0]);
  });

  /** How many calls of `batch` have nothing held before each of so many that have. */
  function gapsOf(held: number, batch: () => number): number[] {
    return Array.from({ length: held }, () => {
      let gap = 0;
      while (batch() === 0) gap += 1;
      return gap;
    });
  }

  test("a wait is not in vain when enough have come just as it ends", () => {
    const { gathering, clock, batch } = given();
    expect(gathering.holds(4, 6)).toBe(true);
    clock.advance(1);
    expect(gathering.holds(9, 1)).toBe(false);
    gathering.onBatch(9, 1);
    expect(batch(4, 6)).toBe(1);
  });

  test("waits in vain become rare: few come, as most think", () => {
    const { batch } = given();
    // Ten come together between, so that ten are expected; of the eight that are missing two would be enough.
    const thinking = (): number => (batch(10) === 0 ? batch(2, 0, 1) : 1);
    expect(gapsOf(8, thinking)).toEqual([0, 0, 1, 3, 7, 15, 31, 31]);
    const back = (): number => (batch(10) === 0 ? batch(2, 0, 2) : 1);
    expect(gapsOf(4, back).slice(1)).toEqual([0, 0, 0]);
  });

  test("waits in vain become rare: those that are missing have no answer, as peers are far away", () => {
    const { batch } = given();
    expect(gapsOf(9, () => batch(20, 44, 30))).toEqual([0, 1, 3, 7, 15, 31, 63, 63, 63]);
    const near = (): number => batch(20, 5, 40);
    expect(gapsOf(3, near)).toEqual([63, 0, 0]);
  });

  test("a wait that ended early, as enough came, ends the rest after waits in vain", () => {
    const { gathering, batch } = given();
    expect(gapsOf(3, () => batch(6, 58))).toEqual([0, 1, 3]);
    for (let rest = 0; rest < 7; rest += 1) expect(batch(6, 58)).toBe(0);
    expect(gathering.holds(6, 58)).toBe(true);
    expect(gathering.holds(60, 4)).toBe(false);
    gathering.onBatch(60, 4);
    expect(gapsOf(2, () => batch(6, 58))).toEqual([0, 1]);
  });

  test("a wait that was cancelled asks nobody, and the next begins anew", () => {
    const { gathering, clock, asked } = given();
    expect(gathering.holds(1, 63)).toBe(true);
    gathering.cancel();
    clock.advance(5);
    expect(asked()).toBe(0);
    expect(gathering.holds(1, 63)).toBe(true);
  });
});
