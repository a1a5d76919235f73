// Runs every audit of the GraphQL-over-HTTP reference suite against a running server.
// Usage: node audits.mjs <url>. Prints one JSON array: {id, name, status: "ok" | "notice" | "warn" | "error", reason}.
import { serverAudits } from 'graphql-http';

const url = process.argv[2];
if (!url) {
  console.error('Give the address of a GraphQL endpoint.');
  process.exit(2);
}

const results = [];
for (const audit of serverAudits({ url })) {
  const result = await audit.fn();
  results.push({ id: audit.id, name: audit.name, status: result.status, reason: result.reason ?? null });
}
console.log(JSON.stringify(results));
