/**
 * Whether a double holds a JSON number as it is written. An integer has to be a safe one as well:
 * beyond ±(2⁵³ − 1) its neighbours would be the same double.
 */
export function isExact(source: string): boolean {
  const value = Number(source);
  // As most platforms write the doubles they have.
  if (String(value) === source && !Number.isInteger(value)) return true;
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value);
  return Number.isFinite(value) && canonical(String(value)) === canonical(source);
}

/** The same text for the same decimal, however it is written. */
function canonical(decimal: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d*)(?:\.(\d*))?(?:[eE]([-+]?\d+))?$/.exec(decimal) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  return `${sign}${significant}e${Number(exponent) - fraction.length + (digits.length - significant.length)}`;
}
