/** A written value and where it stands. */
export interface Written {
  readonly text: string;
  /** Such as `--port`, `KONSUL_PORT` or `konsul.yaml: port`. */
  readonly source: string;
}
