/** The rows of `docs/flagger.md`, and which refusal of an input that Flagger accepts each of them explains. */
import { readFileSync } from 'node:fs';

/** Cells of each row, the first one its name. */
export const differenceRows: readonly (readonly string[])[] = readFileSync(
  'docs/flagger.md',
  'utf8',
)
  .split('\n')
  .filter((line) => /^\| D[0-9]+ \|/.test(line))
  .map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );

interface Difference {
  readonly row: string;
  /** Matches `field: message` of what our side has against the input. */
  readonly explains: RegExp;
}

/** The only refusals that an input accepted by Flagger's definitions may meet with. */
export const differences: readonly Difference[] = [
  { row: 'D71', explains: /is not a whole number|must be of type integer/ },
  {
    row: 'D29',
    explains:
      /(stepWeight|maxWeight|iterations): (is too small|Invalid value: .*greater than or equal to)/,
  },
  { row: 'D89', explains: /mirror\[\d+\]\.backendRef: (is missing|Required value)/ },
  { row: 'D80', explains: /thresholdRange: .*min must not be greater than max/ },
  {
    row: 'D72',
    explains:
      /(stepWeightPromotion|ReadyThreshold|progressDeadlineSeconds|mirrorWeight|retries|maxAge|port|threshold|stepWeight|stepWeights\[\d+\]|iterations|maxWeight|canaryWeight|failedChecks): (is too (small|large)|Invalid value: .*(greater|less) than or equal to)/,
  },
  { row: 'D73', explains: /(interval|timeout): (is not a duration|Invalid value: .*should match)/ },
  { row: 'D28', explains: /stepWeights: .*each weight must be greater/ },
  { row: 'D12', explains: /provider kubernetes cannot tell requests apart/ },
  {
    row: 'D75',
    explains:
      /is too large|Too many|Too long|at most \d+ (items|bytes|characters)|must have at most/,
  },
  { row: 'D76', explains: /^spec: (is missing|Required value)/ },
  { row: 'D77', explains: /the name of the Service must have at most 55/ },
  { row: 'D88', explains: /primaryCookieName must differ/ },
];
