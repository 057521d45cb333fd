/**
 * Ways to compare one text of a request.
 */

import * as z from 'zod';

import { rules, text } from './schema.ts';

const longest = 1024;

const ways = {
  exact: text('The whole value, letter by letter.', longest).optional(),
  prefix: text('What the value begins with.', longest).optional(),
  regex: text('Regular expression in RE2 syntax that the whole value matches.', longest).optional(),
};

/** Nothing set means: present, with any value. */
export function stringMatch(description: string) {
  return z.object(ways).meta({
    description,
    ...rules({
      rule: '[has(self.exact), has(self.prefix), has(self.regex)].filter(x, x).size() <= 1',
      message: 'set at most one of exact, prefix and regex',
    }),
  });
}

/** Exactly one way has to be chosen. */
export function chosenStringMatch(description: string) {
  return z.object(ways).meta({
    description,
    ...rules({
      rule: '[has(self.exact), has(self.prefix), has(self.regex)].filter(x, x).size() == 1',
      message: 'set exactly one of exact, prefix and regex',
    }),
  });
}

/** A header of a request in an A/B match; the only place that knows `suffix`. */
export const headerMatch = z
  .object({ ...ways, suffix: text('What the value ends with.', longest).optional() })
  .meta({
    description: 'How the value of this header is compared.',
    ...rules({
      rule: '[has(self.exact), has(self.prefix), has(self.suffix), has(self.regex)].filter(x, x).size() == 1',
      message: 'set exactly one of exact, prefix, suffix and regex',
    }),
  });

/** String matches by the name of a header or parameter. */
export function matchesByName<T extends z.ZodType>(description: string, match: T) {
  return z.record(z.string(), match).meta({ description, maxProperties: 32 });
}
