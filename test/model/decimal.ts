// Exact decimals: a BigInt of units of 10^-scale. A double stands for the shortest decimal that
// reads back as it, which is what ECMAScript prints.

export interface Decimal {
  readonly units: bigint;
  /** Digits behind the point. */
  readonly scale: number;
}

export const ZERO: Decimal = { units: 0n, scale: 0 };

export function decimalOf(value: number): Decimal {
  const [, sign, whole, fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value))!;
  const digits = BigInt(`${sign}${whole}${fraction}`);
  const scale = fraction.length - Number(exponent);
  return scale >= 0
    ? { units: digits, scale }
    : { units: digits * 10n ** BigInt(-scale), scale: 0 };
}

export function add(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { units: unitsAt(a, scale) + unitsAt(b, scale), scale };
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  return { units: a.units * b.units, scale: a.scale + b.scale };
}

export function absolute(a: Decimal): Decimal {
  return a.units < 0n ? { units: -a.units, scale: a.scale } : a;
}

function unitsAt({ units, scale }: Decimal, wanted: number): bigint {
  return units * 10n ** BigInt(wanted - scale);
}

/** The nearest double, ties to even: reading a decimal numeral does just that. */
export function nearestDouble({ units, scale }: Decimal): number {
  return Number(`${units}e-${scale}`);
}

/** a / b as a double, from 60 digits more than a has. */
export function quotient(a: Decimal, b: bigint): number {
  const more = 60;
  return nearestDouble({ units: (a.units * 10n ** BigInt(more)) / b, scale: a.scale + more });
}

/** "Inputs of up to 6 fraction digits and below 2^53." */
export function isInRange(value: number): boolean {
  return decimalOf(value).scale <= 6 && Math.abs(value) < 2 ** 53;
}

/** The distance from the double to the next one further from zero. */
export function ulp(value: number): number {
  const magnitude = Math.abs(value);
  if (magnitude < 2 ** -1022) return 2 ** -1074;
  let exponent = Math.floor(Math.log2(magnitude));
  if (2 ** exponent > magnitude) exponent--;
  return 2 ** (exponent - 52);
}
