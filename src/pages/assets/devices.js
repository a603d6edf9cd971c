// Camera and microphone, as browsers give and refuse them. `camera` and `microphone` are what the Permissions API
// calls them, too.

const KINDS = {
  camera: { media: 'video', device: 'videoinput', wanted: { facingMode: 'user', width: { ideal: 640 } } },
  microphone: { media: 'audio', device: 'audioinput', wanted: {} },
};

/** Refusals by the name of their exception (Media Capture and Streams, 10.2). */
const REASONS = {
  NotAllowedError: 'denied',
  SecurityError: 'denied',
  NotFoundError: 'missing',
  NotReadableError: 'in_use',
  AbortError: 'in_use',
  OverconstrainedError: 'gone',
};

/** What an interview needs, and this browser has not. */
export function lacking() {
  const has = {
    media: Boolean(navigator.mediaDevices?.getUserMedia),
    sockets: 'WebSocket' in window,
    calls: 'RTCPeerConnection' in window,
  };
  return Object.keys(has).filter((need) => !has[need]);
}

/**
 * A device that was opened, or why not.
 * @typedef {{ track: MediaStreamTrack } | { reason: string }} Opened
 */

/**
 * Opens devices of these kinds, by one question to the person.
 * @param {string[]} kinds
 * @param {Record<string, string>} chosen ids of devices, by kind
 * @returns {Promise<Record<string, Opened>>} by kind
 */
export async function open(kinds, chosen) {
  try {
    const constraints = kinds.map((kind) => [KINDS[kind].media, wanted(kind, chosen[kind])]);
    const stream = await navigator.mediaDevices.getUserMedia(Object.fromEntries(constraints));
    const track = (kind) => stream.getTracks().find((one) => one.kind === KINDS[kind].media);
    return Object.fromEntries(kinds.map((kind) => [kind, { track: track(kind) }]));
  } catch (refusal) {
    const reason = REASONS[refusal.name] ?? 'unknown';
    return kinds.length > 1 ? apart(kinds, chosen, reason) : { [kinds[0]]: { reason: await refined(kinds[0], reason) } };
  }
}

/** One of them stood in the way of both. Nobody who has just said no is asked again. */
async function apart(kinds, chosen, reason) {
  const opened = {};
  for (const kind of kinds) {
    const again = reason !== 'denied' || (await permission(kind)) === 'granted';
    Object.assign(opened, again ? await open([kind], chosen) : { [kind]: { reason: await refined(kind, reason) } });
  }
  return opened;
}

/** Who said no: the person, once or for good, or what the browser itself runs on. */
async function refined(kind, reason) {
  if (reason !== 'denied') return reason;
  return { prompt: 'dismissed', granted: 'system' }[await permission(kind)] ?? 'denied';
}

async function permission(kind) {
  try {
    return (await navigator.permissions.query({ name: kind })).state;
  } catch {
    // Not every browser tells.
    return 'unknown';
  }
}

function wanted(kind, id) {
  return id ? { deviceId: { exact: id } } : KINDS[kind].wanted;
}

/** The devices of a kind. Before one was opened, browsers do not tell their names. */
export async function devicesOf(kind) {
  const all = await navigator.mediaDevices.enumerateDevices();
  return all.filter((one) => one.kind === KINDS[kind].device && one.deviceId !== '');
}
