// When everything takes place: the Friday of the story, a night of silence, Saturday noon.
// The city keeps Greenwich time, and in March that is UTC, so local times read as they stand.

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const WINDOW = 5 * MINUTE;

const DINNER = Date.UTC(2024, 2, 15, 17, 30);
const SATURDAY_NOON = Date.UTC(2024, 2, 16, 12, 0);

export interface Calendar {
  /** The registers tell what they hold, and the drivers who wait already sign on. */
  opensAt: number;
  dinnerAt: number;
  /** The last order of the evening is placed before this; its delivery comes after. */
  closesAt: number;
  /** Those who are switched off at night come back between this and noon. */
  morningAt: number;
  noonAt: number;
}

export function calendar(hours: number): Calendar {
  return {
    opensAt: DINNER - 10 * MINUTE,
    dinnerAt: DINNER,
    closesAt: DINNER + Math.round(hours * HOUR),
    morningAt: SATURDAY_NOON - 15 * MINUTE,
    noonAt: SATURDAY_NOON,
  };
}

/** The instant at this share of the dinner, on a whole window. */
export function windowAt(times: Calendar, share: number): number {
  const at = times.dinnerAt + share * (times.closesAt - times.dinnerAt);
  return Math.floor(at / WINDOW) * WINDOW;
}
