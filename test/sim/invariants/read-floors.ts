import type { LogIndex, MemberKey } from "../../../src/base/index.ts";
import type { Fail } from "./reporter.ts";

/** A read index covers everything that was acknowledged to anybody before it was asked for. @see thesis §6.4 */
export class ReadFloors {
  readonly #fail: Fail;
  /**
   * By who asks and the number of its question. The first one counts: a question or its answer may be lost or doubled and
   * is asked again under the same number, and a new process counts anew.
   */
  readonly #floors = new Map<string, LogIndex>();

  constructor(fail: Fail) {
    this.#fail = fail;
  }

  onAsked(by: MemberKey, request: number, acked: LogIndex): void {
    const name = `${by} ${request}`;
    if (!this.#floors.has(name)) this.#floors.set(name, acked);
  }

  onAnswered(
    by: MemberKey,
    answer: { readonly to: MemberKey; readonly request: number; readonly index: LogIndex },
  ): void {
    const floor = this.#floors.get(`${answer.to} ${answer.request}`);
    if (floor === undefined || answer.index >= floor) return;
    this.#fail(
      "reads are linearizable",
      `${by} gives ${answer.to} the read index ${answer.index}, acknowledged before it was asked was ${floor}`,
    );
  }
}
