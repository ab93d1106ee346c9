import type { Clock } from "../base/index.ts";
import { isAllowed, type AclIdentity, type AclNeed, type KonsulFsm } from "../fsm/index.ts";
import type { Replica } from "../replica/index.ts";
import { ApiError } from "./errors.ts";
import { readFailure } from "./failures.ts";

export interface AccessTerms {
  readonly isEnabled: boolean;
  /** Where no rule says anything. Rights over access control itself are never given so. */
  readonly isAllowedByDefault: boolean;
  /** A node that has not heard a leader for longer may not know of rights that were taken away: it denies all. */
  readonly staleMsMax: number;
  readonly isMetricsPublic: boolean;
}

export interface AccessDeps {
  readonly replica: Replica & { readonly fsm: KonsulFsm };
  readonly clock: Clock;
  readonly access: AccessTerms;
}

/** What one request may do. Decided from this node's own state, in the same way on every node. */
export class Access {
  readonly #deps: AccessDeps;
  readonly #secretHash: string | undefined;
  #asked: readonly AclNeed[] = [];
  #version = -1;
  /** Whether anything was asked at all: an answer that nobody asked for is a mistake of this program. */
  isDecided = false;

  constructor(deps: AccessDeps, request: Request) {
    this.#deps = deps;
    this.#secretHash = deps.access.isEnabled ? hashSecret(secretOf(request)) : undefined;
  }

  /** Everything is allowed to everybody. */
  get isOff(): boolean {
    return !this.#deps.access.isEnabled;
  }

  /** For logs: the accessor, never the secret. */
  get actor(): string {
    if (!this.#deps.access.isEnabled) return "anybody";
    return this.#identify()?.accessor ?? "unknown";
  }

  /** Nothing needs to be allowed. */
  open(): void {
    this.isDecided = true;
  }

  /** Undefined: allowed, known at once. @throws ApiError (or rejects with one) */
  demand(needs: readonly AclNeed[]): undefined | Promise<undefined> {
    this.isDecided = true;
    this.#asked = [...this.#asked, ...needs];
    if (!this.#deps.access.isEnabled) return undefined;
    if (this.#identify() === undefined && !this.#isLeading()) return this.#demandLate(needs);
    this.#decide(needs);
    return undefined;
  }

  /** Again, after something was waited for: rights may have been taken away. @throws ApiError */
  confirm(): void {
    const isUnchanged = this.#asked.length === 0 || this.#version === this.#deps.replica.fsm.acl.version;
    if (!this.#deps.access.isEnabled || isUnchanged) return;
    this.#decide(this.#asked);
  }

  /** As `confirm`, whatever changed; for streams. */
  denial(): ApiError | undefined {
    if (!this.#deps.access.isEnabled) return undefined;
    try {
      this.#decide(this.#asked);
      return undefined;
    } catch (cause) {
      if (cause instanceof ApiError) return cause;
      throw cause;
    }
  }

  /** The token may be so new that this follower has not heard of it: what the leader has is fetched first. */
  async #demandLate(needs: readonly AclNeed[]): Promise<undefined> {
    const failure = await this.#deps.replica.prepareRead({ isConsistent: true });
    if (failure !== undefined) throw readFailure(failure);
    this.#decide(needs);
    return undefined;
  }

  #decide(needs: readonly AclNeed[]): void {
    const { replica, clock, access } = this.#deps;
    const identity = this.#identify();
    if (identity === undefined) {
      throw new ApiError("unauthenticated", "The token is not known: it was deleted, or is mistyped");
    }
    if (identity.expiresAt > 0 && identity.expiresAt <= clock.wall()) {
      throw new ApiError("unauthenticated", "The token has expired: ask for a new one");
    }
    const { hasLeader, lastContactMs } = replica.stance();
    if (!hasLeader && lastContactMs > access.staleMsMax) {
      throw new ApiError(
        "permission_denied",
        "This node has not heard a leader for longer than acl.max_stale, so it cannot know what is still allowed",
      );
    }
    this.#version = replica.fsm.acl.version;
    const missing = needs.find((need) => !this.#allows(identity, need));
    if (missing !== undefined) throw denied(missing, this.#secretHash === undefined);
  }

  #allows({ rules }: AclIdentity, need: AclNeed): boolean {
    if (!this.#deps.access.isAllowedByDefault || need.resource === "acl") return isAllowed(rules, need);
    const name = "exact" in need.scope ? "exact" : "prefix";
    const pattern = "exact" in need.scope ? need.scope.exact : need.scope.prefix;
    const { resource, capability } = need;
    return isAllowed([...rules, { resource, match: { kind: name, pattern }, capabilities: [capability] }], need);
  }

  #identify(): AclIdentity | undefined {
    const { acl } = this.#deps.replica.fsm;
    return this.#secretHash === undefined ? acl.anonymous() : acl.identify(this.#secretHash);
  }

  #isLeading(): boolean {
    return this.#deps.replica.status().core.role === "leader";
  }
}

/** As tokens keep it. What is compared are hashes, so that no time that it takes says anything about a secret. */
export function hashSecret(secret: string): string;
export function hashSecret(secret: string | undefined): string | undefined;
export function hashSecret(secret: string | undefined): string | undefined {
  return secret === undefined ? undefined : new Bun.CryptoHasher("sha256").update(secret).digest("hex");
}

function secretOf({ headers }: Request): string | undefined {
  const own = headers.get("x-konsul-token");
  if (own !== null && own !== "") return own;
  return /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
}

function denied({ resource, capability, scope }: AclNeed, isAnonymous: boolean): ApiError {
  const what =
    resource === "session" || resource === "cluster" || resource === "acl"
      ? ""
      : "exact" in scope
        ? ` on "${scope.exact}"`
        : ` on everything that begins with "${scope.prefix}"`;
  const missing = `${resource}:${capability}`;
  const fields = { fields: { missing } };
  return isAnonymous
    ? new ApiError("unauthenticated", `This needs ${missing}${what}: send a token that has it`, fields)
    : new ApiError("permission_denied", `The token lacks ${missing}${what}`, fields);
}
