/** Clients are numbered below this. */
const CLIENTS_MAX = 100;

/** Numbers what clients ask, so that a failing run can be played again with less of it. */
export class Asks {
  readonly #wanted: ReadonlySet<number> | undefined;
  /** What took place, in order. */
  readonly taken: number[] = [];

  constructor(wanted?: readonly number[]) {
    this.#wanted = wanted === undefined ? undefined : new Set(wanted);
  }

  /** Whether the n-th operation of a client takes place. */
  take(client: number, place: number): boolean {
    const number = place * CLIENTS_MAX + client;
    if (this.#wanted?.has(number) === false) return false;
    this.taken.push(number);
    return true;
  }
}
