/**
 * Bounds of the command format: the same on every node for ever, unlike the settings, which may be lower and are
 * checked before a command is proposed.
 */
export const COMMAND_LIMITS = {
  keyBytesMax: 4096,
  valueBytesMax: 4 * 1024 * 1024,
  prefixBytesMax: 4096,
  txnOperationsMax: 128,
  /** An entry is applied in one go on every node. */
  deletePrefixMax: 100_000,
} as const;
