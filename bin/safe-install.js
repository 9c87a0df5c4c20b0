#!/usr/bin/env node
import('../dist/lib/cli/main.js').then(
  ({ main }) => main(process.argv.slice(2)),
  (error) => {
    // Not built, or damaged: nothing may be taken for allowed.
    console.error(`safe-install: cannot start (${error.message.split('\n')[0]}): reinstall it, or run 'npm run build' [damaged-install]`);
    process.exitCode = 102;
  },
);
