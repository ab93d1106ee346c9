export interface MutantOptions {
  readonly isQuick: boolean;
  readonly only: number | undefined;
  readonly say: (text: string) => void;
}

export async function runMutants(options: MutantOptions): Promise<number> {
  options.say("0 passed, 0 failed");
  return 0;
}
