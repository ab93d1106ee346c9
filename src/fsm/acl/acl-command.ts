import type { LogIndex } from "../../base/index.ts";
import type { AclRule } from "./acl-rule.ts";

/** Makes or replaces a policy. */
export interface AclPolicySet {
  readonly kind: "acl-policy-set";
  readonly name: string;
  readonly description: string;
  readonly rules: readonly AclRule[];
}

export interface AclPolicyDelete {
  readonly kind: "acl-policy-delete";
  readonly name: string;
}

export interface AclTokenCreate {
  readonly kind: "acl-token-create";
  readonly accessor: string;
  /** SHA-256 of the secret, in lower-case hex: the secret itself is nowhere. */
  readonly secretHash: string;
  readonly description: string;
  readonly policies: readonly string[];
  /** Wall clock, ms since 1970; 0: never. */
  readonly expiresAt: number;
}

/** The secret and the expiry stay. The token `anonymous` is made when it is not there. */
export interface AclTokenUpdate {
  readonly kind: "acl-token-update";
  readonly accessor: string;
  readonly description: string;
  readonly policies: readonly string[];
}

export interface AclTokenDelete {
  readonly kind: "acl-token-delete";
  readonly accessor: string;
}

/** The first token, which may do everything. Works once; again only with the index that the refusal gave. */
export interface AclBootstrap {
  readonly kind: "acl-bootstrap";
  readonly accessor: string;
  readonly secretHash: string;
  /** 0: none. */
  readonly resetIndex: LogIndex;
}

export type AclCommand =
  | AclPolicySet
  | AclPolicyDelete
  | AclTokenCreate
  | AclTokenUpdate
  | AclTokenDelete
  | AclBootstrap;

/** What applying such a command came to. */
export type AclResult =
  | { readonly kind: "acl-changed"; readonly modifyIndex: LogIndex }
  | { readonly kind: "acl-not-found" }
  | { readonly kind: "acl-exists" }
  | { readonly kind: "acl-built-in" }
  | { readonly kind: "acl-unknown-policy"; readonly name: string }
  | { readonly kind: "acl-policy-in-use"; readonly accessor: string }
  | { readonly kind: "acl-bootstrapped"; readonly index: LogIndex };
