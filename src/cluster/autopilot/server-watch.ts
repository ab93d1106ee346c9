import { parseMemberKey, type Clock, type MemberKey } from "../../base/index.ts";
import type { NodeStatus } from "../../node/index.ts";
import { failureTolerance } from "../failure-tolerance.ts";
import type { PlannedServer } from "./plan-types.ts";
import { assessHealth, type ClusterHealth, type ServerFacts } from "./server-health.ts";
import type { AutopilotSettings } from "./settings.ts";

/** Contact with a server that this leader has never heard. */
const NEVER = -1;
/** Followers may be as far behind as the leader commits in this time. */
const RATE_MS = 1_000;
/** Whoever looks more often must not push out what was seen a second ago. */
const SAMPLE_EVERY_MS = 100;

interface CommitSample {
  readonly at: number;
  readonly commit: number;
}

/** Follows the health of all servers over time, on the monotonic clock. */
export class ServerWatch {
  readonly #clock: Pick<Clock, "now">;
  readonly #status: () => NodeStatus;
  readonly #settings: () => AutopilotSettings;
  #health: ClusterHealth | undefined;
  /**
   * When each member was first seen in this lead: one that was let in a moment ago has had no time to speak. By key, not by
   * id: a node that comes back with an empty folder is another member than the one that was silent under its id.
   */
  #firstSeen = new Map<MemberKey, number>();
  #commits: readonly CommitSample[] = [];

  constructor(options: {
    readonly clock: Pick<Clock, "now">;
    readonly status: () => NodeStatus;
    readonly settings: () => AutopilotSettings;
  }) {
    this.#clock = options.clock;
    this.#status = options.status;
    this.#settings = options.settings;
  }

  look(): ClusterHealth {
    const status = this.#status();
    const { core, self } = status;
    const now = this.#clock.now();
    const isLeading = core.role === "leader";
    const { lastContactThresholdMs, trailingLogsMax } = this.#settings();
    const health = assessHealth({
      now,
      terms: { lastContactThresholdMs, trailingLogsMax: Math.max(trailingLogsMax, this.#committedLately(core.commit)) },
      leader: core.leader === undefined ? "" : parseMemberKey(core.leader).id,
      leaderLast: isLeading ? { term: core.term, index: core.lastIndex } : undefined,
      servers: [...core.membership.members].map(([key, { id }]) => factsOf(status, key, id, self)),
      before: this.#health,
    });
    const isHealthy = (key: MemberKey): boolean =>
      core.membership.members.has(key) && health.servers.get(parseMemberKey(key).id)?.isHealthy === true;
    this.#health = { ...health, failureTolerance: failureTolerance(core, isHealthy) };
    if (isLeading) {
      this.#firstSeen = new Map(
        [...core.membership.members.keys()].map((key) => [key, this.#firstSeen.get(key) ?? now]),
      );
    }
    return this.#health;
  }

  /** This node does not lead: whom it heard when does not count in its next lead. */
  forget(): void {
    this.#firstSeen.clear();
    this.#health = undefined;
    this.#commits = [];
  }

  keyOf(id: string): MemberKey | undefined {
    return [...this.#status().core.membership.members].find(([, member]) => member.id === id)?.[0];
  }

  /** The servers of the last look, as a plan needs them. */
  planned(): readonly PlannedServer[] {
    const { core, self } = this.#status();
    const now = this.#clock.now();
    return [...core.membership.members].flatMap(([key, member]) => {
      const server = this.#health?.servers.get(member.id);
      if (server === undefined) return [];
      const silent = server.stats.lastContactMs;
      const peer = core.peers.find((one) => one.key === key);
      return {
        id: member.id,
        isVoter: core.membership.voters.includes(key),
        isLeader: key === self,
        isNonVoter: member.nonVoter,
        isHealthy: server.isHealthy,
        isCaughtUp: peer?.isCaughtUp ?? key === self,
        stableMs: now - server.stableSince,
        silentMs: silent === NEVER ? now - (this.#firstSeen.get(key) ?? now) : silent,
        zone: member.zone,
        version: member.version,
      };
    });
  }

  #committedLately(commit: number): number {
    const now = this.#clock.now();
    const recent = this.#commits.filter(({ at }) => at >= now - 2 * RATE_MS);
    const isKnown = now - (recent.at(-1)?.at ?? -Infinity) < SAMPLE_EVERY_MS;
    this.#commits = isKnown ? recent : [...recent, { at: now, commit }];
    const from = recent.find(({ at }) => at <= now - RATE_MS) ?? recent[0];
    if (from === undefined || from.at === now) return 0;
    return Math.ceil(((commit - from.commit) * RATE_MS) / Math.max(RATE_MS, now - from.at));
  }
}

// oxlint-disable-next-line max-params -- one server as the status shows it
function factsOf({ core, now }: NodeStatus, key: MemberKey, id: string, self: MemberKey): ServerFacts {
  const suffrage = core.membership.voters.includes(key) ? "voter" : "non-voter";
  if (key === self) {
    const stats = { lastContactMs: 0, lastTerm: core.term, lastIndex: core.lastIndex };
    return { id, suffrage, isAlive: true, stats };
  }
  const peer = core.peers.find((one) => one.key === key);
  const contact = peer === undefined || peer.lastContact === -Infinity ? NEVER : Math.max(0, now - peer.lastContact);
  // What matches the leader's log has its terms.
  const lastIndex = peer?.match ?? 0;
  const stats = { lastContactMs: contact, lastTerm: lastIndex > 0 ? core.term : 0, lastIndex };
  return { id, suffrage, isAlive: contact !== NEVER, stats };
}
