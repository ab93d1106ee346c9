import { EMPTY_BYTES, fromUtf8, utf8 } from "../../base/index.ts";
import type { AclTables } from "./acl-apply.ts";
import { ANONYMOUS, MANAGEMENT_POLICY, type AclPolicyRow, type AclTokenRow } from "./acl-row.ts";
import { ACL_CAPABILITIES, type AclResource, type AclRule } from "./acl-rule.ts";

/** Who asks, and what the policies say. */
export interface AclIdentity {
  readonly accessor: string;
  readonly rules: readonly AclRule[];
  /** Wall clock, ms since 1970; 0: never. */
  readonly expiresAt: number;
}

/** Reads of access control at the applied index. */
export interface AclQueries {
  /** Rises with every change of a token or policy. */
  readonly version: number;
  /** The token with this hash of a secret. */
  identify(secretHash: string): AclIdentity | undefined;
  /** Requests without a token; without rules unless somebody gave it some. */
  anonymous(): AclIdentity;
  policy(name: string): AclPolicyRow | undefined;
  policies(): readonly (readonly [string, AclPolicyRow])[];
  token(accessor: string): AclTokenRow | undefined;
  tokens(): readonly (readonly [string, AclTokenRow])[];
  /** Calls back after every change; the function it gives ends that. */
  onChange(listener: () => void): () => void;
}

const RESOURCES: readonly AclResource[] = ["kv", "service", "health", "session", "cluster", "acl"];

const EVERYTHING: readonly AclRule[] = RESOURCES.map((resource) => ({
  resource,
  match: { kind: "prefix", pattern: "" },
  capabilities: ACL_CAPABILITIES[resource].filter((one) => one !== "deny"),
}));

/** Derived from the tables, so it is in no snapshot: who has which secret, and what each may do. */
export class AclIndex implements AclQueries {
  readonly #tables: () => AclTables;
  readonly #listeners = new Set<() => void>();
  #accessorByHash: Map<string, string> | undefined;
  readonly #identities = new Map<string, AclIdentity>();
  #version = 0;

  constructor(tables: () => AclTables) {
    this.#tables = tables;
  }

  get version(): number {
    return this.#version;
  }

  /** Something changed: what was derived is void. */
  changed(): void {
    this.#version += 1;
    this.#accessorByHash = undefined;
    this.#identities.clear();
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  identify(secretHash: string): AclIdentity | undefined {
    this.#accessorByHash ??= new Map(
      this.tokens()
        .filter(([, { secretHash: hash }]) => hash !== "")
        .map(([accessor, row]) => [row.secretHash, accessor]),
    );
    const accessor = this.#accessorByHash.get(secretHash);
    return accessor === undefined ? undefined : this.#identity(accessor);
  }

  anonymous(): AclIdentity {
    return this.#identity(ANONYMOUS);
  }

  policy(name: string): AclPolicyRow | undefined {
    return this.#tables().policies.get(utf8(name));
  }

  policies(): readonly (readonly [string, AclPolicyRow])[] {
    return Array.from(this.#tables().policies.range({ from: EMPTY_BYTES }), ([key, row]) => [fromUtf8(key), row]);
  }

  token(accessor: string): AclTokenRow | undefined {
    return this.#tables().tokens.get(utf8(accessor));
  }

  tokens(): readonly (readonly [string, AclTokenRow])[] {
    return Array.from(this.#tables().tokens.range({ from: EMPTY_BYTES }), ([key, row]) => [fromUtf8(key), row]);
  }

  #identity(accessor: string): AclIdentity {
    const known = this.#identities.get(accessor);
    if (known !== undefined) return known;
    const row = this.token(accessor);
    const rules = (row?.policies ?? []).flatMap((name) =>
      name === MANAGEMENT_POLICY ? EVERYTHING : (this.policy(name)?.rules ?? []),
    );
    const identity = { accessor, rules, expiresAt: row?.expiresAt ?? 0 };
    this.#identities.set(accessor, identity);
    return identity;
  }
}
