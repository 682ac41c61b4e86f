// Traffic to simulate limits with: times in microseconds from 0, the same at every run.

/** Reproducible noise, so that a share that is only just good enough does not fail at random. */
function createNoise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 1) / 4_294_967_297;
  };
}

export function makePoisson(perWindow: number, windowUs: number, windows: number): number[] {
  const noise = createNoise(7);
  const times: number[] = [];
  for (let now = 0; now < windows * windowUs; now -= Math.log(noise()) * (windowUs / perWindow))
    times.push(Math.floor(now));
  return times;
}

/** Traffic that is twice as heavy half of the time and silent the other half; the halves last `period` windows. */
export function makeOnOff(perWindow: number, windowUs: number, period: number, windows = 60): number[] {
  const half = period * windowUs;
  return makePoisson(2 * perWindow, windowUs, windows).filter((at) => Math.floor(at / half) % 2 === 0);
}
