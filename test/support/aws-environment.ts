import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Variables with which a computer's own configuration would get into a test, or a test onto the network. */
const foreign = /^(AWS_|ECS_|(https?|no|all)_proxy$)/i;

/**
 * Takes away the AWS configuration of the computer, its instance metadata and its proxies. The returned function brings back
 * what was there, and removes what has been set since.
 */
export function leaveAwsEnvironment(): () => void {
  const saved = takeAway();
  process.env.AWS_EC2_METADATA_DISABLED = 'true';
  process.env.AWS_CONFIG_FILE = join(tmpdir(), 'no-such-aws-config');
  process.env.AWS_SHARED_CREDENTIALS_FILE = join(tmpdir(), 'no-such-aws-credentials');
  return () => {
    takeAway();
    Object.assign(process.env, saved);
  };
}

/** The same for every test of the suite that calls this. */
export function withoutAwsEnvironment(): void {
  let comeBack: () => void;
  beforeEach(() => {
    comeBack = leaveAwsEnvironment();
  });
  afterEach(() => comeBack());
}

function takeAway(): Record<string, string | undefined> {
  const taken = Object.entries(process.env).filter(([name]) => foreign.test(name));
  for (const [name] of taken) delete process.env[name];
  return Object.fromEntries(taken);
}
