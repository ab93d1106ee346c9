export { admit } from "./admission.ts";
export {
  decodeForwardedAnswer,
  decodeForwardedRequest,
  encodeForwardedAnswer,
  encodeForwardedRequest,
  type ForwardedAnswer,
  type ForwardedRequest,
  type HeaderList,
} from "./forward-wire.ts";
export { form, type Formed } from "./forming.ts";
export type { PeerCalls, PeerHandler, PeerIdentity, PeerOutcome, PeerRequest } from "./peer-calls.ts";
export {
  decodeAdmission,
  encodeAdmissionAnswer,
  encodeStanding,
  type AdmissionAnswer,
  type StandingAnswer,
} from "./wire.ts";
