// The host's clock, for the one verb that has a receive time without being given one: a person
// releases a held line now. What it says is written in the chunk, so replay says the same.

export function wallClock(): number {
  return Date.now();
}
