// DataScript in node: one JSON line in, one out. Started by bench/frame/peers.py.
const fs = require("fs");
const path = require("path");
const home = path.resolve(process.argv[2], "node_modules", "datascript");
const d = require(home);
const version = JSON.parse(fs.readFileSync(path.join(home, "package.json"), "utf8")).version;

// EDN text to ClojureScript data: a query's function is handed real values.
function edn(text) {
  let value;
  d.q("[:find ?x :in ?f :where [(?f " + text + ") ?x]]", (x) => { value = x; return 1; });
  return value;
}

function times(code, before, seconds) {
  const work = (0, eval)("() => (" + code + ")");
  const prepare = before ? (0, eval)("() => (" + before + ")") : () => null;
  const took = [];
  const end = process.hrtime.bigint() + BigInt(Math.round(seconds * 1e9));
  while (took.length < 3 || process.hrtime.bigint() < end) {
    prepare();
    const start = process.hrtime.bigint();
    work();
    took.push(Number(process.hrtime.bigint() - start));
  }
  return took;
}

function answer(request) {
  switch (request.do) {
    case "version": return `DataScript ${version} (node ${process.versions.node})`;
    case "times": return times(request.code, request.before, request.seconds);
    case "rows": return (0, eval)(request.code);
    default: { const value = (0, eval)(request.code); return value === undefined ? null : value; }
  }
}

globalThis.d = d; globalThis.edn = edn; globalThis.fs = fs;
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  let reply;
  try { reply = { value: answer(JSON.parse(line)) }; }
  catch (error) { reply = { error: String(error && error.message || error) }; }
  process.stdout.write(JSON.stringify(reply) + "\n");
});
