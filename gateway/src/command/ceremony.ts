const USAGE = `usage: careledger ceremony start|status|resume [options]

  start            make the key of the consortium among its hospitals
    --redistribute   share the key that there is anew, for --holders (MSP ids, comma-separated)
  status           how far it is, who is awaited, who was named
  resume           begin a new attempt of a ceremony that failed or stands still

  --hospital h1    the hospital of the topology whose gateway is asked, as its administrator
  --gateway URL --token T   any gateway, with a token of an administrator
`;

/** @returns the exit code. */
export function main(args: readonly string[]): Promise<number> {
  const asked = args.includes('--help');
  (asked ? process.stdout : process.stderr).write(USAGE);
  return Promise.resolve(asked ? 0 : 2);
}
