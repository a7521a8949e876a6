// Fetches the page twice with Node, the second time with the session of the first.
//
//     node fetch.js ADDRESS PORT NAME CA-FILE TLSv1.2|TLSv1.3 [CURVES]
//
// It shows the certificate that the environment names, if any: CLIENT_CERTIFICATE and CLIENT_KEY are
// PEM files.
const fs = require("fs");
const tls = require("tls");

const { CLIENT_CERTIFICATE, CLIENT_KEY } = process.env;
const identity = CLIENT_CERTIFICATE
  ? { cert: fs.readFileSync(CLIENT_CERTIFICATE), key: fs.readFileSync(CLIENT_KEY) } : {};
const [address, port, name, ca, version, curves] = process.argv.slice(2);

function fetch(session, then) {
  let newest = session;
  let page = "";
  const socket = tls.connect({
    host: address, port: Number(port), servername: name, ca: fs.readFileSync(ca), session,
    minVersion: version, maxVersion: version, ecdhCurve: curves || "auto",
    ...identity,
  }, () => {
    console.log(`version=${socket.getProtocol()} resumed=${socket.isSessionReused()}`);
    socket.write(`GET / HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`);
  });
  socket.setTimeout(10_000, () => socket.destroy(new Error("timed out")));
  socket.on("session", (made) => { newest = made; });
  socket.on("data", (part) => { page += part; });
  socket.on("end", () => { console.log(page); });
  socket.on("close", (failed) => { if (!failed) then(newest); });
  socket.on("error", (why) => { console.error(why); process.exitCode = 1; });
}

fetch(undefined, (session) => fetch(session, () => {}));
