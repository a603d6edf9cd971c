// Signs up RECRUITERS, whom an operator then makes what they are called: for a fleet that has nobody yet.

import exec from 'k6/execution';
import { call } from './call.js';

export const options = { iterations: 1 };

export default function signUp() {
  for (const pair of __ENV.RECRUITERS.split(',')) {
    const [username, password] = pair.split(':');
    const body = { username, email: `${username}@example.com`, password };
    const answer = call('signup', 'hash', 'POST', '/auth/signup', 201, { body });
    if (answer.status !== 201) exec.test.abort(`${username} cannot sign up`);
  }
}

export const handleSummary = () => ({});
