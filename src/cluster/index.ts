export { answerPeer, type AnsweringOptions } from "./answering.ts";
export type { Formation, FormationStore } from "./formation.ts";
export { invite, type InviteOutcome } from "./invitation.ts";
export {
  decodeForwardedAnswer,
  decodeForwardedRequest,
  encodeForwardedAnswer,
  encodeForwardedRequest,
  type ForwardedAnswer,
  type ForwardedRequest,
  type HeaderList,
} from "./forward-wire.ts";
export { decodeTraces, encodeTraces } from "./trace-wire.ts";
export { failureTolerance } from "./failure-tolerance.ts";
export { form } from "./forming.ts";
export type { Formed, FormingOptions } from "./forming-options.ts";
export { watchOtherClusters } from "./other-clusters.ts";
export { keepOwnRecord } from "./own-record.ts";
export { RecordKeeper } from "./records.ts";
export type { PeerCalls, PeerHandler, PeerIdentity, PeerOutcome, PeerRequest } from "./peer-calls.ts";
export {
  decodeAdmission,
  encodeAdmissionAnswer,
  encodeStanding,
  type AdmissionAnswer,
  type Applicant,
  type StandingAnswer,
} from "./wire.ts";
export { Autopilot, type AutopilotView } from "./autopilot/autopilot.ts";
export type { AutopilotSettings } from "./autopilot/settings.ts";
export { nextDeadServer } from "./autopilot/dead-servers.ts";
export { assessHealth, type ClusterHealth, type ServerState, type ServerStats } from "./autopilot/server-health.ts";
