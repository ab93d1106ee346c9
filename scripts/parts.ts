/** One part of the test run. */
export interface Part {
  readonly name: string;
  readonly command: readonly string[];
  /** Minutes that are its share of a full run; twice as much is worth a warning. */
  readonly shareMinutes: number;
  /** `tests`: counted from the runner's report. `check`: counts as one. `counting`: its last line counts. */
  readonly counts: "tests" | "check" | "counting";
  /** Left out unless a file matches. */
  readonly needs?: string;
}

const bun = process.execPath;
const test = (...paths: readonly string[]): readonly string[] => [bun, "test", "--timeout", "120000", ...paths];

/** All parts, in order: what fails fast comes first. */
export const PARTS: readonly Part[] = [
  { name: "format", command: ["oxfmt", "--check", "src", "test", "scripts"], shareMinutes: 0.2, counts: "check" },
  { name: "types", command: ["tsc", "-p", "."], shareMinutes: 0.5, counts: "check" },
  { name: "lint", command: ["oxlint", "--type-aware", "src", "test", "scripts"], shareMinutes: 1, counts: "check" },
  {
    name: "rules",
    command: [bun, "test/rules/check.ts"],
    shareMinutes: 0.1,
    counts: "check",
    needs: "test/rules/check.ts",
  },
  { name: "build", command: [bun, "scripts/build.ts"], shareMinutes: 0.5, counts: "check" },
  { name: "unit", command: test("./src", "./scripts"), shareMinutes: 2, counts: "tests" },
  {
    name: "contract",
    command: test("./test/contracts"),
    shareMinutes: 1,
    counts: "tests",
    needs: "test/contracts/**/*.test.ts",
  },
  {
    name: "conformance",
    command: test("./test/conformance"),
    shareMinutes: 0.5,
    counts: "tests",
    needs: "test/conformance/**/*.test.ts",
  },
  {
    name: "linearizability",
    command: test("./test/linearizability"),
    shareMinutes: 1,
    counts: "tests",
    needs: "test/linearizability/**/*.test.ts",
  },
  {
    name: "rule-tests",
    command: test("./test/rules"),
    shareMinutes: 0.5,
    counts: "tests",
    needs: "test/rules/**/*.test.ts",
  },
  {
    name: "storage",
    command: test("./test/storage"),
    shareMinutes: 3,
    counts: "tests",
    needs: "test/storage/**/*.test.ts",
  },
  {
    name: "simulator-tests",
    command: test("./test/sim"),
    shareMinutes: 1,
    counts: "tests",
    needs: "test/sim/**/*.test.ts",
  },
  {
    name: "simulator",
    command: [bun, "test/sim/main.ts", "--ci"],
    shareMinutes: 6,
    counts: "counting",
    needs: "test/sim/main.ts",
  },
  {
    name: "simulator-full",
    command: [
      bun,
      "test/sim/main.ts",
      "--full",
      "--seeds",
      "200",
      "--from",
      "5000",
      "--seconds",
      "20",
      "--workers",
      "2",
    ],
    shareMinutes: 1,
    counts: "counting",
    needs: "test/sim/main.ts",
  },
  {
    name: "mutants",
    command: [bun, "test/sim/main.ts", "--mutants", "--ci"],
    shareMinutes: 2,
    counts: "counting",
    needs: "test/sim/main.ts",
  },
  {
    name: "broken-scenarios",
    command: [bun, "test/sim/main.ts", "--scenarios"],
    shareMinutes: 1,
    counts: "counting",
    needs: "test/sim/main.ts",
  },
  {
    name: "integration",
    command: test("./test/integration"),
    shareMinutes: 2,
    counts: "tests",
    needs: "test/integration/**/*.test.ts",
  },
  { name: "bench-parts", command: test("./test/bench"), shareMinutes: 0.2, counts: "tests" },
  { name: "soak-judges", command: test("./test/soak"), shareMinutes: 0.2, counts: "tests" },
  { name: "e2e", command: test("./test/e2e"), shareMinutes: 6, counts: "tests", needs: "test/e2e/**/*.test.ts" },
];
