import { unreachable, type Clock, type MemberKey } from "../../base/index.ts";
import type { MembershipChange, NodeStatus } from "../../node/index.ts";
import type { MembershipOutcome } from "../../replica/index.ts";
import { OwnCondition } from "./own-condition.ts";
import type { Action, Plan, PlannedServer } from "./plan-types.ts";
import { plan } from "./plan.ts";
import { ServerWatch } from "./server-watch.ts";
import type { ClusterHealth } from "./server-health.ts";
import type { AutopilotSettings } from "./settings.ts";

export interface AutopilotOptions {
  readonly clock: Clock;
  readonly status: () => NodeStatus;
  readonly settings: () => AutopilotSettings;
  /** For how long the cluster has been led since it began, in ms. */
  readonly clusterAgeMs: () => number;
  readonly change: (changes: readonly MembershipChange[]) => Promise<MembershipOutcome>;
  readonly transfer: (to: MemberKey) => Promise<MembershipOutcome>;
  /** Until then the core makes no voters by itself. */
  readonly hold: (until: number) => void;
  readonly note: (message: string, fields: Readonly<Record<string, string | number>>) => void;
}

/** What autopilot makes of the servers, as one answer. */
export interface AutopilotView {
  /** Times in ms of the wall clock. */
  readonly health: ClusterHealth;
  readonly servers: readonly PlannedServer[];
  readonly waiting: Plan["waiting"];
  /** The last thing that it did or tried in this lead; empty: nothing. */
  readonly lastAction: string;
}

const LOOK_MS = 500;
/** Long enough for a late look; when autopilot stops looking, the core promotes again. */
const HOLD_MS = 10_000;
/** A young cluster does not wait for stability. */
const FORMING_MS = 60_000;
const FORMING_VOTERS = 3;
/** Leadership that was given away for this node's own sake is not given away again so soon. */
const GIVE_AWAY_EVERY_MS = 300_000;
/** While it is being handed over nothing is written: who failed to takes a breath. */
const GIVE_AWAY_AGAIN_MS = 10_000;
/** A new leader is not judged by what its election did to it. */
const LED_MS_MIN = 10_000;

/** Looks at the servers twice a second while this node leads, plans, and does what was planned, one thing at a time. */
export class Autopilot {
  readonly condition = new OwnCondition();
  readonly #options: AutopilotOptions;
  readonly #watch: ServerWatch;
  #leadingSince: number | undefined;
  #plan: Plan = { action: undefined, waiting: [] };
  #lastAction = "";
  #mayGiveAwayFrom = -Infinity;
  #isChanging = false;
  #isStopped = false;

  constructor(options: AutopilotOptions) {
    this.#options = options;
    this.#watch = new ServerWatch(options);
    options.hold(options.clock.now() + HOLD_MS);
    this.#schedule();
  }

  /** As seen now. Only the leader knows of the others. */
  health(): ClusterHealth {
    const { clock } = this.#options;
    const health = this.#watch.look();
    const offset = clock.wall() - clock.now();
    const servers = [...health.servers].map(
      ([id, server]) => [id, { ...server, stableSince: server.stableSince + offset }] as const,
    );
    return { ...health, servers: new Map(servers) };
  }

  view(): AutopilotView {
    const health = this.health();
    const isLeading = this.#leadingSince !== undefined;
    return {
      health,
      servers: this.#watch.planned(),
      waiting: isLeading ? this.#plan.waiting : [],
      lastAction: isLeading ? this.#lastAction : "",
    };
  }

  stop(): void {
    this.#isStopped = true;
  }

  #look(): void {
    const { clock, status, settings, hold } = this.#options;
    hold(clock.now() + HOLD_MS);
    const { core } = status();
    if (core.role !== "leader") {
      this.#leadingSince = undefined;
      this.#lastAction = "";
      this.#watch.forget();
      return;
    }
    const now = clock.now();
    this.#leadingSince ??= now;
    this.#watch.look();
    const ledMs = now - this.#leadingSince;
    const voters = core.membership.voters.length;
    this.#plan = plan({
      servers: this.#watch.planned(),
      settings: settings(),
      ledMs,
      isForming: voters < FORMING_VOTERS || this.#options.clusterAgeMs() < FORMING_MS,
      ownTrouble: this.#mayGiveAway(now, ledMs) ? this.condition.trouble(now) : undefined,
    });
    const { action } = this.#plan;
    if (action !== undefined && !this.#isChanging && !core.isTransferring) void this.#do(action);
  }

  #mayGiveAway(now: number, ledMs: number): boolean {
    return ledMs >= LED_MS_MIN && now >= this.#mayGiveAwayFrom;
  }

  async #do(action: Action): Promise<void> {
    const { note } = this.#options;
    this.#isChanging = true;
    try {
      const outcome = await this.#carryOut(action);
      if (outcome === undefined) return;
      const why = outcome.kind === "rejected" || outcome.kind === "unknown" ? outcome.reason : outcome.kind;
      const said = `${describe(action)}: ${why}`;
      // The same failure twice a second would fill the log.
      if (said !== this.#lastAction) note(`Autopilot ${describe(action)}`, { reason: action.reason, outcome: why });
      this.#lastAction = said;
    } finally {
      this.#isChanging = false;
    }
  }

  /** Undefined: the servers are others by now. */
  async #carryOut(action: Action): Promise<MembershipOutcome | undefined> {
    const { change, transfer, clock } = this.#options;
    const keys = (ids: readonly string[]): readonly MemberKey[] => ids.flatMap((id) => this.#watch.keyOf(id) ?? []);
    switch (action.kind) {
      case "remove": {
        const [key] = keys([action.id]);
        return key === undefined ? undefined : change([{ kind: "remove", key }]);
      }
      case "voters": {
        const promotions = keys(action.promote).map((key) => ({ kind: "promote", key }) as const);
        const demotions = keys(action.demote).map((key) => ({ kind: "demote", key }) as const);
        const isWhole = promotions.length + demotions.length === action.promote.length + action.demote.length;
        return isWhole ? change([...promotions, ...demotions]) : undefined;
      }
      case "transfer": {
        const [key] = keys([action.to]);
        if (key === undefined) return undefined;
        const outcome = await transfer(key);
        const pauseMs = outcome.kind === "done" ? GIVE_AWAY_EVERY_MS : GIVE_AWAY_AGAIN_MS;
        this.#mayGiveAwayFrom = clock.now() + pauseMs;
        return outcome;
      }
      default:
        return unreachable(action);
    }
  }

  #schedule(): void {
    const { clock } = this.#options;
    const due = clock.now() + LOOK_MS;
    clock.at(due, () => {
      if (this.#isStopped) return;
      this.condition.onDelay(clock.now(), clock.now() - due);
      this.#look();
      this.#schedule();
    });
  }
}

function describe(action: Action): string {
  if (action.kind === "remove") return `removes ${action.id}`;
  if (action.kind === "transfer") return `hands leadership to ${action.to}`;
  const parts = [
    ...(action.promote.length > 0 ? [`promotes ${action.promote.join(", ")}`] : []),
    ...(action.demote.length > 0 ? [`demotes ${action.demote.join(", ")}`] : []),
  ];
  return parts.join(" and ");
}
