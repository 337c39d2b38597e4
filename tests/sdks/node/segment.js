// Segment's Node SDK, unmodified: tells the messages on standard input, prints what it gave up.
const { Analytics } = require("@segment/analytics-node");

const { url, key, messages } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const sdk = new Analytics({ writeKey: key, host: url, flushAt: 50, maxRetries: 5 });
const errors = [];
sdk.on("error", (error) => errors.push(String(error.reason?.message ?? error.code)));
for (const { call, ...message } of messages) sdk[call](message);
sdk.closeAndFlush().then(() => console.log(JSON.stringify(errors)));
