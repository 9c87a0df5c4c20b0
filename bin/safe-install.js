#!/usr/bin/env node
import('../dist/lib/cli/main.js').then(({ main }) => main(process.argv.slice(2)));
