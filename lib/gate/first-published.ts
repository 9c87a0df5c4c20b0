/** When a registry first had the name of a package, from what it says of its releases. */

/** The earliest date; undefined when there is none, or when one is no date, as it may stand for an earlier one. */
export function earliest(dates: readonly unknown[]): string | undefined {
  let first: string | undefined;
  for (const date of dates) {
    if (typeof date !== 'string' || Number.isNaN(Date.parse(date))) return undefined;
    if (first === undefined || Date.parse(date) < Date.parse(first)) first = date;
  }
  return first;
}

/** From the `time` of a packument, which only the full form has: of the name itself and of each version. */
export function firstPublishedIn({ time }: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof time !== 'object' || time === null) return undefined;
  // `unpublished` holds an object.
  return earliest(Object.values(time).filter((date) => typeof date === 'string'));
}
