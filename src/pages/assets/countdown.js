// A wait that the server told of, counted down on the page.

/**
 * Calls `tick` with the seconds left, at once and each second, and `done` at zero.
 * By the wall clock: a phone that slept has waited, too.
 * @returns {() => void} stops it
 */
export function countDown(seconds, tick, done) {
  const end = Date.now() + seconds * 1000;
  const left = () => Math.ceil((end - Date.now()) / 1000);
  let timer;
  const stop = () => {
    clearInterval(timer);
    document.removeEventListener('visibilitychange', look);
  };
  const look = () => {
    const now = left();
    if (now > 0) return tick(Math.min(now, seconds));
    stop();
    done();
  };
  timer = setInterval(look, 250);
  document.addEventListener('visibilitychange', look);
  look();
  return stop;
}
