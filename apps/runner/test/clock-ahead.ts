// Makes the process believe, from the second look at its clock on, that an hour went by with every look.
const RealDate = Date;
let looks = 0;

globalThis.Date = class extends RealDate {
  constructor(...given: [] | [number | string]) {
    if (given.length > 0) super(given[0] as number);
    else super(RealDate.now() + 3_600_000 * looks++);
  }
} as DateConstructor;
