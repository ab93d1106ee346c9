export interface Parameter {
  readonly name: string;
  readonly in: "query" | "path" | "header";
  readonly required?: boolean;
  readonly description: string;
  readonly schema: { readonly type: string };
}

export const query = (name: string, type: string, description: string): Parameter => ({
  name,
  in: "query",
  description,
  schema: { type },
});

export const READ: readonly Parameter[] = [
  query("consistent", "boolean", "linearizable, on any node; without it the answer is this node's own state"),
  query("index", "integer", "blocks until something the read covers changed after this index"),
  query("wait", "string", "longest wait of a blocking read, such as 30s"),
  query("min_index", "integer", "waits until this node has applied this index"),
  query("max_stale", "string", "refuses when the leader was not heard for longer"),
];

export const KEY: Parameter = {
  name: "key",
  in: "path",
  required: true,
  description: "1 to 1024 bytes of UTF-8, percent-encoded; slashes may stand as they are",
  schema: { type: "string" },
};

export const CAS = query("cas", "integer", "only if the key's modify_index is this; 0: only if the key is absent");

export const ACCESSOR: Parameter = {
  name: "id",
  in: "path",
  required: true,
  description: "accessor id of the token, not its secret",
  schema: { type: "string" },
};
export const POLICY: Parameter = {
  name: "name",
  in: "path",
  required: true,
  description: "name of the policy",
  schema: { type: "string" },
};

export const SESSION: Parameter = {
  name: "id",
  in: "path",
  required: true,
  description: "id of the session, as POST /sessions gave it",
  schema: { type: "string" },
};
export const SESSION_READ = READ.filter(({ name }) => name !== "index" && name !== "wait");

export const NAME: Parameter = {
  name: "name",
  in: "path",
  required: true,
  description: "name of the service",
  schema: { type: "string" },
};
export const INSTANCE = query(
  "id",
  "string",
  "the instance; without it the one that has the service's name as id, or all",
);
export const PASSING = query("passing", "boolean", "only instances that pass");
export const FILTERS = [
  query("tag", "string", "only instances with this tag"),
  query("meta", "string", "only instances with this NAME:VALUE"),
];

export const LOCAL = query("local", "boolean", "this node takes it, whether it leads or not");
export const NODE: Parameter = {
  name: "id",
  in: "path",
  required: true,
  description: "id of the node",
  schema: { type: "string" },
};

export const LOCK = [
  query("acquire", "string", "id of the session that takes the lock; the answer has the fencing token lock_index"),
  query("release", "string", "id of the session that gives the lock back"),
];
