// How loud a microphone is, and whether somebody speaks into it.

const LOOK_MS = 50;
/** At 48 kHz, 43 ms: what is said between two looks is heard in the next. */
const SAMPLES = 2048;
/** The level that shows as nothing; full scale is 0 dB. A quiet room is near it, by a microphone that is turned down. */
const QUIET_DB = -70;
/** Somebody speaks at a desk: -35 dB, which no fan reaches. As a level. */
const SPOKEN = 50;
/** So much above what is always there, 10 dB, is a voice however low. */
const ABOVE_NOISE = 14;
/** Looks at which it was that loud: a word, not a click. */
const SPOKEN_LOOKS = 4;
/** Microphones fade in: half a second, of which nothing is learnt about the noise. */
const FADE_LOOKS = 10;
/** The noise is the quietest of the last two seconds, in which everybody draws breath. */
const NOISE_LOOKS = 40;

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

/**
 * Judges levels, one after the other.
 * @returns {(level: number) => 'silent' | 'quiet' | 'spoken'} what they amount to so far; `silent` is nothing at all
 */
export function ear() {
  const recent = [];
  let looks = 0;
  let spoken = 0;
  return (level) => {
    if (level > 0 || looks > 0) looks += 1;
    if (looks > FADE_LOOKS) recent.push(level);
    if (recent.length > NOISE_LOOKS) recent.shift();
    // Of nothing, the least is infinite.
    spoken += level >= SPOKEN || level >= Math.min(...recent) + ABOVE_NOISE;
    if (spoken >= SPOKEN_LOOKS) return 'spoken';
    return looks > 0 ? 'quiet' : 'silent';
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
