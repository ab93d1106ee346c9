/**
 * A running hash over everything that happened: equal hashes mean equal runs. Lines are only made when somebody wants
 * to read them.
 */
export class Trace {
  readonly #write: ((line: string) => void) | undefined;
  #a = 0x811c9dc5;
  #b = 0x9e3779b9;

  constructor(write?: (line: string) => void) {
    this.#write = write;
  }

  get hash(): string {
    return (this.#a >>> 0).toString(16).padStart(8, "0") + (this.#b >>> 0).toString(16).padStart(8, "0");
  }

  get isRead(): boolean {
    return this.#write !== undefined;
  }

  mix(value: number): void {
    const whole = Math.floor(value * 1024) | 0;
    this.#a = Math.imul(this.#a ^ whole, 0x01000193) ^ (this.#a >>> 13);
    this.#b = (Math.imul(this.#b + whole, 0x85ebca6b) ^ (this.#b >>> 15)) | 0;
  }

  mixText(text: string): void {
    for (let at = 0; at < text.length; at += 1) this.mix(text.charCodeAt(at));
  }

  /** `line` is called only when the trace is read. */
  line(now: number, line: () => string): void {
    this.#write?.(`${now.toFixed(3).padStart(11)} ${line()}`);
  }
}
