// How loud a microphone is.

const LOOK_MS = 50;
/** At 48 kHz, 43 ms: what is said between two looks is heard in the next. */
const SAMPLES = 2048;
/** The level that shows as nothing; full scale is 0 dB. A quiet room is near it. */
const QUIET_DB = -60;

/**
 * Calls `hear` with the level, 0 to 100, at each look.
 * @param {MediaStreamTrack} track
 * @param {(level: number) => void} hear
 * @returns {() => void} stops it
 */
export function listen(track, hear) {
  const context = new AudioContext();
  const analyser = tapped(context, track);
  const samples = new Float32Array(SAMPLES);
  const timer = setInterval(() => {
    // A phone suspends it when a call comes in, and does not resume it by itself.
    if (context.state !== 'running') context.resume().catch(() => {});
    analyser.getFloatTimeDomainData(samples);
    hear(level(samples));
  }, LOOK_MS);
  return () => {
    clearInterval(timer);
    context.close();
  };
}

/** Browsers have only so many contexts at a time: one that is of no use is closed. */
function tapped(context, track) {
  try {
    const analyser = new AnalyserNode(context, { fftSize: SAMPLES });
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    return analyser;
  } catch (error) {
    context.close();
    throw error;
  }
}

/** The root mean square, as people hear it: in decibels. */
function level(samples) {
  const squares = samples.reduce((sum, sample) => sum + sample * sample, 0);
  const db = 10 * Math.log10(squares / samples.length);
  return Math.round(100 * Math.min(1, Math.max(0, 1 - db / QUIET_DB)));
}
