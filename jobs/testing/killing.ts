/** Kills commands at random moments of their lives. */

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `count` moments in `length` milliseconds: one at random in each equal part, so that no phase is left out. */
export function moments(count: number, length: number, seed: number): number[] {
  const random = generator(seed);
  return Array.from({ length: count }, (_, i) => Math.round(((i + random()) / count) * length));
}
