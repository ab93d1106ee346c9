import type { MemberKey } from "../../../src/base/index.ts";
import type { Message } from "../../../src/raft/index.ts";
import type { LogImage } from "../disk/log-image.ts";
import type { Fail } from "./reporter.ts";

/**
 * What a message promises is durable when it leaves: the term it speaks in, the vote, the matching log. Pre-votes
 * promise nothing, and speak of a term that nobody is in yet.
 */
export function checkPromises(message: Message, durable: LogImage, fail: Fail): void {
  if (message.kind === "pre-vote" || message.kind === "pre-vote-reply") return;
  const { hard } = durable;
  if (message.term > hard.term) {
    fail(
      "promises are durable",
      `${message.from} sends ${message.kind} of term ${message.term}, durable is ${hard.term}`,
    );
  }
  if (message.kind === "vote") checkVote(message, { voter: message.from, candidate: message.from, durable, fail });
  if (message.kind === "vote-reply" && message.granted) {
    checkVote(message, { voter: message.from, candidate: message.to, durable, fail });
  }
  if (message.kind === "append-reply" && message.ok && message.match > durable.lastIndex) {
    fail("promises are durable", `${message.from} acknowledges ${message.match}, durable is ${durable.lastIndex}`);
  }
  if (message.kind === "snapshot-reply" && message.ok && message.index > durable.lastIndex) {
    fail("promises are durable", `${message.from} has installed ${message.index}, durable is ${durable.lastIndex}`);
  }
}

function checkVote(
  message: Message,
  vote: {
    readonly voter: MemberKey;
    readonly candidate: MemberKey;
    readonly durable: LogImage;
    readonly fail: Fail;
  },
): void {
  const { hard } = vote.durable;
  if (hard.term === message.term && hard.vote !== vote.candidate) {
    const durable = hard.vote ?? "nobody";
    vote.fail(
      "promises are durable",
      `${vote.voter} votes for ${vote.candidate} in term ${message.term}, the durable vote is for ${durable}`,
    );
  }
}
