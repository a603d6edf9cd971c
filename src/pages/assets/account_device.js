// What a browser calls itself, as people call it.

import { say } from './say.js';

// In this order: most call themselves by the names of others, too.
const BROWSERS = [
  [/Edg(e|A|iOS)?\//, 'Edge'],
  [/OPR\/|Opera/, 'Opera'],
  [/SamsungBrowser\//, 'Samsung Internet'],
  [/Firefox\/|FxiOS\//, 'Firefox'],
  [/Chrome\/|CriOS\/|Chromium\//, 'Chrome'],
  [/Safari\//, 'Safari'],
];
const SYSTEMS = [
  [/Android/, 'Android'],
  [/iPhone/, 'iPhone'],
  [/iPad/, 'iPad'],
  [/CrOS/, 'ChromeOS'],
  [/Windows/, 'Windows'],
  [/Mac OS X|Macintosh/, 'Mac'],
  [/Linux/, 'Linux'],
];
const CHARACTERS_MAX = 60;

/** The browser and what it runs on; where we do not know it, as it calls itself. */
export function deviceName(agent) {
  const [browser, system] = [BROWSERS, SYSTEMS].map((names) => names.find(([sign]) => sign.test(agent))?.[1]);
  if (browser && system) return say('account.device', { browser, system });
  return agent === '' ? say('account.device_unknown') : [...agent].slice(0, CHARACTERS_MAX).join('');
}
