// RudderStack's Node SDK, unmodified: tells the messages on standard input, prints what it gave up.
const Analytics = require("@rudderstack/rudder-sdk-node");

const { url, key, messages, gzip } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const errors = [];
const sdk = new Analytics(key, {
  dataPlaneUrl: url, gzip, flushAt: 50, logLevel: "none", retryCount: 5,
  errorHandler: (error) => errors.push(error.message),
});
for (const { call, ...message } of messages) {
  if (message.timestamp) message.timestamp = new Date(message.timestamp);
  sdk[call](message);
}
const rest = async () => {
  while (sdk.queue.length) await sdk.flush();
  await sdk.flush();
  console.log(JSON.stringify(errors));
};
rest();
