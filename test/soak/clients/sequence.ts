/** What one writer wrote to one key: the numbers 0, 1, 2 …, each exactly once. */
export class Sequence {
  readonly key: string;
  /** Of each number that was acknowledged, its modify index. */
  readonly #indexes: number[] = [];

  constructor(key: string) {
    this.key = key;
  }

  acknowledge(number: number, index: number): void {
    this.#indexes[number] = index;
  }

  /** The last number that was acknowledged. */
  get last(): number {
    return this.#indexes.length - 1;
  }

  indexOf(number: number): number | undefined {
    return this.#indexes[number];
  }

  /** Why nobody can have seen this number at this index; undefined: somebody can. */
  contradiction(number: number, index: number): string | undefined {
    const known = this.#indexes[number];
    if (known !== undefined && known !== index) {
      return `${this.key}: ${number} was written at ${known}, and is seen at ${index}`;
    }
    const before = this.#indexes[number - 1];
    if (before !== undefined && index <= before) {
      return `${this.key}: ${number} is seen at ${index}, not behind its predecessor at ${before}`;
    }
    const behind = this.#indexes[number + 1];
    return behind !== undefined && index >= behind
      ? `${this.key}: ${number} is seen at ${index}, not before its successor at ${behind}`
      : undefined;
  }
}
