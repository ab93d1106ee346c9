import { parseMemberKey } from "../base/index.ts";
import type { RaftNode } from "../node/index.ts";
import type { Logger } from "../telemetry/index.ts";

export interface ConditionListeners {
  readonly halted: (reason: string) => void;
  readonly untrusted: (reason: string) => void;
}

/** Says in the log what becomes of this node. One whose folder was put back to an older state serves nothing any more. */
export function logConditions(node: RaftNode, logger: Logger, listeners: ConditionListeners): void {
  node.observe({
    onCondition: (condition) => {
      if (condition.kind === "untrusted") {
        const { reason } = condition;
        logger.error("This node serves nothing any more, because its disk broke a promise", { reason });
        listeners.untrusted(reason);
      }
      if (condition.kind === "halted") listeners.halted(condition.reason);
    },
    onObservation: (observation) => {
      if (observation.kind === "distrusted" && observation.reason === "rolled-back") {
        node.distrust("the other members have seen a later state of this data folder: it was put back to an older one");
      } else if (observation.kind === "distrusted") {
        logger.error("This node is no member any more and will not campaign again", {
          reason: observation.reason,
          advice: "stop it; to have it join once more, start it with an empty data folder",
        });
      }
      if (observation.kind === "duplicate") logDuplicate(observation, logger);
      if (observation.kind === "role")
        logger.info(`This node is ${observation.role}`, { term: observation.term, reason: observation.reason });
    },
  });
}

function logDuplicate({ key, isPresent }: { readonly key: string; readonly isPresent: boolean }, logger: Logger): void {
  const member = parseMemberKey(key).id;
  const advice = "its data folder was copied: stop one of them, and start it with an empty folder and an id of its own";
  if (isPresent) logger.error("Two live processes claim to be one member: neither counts", { member, advice });
  else logger.info("Only one process claims to be this member again", { member });
}
