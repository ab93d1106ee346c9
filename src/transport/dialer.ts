import type { Clock, MemberKey, Timer } from "../base/index.ts";
import type { Member } from "../raft/index.ts";
import type { Connection } from "./connection.ts";
import { parseHostPort, type DialFailure, type HostPort } from "./sockets.ts";

const BACKOFF_MS_MIN = 25;
const BACKOFF_MS_MAX = 2_000;
/** A dial into silence: the kernel would wait for minutes. */
const DIAL_MS_MAX = 2_000;

export interface DialerOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** Starts a connection to this member's process. */
  readonly open: (to: HostPort, key: MemberKey, onFailure: (failure: DialFailure) => void) => Connection;
  /** Nobody listens at the address of a process that was connected before. */
  readonly onRefused: (key: MemberKey) => void;
}

/** Keeps one dialed connection to a member warm, with back-off and jitter while it cannot be had. */
export class Dialer {
  readonly #options: DialerOptions;
  readonly #member: Member;
  readonly #key: MemberKey;
  #connection: Connection | undefined;
  #timer: Timer | undefined;
  #failures = 0;
  #isStopped = false;

  constructor(options: DialerOptions, member: Member, key: MemberKey) {
    this.#options = options;
    this.#member = member;
    this.#key = key;
  }

  get address(): string {
    return this.#member.address;
  }

  dial(): void {
    this.#timer?.cancel();
    if (this.#isStopped || (this.#connection !== undefined && !this.#connection.isClosed)) return;
    const to = parseHostPort(this.#member.address);
    if (to === undefined) return;
    const connection = this.#options.open(to, this.#key, ({ isRefused }) => {
      connection.onClose();
      if (isRefused) this.#options.onRefused(this.#key);
    });
    this.#connection = connection;
    this.#timer = this.#options.clock.at(this.#options.clock.now() + DIAL_MS_MAX, () => {
      if (!connection.isReady) connection.close();
    });
  }

  /** Our connection is ready: the next loss is answered by an immediate redial. */
  onReady(connection: Connection): void {
    if (connection !== this.#connection) return;
    this.#timer?.cancel();
    this.#failures = 0;
  }

  /** A connection to this member was closed; ours is dialed again. */
  onClosed(connection: Connection): void {
    if (connection !== this.#connection || this.#isStopped) return;
    this.#connection = undefined;
    this.#timer?.cancel();
    const wait =
      this.#failures === 0 ? 0 : Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(10, this.#failures));
    this.#failures += 1;
    const { clock, random } = this.#options;
    this.#timer = clock.at(clock.now() + wait * (0.5 + random() / 2), () => this.dial());
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#connection?.close();
  }
}
