/** Does what the inner command says, once for this key: a repetition within an hour gets the first result. */
export interface Once {
  readonly kind: "once";
  /** The client's own, with whoever it is in front. */
  readonly key: string;
  /** An encoded command. */
  readonly command: Uint8Array;
}

/** The key was used for another command. */
export type OnceResult = { readonly kind: "once-mismatch" };
