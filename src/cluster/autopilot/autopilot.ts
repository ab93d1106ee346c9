import { parseMemberKey, type Clock, type MemberKey } from "../../base/index.ts";
import type { NodeStatus } from "../../node/index.ts";
import type { MembershipOutcome } from "../../replica/index.ts";
import { nextDeadServer } from "./dead-servers.ts";
import { assessHealth, type ClusterHealth, type ServerFacts, type ServerState } from "./server-health.ts";

/** Times in ms. */
export interface AutopilotSettings {
  readonly cleanupDeadServers: boolean;
  readonly lastContactThresholdMs: number;
  readonly trailingLogsMax: number;
  readonly minQuorum: number;
  /** A voter that was not heard for this long is taken for gone for good. */
  readonly deadServerAfterMs: number;
  /** A cluster is looked at, but not changed, until it has led for this long. */
  readonly stabilizationMs: number;
}

export interface AutopilotOptions {
  readonly clock: Clock;
  readonly status: () => NodeStatus;
  readonly settings: () => AutopilotSettings;
  readonly remove: (key: MemberKey) => Promise<MembershipOutcome>;
  readonly note: (message: string, fields: Readonly<Record<string, string | number>>) => void;
}

const LOOK_MS = 2_000;
/** Contact with a server that this leader has never heard. */
const NEVER = -1;

/**
 * Looks at the servers every two seconds while this node leads, and removes dead ones. Learners that caught up are
 * promoted by the core itself.
 */
export class Autopilot {
  readonly #options: AutopilotOptions;
  #health: ClusterHealth | undefined;
  /**
   * When each member was first seen in this lead: one that was let in a moment ago has had no time to speak. By key, not by
   * id: a node that comes back with an empty folder is another member than the one that was silent under its id.
   */
  #firstSeen = new Map<MemberKey, number>();
  #leadingSince: number | undefined;
  #isChanging = false;
  #isStopped = false;

  constructor(options: AutopilotOptions) {
    this.#options = options;
    this.#schedule();
  }

  /** As seen now. Only the leader knows of the others. */
  health(): ClusterHealth {
    const { clock, settings, status } = this.#options;
    const now = status();
    const { core, self } = now;
    const isLeading = core.role === "leader";
    const { lastContactThresholdMs, trailingLogsMax } = settings();
    this.#health = assessHealth({
      now: clock.wall(),
      terms: { lastContactThresholdMs, trailingLogsMax },
      leader: core.leader === undefined ? "" : parseMemberKey(core.leader).id,
      leaderLast: isLeading ? { term: core.term, index: core.lastIndex } : undefined,
      servers: [...core.membership.members].map(([key, { id }]) => this.#facts(now, key, id, self)),
      before: this.#health,
    });
    return this.#health;
  }

  stop(): void {
    this.#isStopped = true;
  }

  // oxlint-disable-next-line max-params -- one server as the status shows it
  #facts({ core, now }: NodeStatus, key: MemberKey, id: string, self: MemberKey): ServerFacts {
    const suffrage = core.membership.voters.includes(key) ? "voter" : "non-voter";
    const peer = core.peers.find((one) => one.key === key);
    if (key === self) {
      return {
        id,
        suffrage,
        isAlive: true,
        stats: { lastContactMs: 0, lastTerm: core.term, lastIndex: core.lastIndex },
      };
    }
    const contact = peer === undefined || peer.lastContact === -Infinity ? NEVER : Math.max(0, now - peer.lastContact);
    // What matches the leader's log has its terms.
    const lastIndex = peer?.match ?? 0;
    const stats = { lastContactMs: contact, lastTerm: lastIndex > 0 ? core.term : 0, lastIndex };
    return { id, suffrage, isAlive: contact !== NEVER, stats };
  }

  #look(): void {
    const { clock, status, settings } = this.#options;
    const { core } = status();
    if (core.role !== "leader") {
      this.#leadingSince = undefined;
      this.#firstSeen.clear();
      return;
    }
    this.#leadingSince ??= clock.now();
    const health = this.health();
    const now = clock.now();
    const { members } = core.membership;
    this.#firstSeen = new Map([...members.keys()].map((key) => [key, this.#firstSeen.get(key) ?? now]));
    const keyOf = (id: string): MemberKey | undefined => [...members].find(([, member]) => member.id === id)?.[0];
    const { cleanupDeadServers, deadServerAfterMs, stabilizationMs, minQuorum } = settings();
    const isSettled = clock.now() - this.#leadingSince >= Math.max(stabilizationMs, deadServerAfterMs);
    if (!cleanupDeadServers || !isSettled || this.#isChanging) return;
    const id = nextDeadServer(
      [...health.servers.values()].map((server) => ({
        id: server.id,
        isVoter: server.state === "leader" || server.state === "voter",
        isDead: this.#silentMs(server, keyOf(server.id), now) >= deadServerAfterMs,
      })),
      minQuorum,
    );
    const key = id === undefined ? undefined : keyOf(id);
    if (id !== undefined && key !== undefined) void this.#remove(key, id);
  }

  #silentMs({ stats }: ServerState, key: MemberKey | undefined, now: number): number {
    if (stats.lastContactMs !== NEVER) return stats.lastContactMs;
    return key === undefined ? 0 : now - (this.#firstSeen.get(key) ?? now);
  }

  async #remove(key: MemberKey, id: string): Promise<void> {
    const { remove, note } = this.#options;
    this.#isChanging = true;
    try {
      const outcome = await remove(key);
      if (outcome.kind === "done") note("Autopilot removed a server that was not heard for too long", { node: id });
      else note("Autopilot could not remove a server that is not heard", { node: id, outcome: outcome.kind });
    } finally {
      this.#isChanging = false;
    }
  }

  #schedule(): void {
    const { clock } = this.#options;
    clock.at(clock.now() + LOOK_MS, () => {
      if (this.#isStopped) return;
      this.#look();
      this.#schedule();
    });
  }
}
