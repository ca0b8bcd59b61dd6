// Classifies errors of Redis: those that say nothing about a job (rights, fail-over, memory) mean that it is away.
/** Source: the error codes of Redis 7 and Valkey 8 (`src/server.c`, `createSharedObjects`), and of their ACLs. */
const refusals: [RegExp, string][] = [
  [/\bNOAUTH\b/, 'it asks for a password, and none is set'],
  [/\bWRONGPASS\b|\binvalid password\b/i, 'it refuses the user name or the password (WRONGPASS)'],
  [/\bNOPERM\b|no permissions? to|ACL failure/i, 'its user lacks a right'],
  [/\bDENIED\b/, 'it runs in protected mode, which takes connections of its own machine only'],
  [/max number of clients/i, 'it has as many clients as it takes (maxclients)'],
  [
    /\bREADONLY\b|\bUNBLOCKED\b/,
    'it can only be read (READONLY): a fail-over is under way, or the address is that of a replica',
  ],
  [/\bLOADING\b/, 'it is still loading what it kept (LOADING)'],
  [/\bMASTERDOWN\b/, 'it is a replica that has lost its primary (MASTERDOWN)'],
  [/\bNOREPLICAS\b/, 'it has too few replicas to take anything (NOREPLICAS)'],
  [/\bOOM\b/, 'its memory is full (OOM, maxmemory)'],
  [/\bMISCONF\b/, 'it cannot write to its disk (MISCONF)'],
  [/\bBUSY\b/, 'it is busy with a script (BUSY)'],
  [/\bCLUSTERDOWN\b|\bCROSSSLOT\b|\bMOVED\b|\bTRYAGAIN\b/, 'it is a Redis Cluster, which cannot be used here'],
  [/unknown command/i, 'it does not know a command that is needed'],
];

/**
 * Why Redis takes nothing at the moment, in words that follow "is away, jobs wait for it: ". Undefined for any other error:
 * broken connections, and answers about a job.
 */
export function refusalOf(thrown: unknown): string | undefined {
  const { message } = (thrown ?? {}) as Partial<Error>;
  if (typeof message !== 'string') return undefined;
  const [, said] = refusals.find(([pattern]) => pattern.test(message)) ?? [];
  return said && detailed(said, message);
}

/** The server names the command that a user may not use. */
function detailed(said: string, message: string): string {
  const command = /(?:the '|unknown command [`'])([\w|]+)/.exec(message)?.[1];
  return command ? `${said} (${command})` : said;
}
