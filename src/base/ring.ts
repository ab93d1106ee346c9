/** A power of two, as all sizes of a ring are: a place is found by a mask. */
const SLOTS_MIN = 16;

/**
 * Items in a row that grows at its end and is taken from its beginning, in an array that is used again and again: nothing is
 * moved for it, and no room is asked for while as much goes as comes. Places count from the oldest item, which has 0.
 */
export class Ring<Item> {
  #slots: (Item | undefined)[] = emptySlots(SLOTS_MIN);
  /** The slot of the oldest item. */
  #first = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Undefined outside of the row. */
  at(place: number): Item | undefined {
    return place >= 0 && place < this.#length ? this.#slots[this.#slotOf(place)] : undefined;
  }

  last(): Item | undefined {
    return this.at(this.#length - 1);
  }

  push(item: Item): void {
    if (this.#length === this.#slots.length) this.#resize(this.#length * 2);
    this.#slots[this.#slotOf(this.#length)] = item;
    this.#length += 1;
  }

  /** Takes away the oldest `count` items, or all there are. */
  drop(count: number): void {
    const dropped = Math.min(count, this.#length);
    // A slot must not hold on to what is gone.
    for (let place = 0; place < dropped; place += 1) this.#slots[this.#slotOf(place)] = undefined;
    this.#first = this.#slotOf(dropped);
    this.#length -= dropped;
    this.#shrink();
  }

  /** Keeps the oldest `length` items. */
  truncate(length: number): void {
    for (let place = length; place < this.#length; place += 1) this.#slots[this.#slotOf(place)] = undefined;
    this.#length = Math.min(this.#length, length);
    this.#shrink();
  }

  clear(): void {
    this.#slots = emptySlots(SLOTS_MIN);
    this.#first = 0;
    this.#length = 0;
  }

  /** Copies the items from one place up to, but without, another. */
  slice(from: number, to = Infinity): Item[] {
    const items: Item[] = [];
    const end = Math.min(to, this.#length);
    for (let place = Math.max(0, from); place < end; place += 1) {
      const item = this.at(place);
      if (item !== undefined) items.push(item);
    }
    return items;
  }

  #slotOf(place: number): number {
    return (this.#first + place) & (this.#slots.length - 1);
  }

  /** Room is given back late, so that a row of about the same length does not ask for it again. */
  #shrink(): void {
    let size = this.#slots.length;
    while (size > SLOTS_MIN && this.#length < size / 8) size /= 2;
    if (size < this.#slots.length) this.#resize(size);
  }

  #resize(size: number): void {
    const slots = emptySlots<Item>(size);
    for (let place = 0; place < this.#length; place += 1) slots[place] = this.#slots[this.#slotOf(place)];
    this.#slots = slots;
    this.#first = 0;
  }
}

function emptySlots<Item>(size: number): (Item | undefined)[] {
  return Array.from({ length: size }, () => undefined);
}
