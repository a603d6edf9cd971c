// Two numbers, what waits for what, and what was broken.

const LABELS = {
  'kind:page,load:yes': 'pages and their assets',
  'kind:redis,load:yes': 'a decision in Redis',
  'kind:row,load:yes': 'and a row in Postgres',
  'kind:hash,load:yes': 'a password hashed',
  'phase:calm': 'before and after',
  'phase:spike': 'in the spike',
};

// Named in the thresholds, so that the summary has it.
const LOAD = 'http_req_duration{load:yes}';

// The slowest of a hundred, in ms: PATIENCE=3 is for a machine that does other things, too.
export const PATIENCE = Number(__ENV.PATIENCE || 1);
const LIMITS = { page: 1_000, redis: 1_000, row: 1_500, hash: 5_000 };

/** For every test in which nothing may be refused; `kinds` are those that it asks. */
export function thresholds(...kinds) {
  const limits = kinds.map((kind) => [`http_req_duration{kind:${kind},load:yes}`, [`p(99)<${LIMITS[kind] * PATIENCE}`]]);
  return {
    checks: ['rate==1'],
    http_req_failed: ['rate==0'],
    dropped_iterations: ['count==0'],
    [LOAD]: ['p(99)>=0'],
    ...Object.fromEntries(limits),
  };
}

export const options = {
  summaryTrendStats: ['count', 'med', 'p(90)', 'p(99)', 'max'],
  // Everybody comes with a connection of their own.
  noVUConnectionReuse: true,
  setupTimeout: '5m',
  userAgent: 'vestibule-load-test',
};

/** `seconds` is how long the load lasted, where it is one. */
export function summary({ metrics }, seconds) {
  const { checks, [LOAD]: load } = metrics;
  const lines = [
    '',
    ...(seconds ? [`throughput  ${(load.values.count / seconds).toFixed(0)} requests/s (${load.values.count} in ${seconds} s)`] : []),
    `p99         ${load.values['p(99)'].toFixed(1)} ms`,
    '',
  ];
  for (const [tag, label] of Object.entries(LABELS)) {
    const of = metrics[`http_req_duration{${tag}}`];
    if (of) lines.push(`  ${label.padEnd(24)}${String(of.values.count).padStart(8)}   p50 ${at(of, 'med')} ms   p99 ${at(of, 'p(99)')} ms`);
  }
  for (const [name, metric] of Object.entries(metrics).filter(([name]) => name.startsWith('admitted{'))) {
    lines.push(`  ${name.padEnd(32)} ${metric.values.count}`);
  }
  if (checks) lines.push(`  ${checks.values.passes} checks passed, ${checks.values.fails} failed`);
  const rules = Object.entries(metrics).flatMap(([name, { thresholds: of = {} }]) =>
    Object.entries(of).map(([rule, { ok }]) => ({ rule: `${name}: ${rule}`, ok })));
  const broken = rules.filter(({ ok }) => !ok);
  lines.push(`  ${rules.length - broken.length} of ${rules.length} thresholds held`);
  lines.push(...broken.map(({ rule }) => `BROKEN      ${rule}`));
  // The runner prints it when k6 has said its last.
  return { [__ENV.SUMMARY || 'stdout']: `${lines.join('\n')}\n` };
}

function at(metric, stat) {
  return metric.values[stat].toFixed(1).padStart(7);
}
