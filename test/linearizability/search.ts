import type { Model, Operation } from "./operation.ts";

/** An order that the model allows, as long as one was found: places in the list that was given. */
export interface LongestOrder<State> {
  readonly order: readonly number[];
  readonly state: State;
}

export type SearchResult<State> =
  | { readonly kind: "linearizable"; readonly order: readonly number[] }
  | { readonly kind: "violation"; readonly longest: LongestOrder<State> }
  | { readonly kind: "undecided" };

/** A place in time: an operation is called, or it returns. Operations of unknown outcome never return. */
interface Moment {
  readonly operation: number;
  readonly isReturn: boolean;
}

const CLOCK_EVERY = 1024;

/**
 * Searches an order of one key's operations that respects time and the model: Wing and Gong's search, with Lowe's
 * memory of (what is done, state) pairs that led nowhere. Exact: the memory holds whole pairs, not their hashes.
 */
export function searchOrder<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  isOutOfTime: () => boolean,
): SearchResult<State> {
  const search = new Search(model, operations);
  for (let round = 1; search.advance(); round += 1) {
    if (round % CLOCK_EVERY === 0 && isOutOfTime()) return { kind: "undecided" };
  }
  return search.result();
}

class Search<State, Input, Output> {
  readonly #model: Model<State, Input, Output>;
  readonly #operations: readonly Operation<Input, Output>[];
  readonly #moments: readonly Moment[];
  /** A ring of moments by place + 1; 0 is its head. Operations that are placed in the order are taken out. */
  readonly #next: number[] = [];
  readonly #previous: number[] = [];
  readonly #callAt: number[] = [];
  readonly #returnAt: number[] = [];
  /** The operation of unknown outcome with the same input that was called before: only after it this one is tried. */
  readonly #twin: (number | undefined)[];
  readonly #done: Bits;
  readonly #seen = new Set<string>();
  readonly #stack: { readonly operation: number; readonly state: State }[] = [];
  #state: State;
  #cursor: number;
  /** Operations with a known outcome that are not in the order yet. */
  #missing: number;
  #longest: LongestOrder<State>;
  #outcome: "open" | "found" | "none" = "open";

  constructor(model: Model<State, Input, Output>, operations: readonly Operation<Input, Output>[]) {
    this.#model = model;
    this.#operations = operations;
    this.#moments = toMoments(operations);
    this.#twin = findTwins(operations);
    this.#done = new Bits(operations.length);
    this.#state = model.initial;
    this.#missing = operations.filter((operation) => operation.output !== undefined).length;
    this.#longest = { order: [], state: model.initial };
    const count = this.#moments.length;
    for (let place = 0; place <= count; place += 1) {
      this.#next.push(place === count ? 0 : place + 1);
      this.#previous.push(place === 0 ? count : place - 1);
      const moment = this.#moments[place - 1];
      if (moment !== undefined) (moment.isReturn ? this.#returnAt : this.#callAt)[moment.operation] = place;
    }
    this.#cursor = at(this.#next, 0);
    if (this.#missing === 0) this.#outcome = "found";
  }

  /** Does one step. False: the search is over. */
  advance(): boolean {
    if (this.#outcome !== "open") return false;
    const moment = this.#cursor === 0 ? undefined : this.#moments[this.#cursor - 1];
    if (moment === undefined || moment.isReturn) this.#backtrack();
    else if (!this.#tryNext(moment.operation)) this.#cursor = at(this.#next, this.#cursor);
    return this.#outcome === "open";
  }

  result(): SearchResult<State> {
    if (this.#outcome === "found") return { kind: "linearizable", order: this.#order() };
    return { kind: "violation", longest: this.#longest };
  }

  #order(): number[] {
    return this.#stack.map((taken) => taken.operation);
  }

  /** Puts an operation next in the order, unless the model forbids it or the same was tried before. */
  #tryNext(place: number): boolean {
    const operation = at(this.#operations, place);
    const isUnknown = operation.output === undefined;
    const twin = this.#twin[place];
    if (twin !== undefined && !this.#done.has(twin)) return false;
    const state = this.#model.step(this.#state, operation.input, operation.output);
    if (state === undefined) return false;
    const text = this.#model.stateText(state);
    // An unknown outcome that changes nothing may as well never happen.
    if (isUnknown && text === this.#model.stateText(this.#state)) return false;
    this.#done.flip(place);
    const memory = `${this.#done.text()}|${text}`;
    if (this.#seen.has(memory)) {
      this.#done.flip(place);
      return false;
    }
    this.#seen.add(memory);
    this.#stack.push({ operation: place, state: this.#state });
    this.#state = state;
    this.#takeOut(place);
    if (!isUnknown) this.#missing -= 1;
    if (this.#missing === 0) this.#outcome = "found";
    this.#cursor = at(this.#next, 0);
    return true;
  }

  /** An operation returned before anything could be placed: the last one placed was wrong. */
  #backtrack(): void {
    // An order grows one by one, so it is copied only where it ends.
    if (this.#stack.length > this.#longest.order.length) this.#longest = { order: this.#order(), state: this.#state };
    const taken = this.#stack.pop();
    if (taken === undefined) {
      this.#outcome = "none";
      return;
    }
    this.#state = taken.state;
    this.#done.flip(taken.operation);
    if (at(this.#operations, taken.operation).output !== undefined) this.#missing += 1;
    this.#putBack(taken.operation);
    this.#cursor = at(this.#next, at(this.#callAt, taken.operation));
  }

  #takeOut(operation: number): void {
    for (const place of [this.#callAt[operation], this.#returnAt[operation]]) {
      if (place === undefined) continue;
      this.#next[at(this.#previous, place)] = at(this.#next, place);
      this.#previous[at(this.#next, place)] = at(this.#previous, place);
    }
  }

  #putBack(operation: number): void {
    for (const place of [this.#returnAt[operation], this.#callAt[operation]]) {
      if (place === undefined) continue;
      this.#next[at(this.#previous, place)] = place;
      this.#previous[at(this.#next, place)] = place;
    }
  }
}

function at<T>(items: readonly T[], place: number): T {
  const item = items[place];
  if (item === undefined) throw new RangeError(`No item at ${place}`);
  return item;
}

/** Calls come before returns of the same time: operations that only touch are concurrent. */
function toMoments(operations: readonly Operation<unknown, unknown>[]): Moment[] {
  const moments: (Moment & { readonly time: number })[] = [];
  for (const [place, operation] of operations.entries()) {
    moments.push({ operation: place, isReturn: false, time: operation.call });
    if (operation.output !== undefined) moments.push({ operation: place, isReturn: true, time: operation.return });
  }
  return moments.toSorted((a, b) => (a.time === b.time ? Number(a.isReturn) - Number(b.isReturn) : a.time - b.time));
}

function findTwins(operations: readonly Operation<unknown, unknown>[]): (number | undefined)[] {
  const twins: (number | undefined)[] = Array.from({ length: operations.length }, () => undefined);
  const lastOf = new Map<string, number>();
  const byCall = [...operations.entries()].toSorted(([, a], [, b]) => a.call - b.call);
  for (const [place, operation] of byCall) {
    if (operation.output !== undefined) continue;
    const text = JSON.stringify(operation.input);
    twins[place] = lastOf.get(text);
    lastOf.set(text, place);
  }
  return twins;
}

/** A set of places as bits, with a short text for sets that are full at the start and empty at the end. */
class Bits {
  readonly #words: Uint16Array;
  /** Words before this one are full; words from `#to` on are empty. */
  #from = 0;
  #to = 0;

  constructor(count: number) {
    this.#words = new Uint16Array(Math.ceil(count / 16));
  }

  has(place: number): boolean {
    return ((this.#words[place >> 4] ?? 0) & (1 << (place & 15))) !== 0;
  }

  flip(place: number): void {
    const words = this.#words;
    const word = place >> 4;
    words[word] = (words[word] ?? 0) ^ (1 << (place & 15));
    this.#from = Math.min(this.#from, word);
    this.#to = Math.max(this.#to, word + 1);
    while (this.#from < this.#to && words[this.#from] === 0xffff) this.#from += 1;
    while (this.#to > this.#from && words[this.#to - 1] === 0) this.#to -= 1;
  }

  text(): string {
    let text = `${this.#from}:`;
    for (let word = this.#from; word < this.#to; word += 1) text += String.fromCharCode(this.#words[word] ?? 0);
    return text;
  }
}
