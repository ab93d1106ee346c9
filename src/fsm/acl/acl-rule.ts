/** What can be protected, and what one may be allowed to do there. `deny` wins over everything else that matches. */
export const ACL_CAPABILITIES = {
  kv: ["read", "list", "write", "delete", "deny"],
  service: ["read", "register", "deregister", "deny"],
  health: ["read", "write", "deny"],
  session: ["read", "write", "deny"],
  cluster: ["read", "admin", "deny"],
  acl: ["admin", "deny"],
} as const;

export type AclResource = keyof typeof ACL_CAPABILITIES;
export type AclCapability = (typeof ACL_CAPABILITIES)[AclResource][number];

/** Keys for `kv`, names of services for `service` and `health`; the others have no names, and match by prefix "". */
export interface AclMatch {
  /** In a glob, `*` stands for any run of characters, slashes too. */
  readonly kind: "prefix" | "exact" | "glob";
  readonly pattern: string;
}

export interface AclRule {
  readonly resource: AclResource;
  readonly match: AclMatch;
  readonly capabilities: readonly AclCapability[];
}

/** What a request wants to do: to one name, or to all names with a prefix. */
export interface AclNeed {
  readonly resource: AclResource;
  readonly capability: Exclude<AclCapability, "deny">;
  readonly scope: { readonly exact: string } | { readonly prefix: string };
}

/** Whether the union of the rules allows it. A denial that touches any part of what is asked for denies all of it. */
export function isAllowed(rules: readonly AclRule[], { resource, capability, scope }: AclNeed): boolean {
  let isGranted = false;
  for (const rule of rules) {
    if (rule.resource !== resource) continue;
    if (rule.capabilities.includes("deny") && touches(rule.match, scope)) return false;
    const isMeant =
      rule.capabilities.includes(capability) || (capability === "read" && rule.capabilities.includes("admin"));
    if (isMeant && covers(rule.match, scope)) isGranted = true;
  }
  return isGranted;
}

function covers({ kind, pattern }: AclMatch, scope: AclNeed["scope"]): boolean {
  if ("exact" in scope) return matches({ kind, pattern }, scope.exact);
  return kind === "prefix" && scope.prefix.startsWith(pattern);
}

/** Errs on the side of touching: a glob is taken for everything that begins as it does. */
function touches({ kind, pattern }: AclMatch, scope: AclNeed["scope"]): boolean {
  if ("exact" in scope) return matches({ kind, pattern }, scope.exact);
  if (kind === "exact") return pattern.startsWith(scope.prefix);
  const beginning = kind === "glob" ? (pattern.split("*")[0] ?? "") : pattern;
  return beginning.startsWith(scope.prefix) || scope.prefix.startsWith(beginning);
}

function matches({ kind, pattern }: AclMatch, name: string): boolean {
  if (kind === "exact") return name === pattern;
  return kind === "prefix" ? name.startsWith(pattern) : matchesGlob(pattern, name);
}

/** Goes back to the last star only, so that no pattern takes more than pattern × name steps. */
function matchesGlob(pattern: string, name: string): boolean {
  let [at, star, resume] = [0, -1, 0];
  for (let i = 0; i < name.length;) {
    if (pattern[at] === "*") {
      [star, resume] = [at, i];
      at += 1;
    } else if (at < pattern.length && pattern[at] === name[i]) {
      at += 1;
      i += 1;
    } else if (star >= 0) {
      at = star + 1;
      resume += 1;
      i = resume;
    } else return false;
  }
  return /^\**$/.test(pattern.slice(at));
}
