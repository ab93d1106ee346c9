/** What is wrong with the tests and the table, one line each; empty: every rule is accounted for, once. */
export function judgeCoverage(options: {
  readonly ruleCount: number;
  readonly tested: ReadonlyMap<number, readonly string[]>;
  readonly notApplicable: ReadonlyMap<number, string>;
}): string[] {
  const { notApplicable, ruleCount, tested } = options;
  const problems: string[] = [];
  for (let rule = 1; rule <= ruleCount; rule += 1) {
    const files = tested.get(rule);
    const isExcused = notApplicable.has(rule);
    if (files === undefined && !isExcused)
      problems.push(`rule ${rule} has no test and no reason why it does not apply`);
    if (files !== undefined && isExcused)
      problems.push(`rule ${rule} does not apply, but is tested in ${files.join(", ")}`);
  }
  for (const rule of new Set([...tested.keys(), ...notApplicable.keys()])) {
    if (rule < 1 || rule > ruleCount) problems.push(`rule ${rule} does not exist: there are ${ruleCount}`);
  }
  for (const [rule, reason] of notApplicable) {
    if (reason.trim() === "") problems.push(`rule ${rule} must not be excused without a reason`);
  }
  return problems;
}

/** The rules that the titles of tests name, as `rule 7 …`, `… (rule 7)` or `… (rules 1, 21)`. Comments do not count. */
export function rulesNamedIn(text: string): Set<number> {
  const rules = new Set<number>();
  for (const [, , title = ""] of text.matchAll(
    /\b(?:test|it)(?:\.\w+(?:\([^)]*\))?)*\(\s*(["'`])((?:\\.|(?!\1)[^\\])*)\1/g,
  )) {
    for (const [, list = ""] of title.matchAll(/\brules? (\d+(?:(?:, | and )\d+)*)\b/g)) {
      for (const number of list.split(/, | and /)) rules.add(Number(number));
    }
  }
  return rules;
}
