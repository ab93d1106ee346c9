import type { ReadFailure, WriteOutcome } from "../replica/index.ts";
import { ApiError } from "./errors.ts";

const RETRY_SOON = { "Retry-After": "1" };

/** The one mapping of a write that was not done to its answer. */
export function writeFailure(outcome: Exclude<WriteOutcome, { kind: "done" }>, url: string): ApiError {
  if (outcome.kind === "unknown") {
    return new ApiError(
      "outcome_unknown",
      `This write may or may not have happened: ${outcome.reason}. Read the key to find out`,
    );
  }
  const { refusal } = outcome;
  switch (refusal.kind) {
    case "not-leader": {
      const { leader } = refusal;
      const { pathname, search } = new URL(url);
      const location = `${leader.httpAddress.includes("://") ? "" : "http://"}${leader.httpAddress}${pathname}${search}`;
      return new ApiError("not_leader", `This node does not lead: write to ${location}`, {
        fields: {
          leader: { id: leader.id, name: leader.name, address: leader.address, http_address: leader.httpAddress },
        },
        headers: { Location: location },
      });
    }
    case "no-leader":
      return new ApiError("no_leader", "No node leads at the moment: this write did not happen, try again", {
        headers: RETRY_SOON,
      });
    case "overloaded":
      return new ApiError("overloaded", "Too many writes wait already: this write did not happen, try again later", {
        headers: RETRY_SOON,
      });
    case "shutting-down":
      return new ApiError("shutting_down", "This node is stopping: this write did not happen, use another node", {
        headers: RETRY_SOON,
      });
    case "disk-full":
      return new ApiError(
        "disk_full",
        "The disk has no space for writes: this write did not happen. Free some space; reads go on",
        { headers: { "Retry-After": "5" } },
      );
    case "state-full":
      return new ApiError(
        "state_full",
        `The state takes ${refusal.stateBytes} bytes, more than the ${refusal.stateBytesMax} of limits.max_state_bytes: this write did not happen. Delete something, or raise the limit on all nodes`,
      );
    case "cluster-version":
      return new ApiError(
        "conflict",
        `This needs cluster version ${refusal.needs}, and the cluster is at ${refusal.has}: this write did not happen. Once every member runs the newer release, run konsul cluster upgrade finalize`,
        { fields: { reason: "cluster-version" } },
      );
    case "untrusted":
      return untrusted(refusal.reason);
    default:
      return new ApiError("internal", "This write was refused for an unknown reason");
  }
}

function untrusted(reason: string): ApiError {
  return new ApiError("untrusted_node", `This node serves nothing, because its data cannot be trusted: ${reason}`);
}

/** The one mapping of a read that cannot be answered. */
export function readFailure(failure: ReadFailure): ApiError {
  switch (failure.kind) {
    case "no-leader":
      return new ApiError("no_leader", "No node leads at the moment, so this read cannot be consistent: try again", {
        headers: RETRY_SOON,
      });
    case "timeout":
      return new ApiError("timeout", "This node did not get far enough in time: try again, or ask another node");
    case "stale":
      return new ApiError(
        "stale",
        `This node has not heard the leader for ${Math.round(failure.lastContactMs)} ms, longer than max_stale allows`,
        { headers: RETRY_SOON },
      );
    case "shutting-down":
      return new ApiError("shutting_down", "This node is stopping: use another node", { headers: RETRY_SOON });
    case "too-many-watchers":
      return new ApiError("overloaded", "Too many reads wait for changes on this node already", {
        headers: RETRY_SOON,
      });
    case "untrusted":
      return untrusted(failure.reason);
    default:
      return new ApiError("internal", "This read failed for an unknown reason");
  }
}
