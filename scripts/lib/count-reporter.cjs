// Mocha's dot reporter, which also writes what it counted to the file named in CARELEDGER_TEST_COUNTS.
// A pending test counts as failed: what cannot run must say so.
const { writeFileSync } = require('node:fs');
const { reporters, Runner } = require('mocha');

module.exports = class CountReporter extends reporters.Dot {
  constructor(runner, options) {
    super(runner, options);
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = this.stats;
      if (pending > 0) console.error(`${pending} pending tests count as failures: a test is run or removed.`);
      writeFileSync(
        process.env.CARELEDGER_TEST_COUNTS,
        JSON.stringify({ passed: passes, failed: failures + pending }),
      );
    });
  }
};
