/** A schedule that needs real folders, processes or connections, and the test that plays it. */
export interface Elsewhere {
  readonly attack: string;
  readonly file: string;
  /** The beginning of the test's name. */
  readonly test: string;
}

/** Every schedule about identity (1), failover (3), membership (4), joining (5), reads and outcomes (6). */
export const ATTACKS: readonly string[] = [
  ...numbered(1, 12),
  ...numbered(3, 6),
  ...numbered(4, 5),
  ...numbered(5, 6),
  ...numbered(6, 3),
];

/** What the simulated core cannot show. */
export const ELSEWHERE: readonly Elsewhere[] = [
  {
    attack: "1.1",
    file: "test/integration/boot-matrix/boot-matrix.test.ts",
    test: "whatever nodes are told, have lost and can reach: never two clusters",
  },
  {
    attack: "1.1",
    file: "test/e2e/disk-faults/everywhere.test.ts",
    test: "every log removed: nobody starts a new cluster",
  },
  {
    attack: "1.2",
    file: "test/e2e/disk-faults/everywhere.test.ts",
    test: "two damaged folders of three: the third refuses to go on alone",
  },
  { attack: "1.3", file: "src/storage/witness.test.ts", test: "Witness.mark() outlives everything" },
  { attack: "1.4", file: "test/e2e/identity.test.ts", test: "in a copied folder: neither of the two counts" },
  {
    attack: "1.7",
    file: "test/e2e/identity.test.ts",
    test: "that was lost with its disk: a new one at the old address takes its place",
  },
  {
    attack: "1.11",
    file: "test/storage/snapshot-damage.test.ts",
    test: "a damaged entry that a whole snapshot contains is removed with a note",
  },
  {
    attack: "1.11",
    file: "test/storage/snapshot-damage.test.ts",
    test: "a damaged entry above the newest whole snapshot is refused",
  },
  {
    attack: "1.12",
    file: "test/storage/exclusive.test.ts",
    test: "a folder that is removed under a running store is noticed",
  },
  {
    attack: "5.1",
    file: "test/integration/forming.test.ts",
    test: "silence is never taken for absence",
  },
  {
    attack: "5.2",
    file: "test/integration/expecting.test.ts",
    test: "bootstrap_expect never makes two clusters",
  },
  { attack: "5.3", file: "test/e2e/boot-matrix.test.ts", test: "nodes that were all told to bootstrap stop" },
  { attack: "5.4", file: "test/e2e/tls.test.ts", test: "lets nodes in whose certificate is for them, and nobody else" },
  { attack: "5.5", file: "src/transport/tcp-transport.test.ts", test: "a wrong token is turned away" },
  { attack: "5.6", file: "src/raft/rules/c-membership.test.ts", test: "rule 52: what is of another cluster, epoch" },
  {
    attack: "6.2",
    file: "test/e2e/outcomes/outcomes.test.ts",
    test: "whatever dies at whatever step of a forwarded write",
  },
  {
    attack: "6.3",
    file: "test/e2e/idempotency.test.ts",
    test: "a write that is repeated under its key has its effect once",
  },
];

function numbered(part: number, count: number): readonly string[] {
  return Array.from({ length: count }, (_, place) => `${part}.${place + 1}`);
}
