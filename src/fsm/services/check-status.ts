import { MalformedBytes, type ByteReader, type ByteWriter } from "../../base/index.ts";

/** From the best to the worst. */
export const STATUSES = ["passing", "warning", "critical"] as const;

export type CheckStatus = (typeof STATUSES)[number];

export function worstOf(statuses: readonly CheckStatus[]): CheckStatus {
  return STATUSES[Math.max(0, ...statuses.map((status) => STATUSES.indexOf(status)))] ?? "critical";
}

export function writeStatus(writer: ByteWriter, status: CheckStatus): ByteWriter {
  return writer.u8(STATUSES.indexOf(status));
}

/** @throws MalformedBytes */
export function readStatus(reader: ByteReader): CheckStatus {
  const number = reader.u8();
  const status = STATUSES[number];
  if (status === undefined) throw new MalformedBytes(`Cannot read a status ${number} as this program knows none such`);
  return status;
}
