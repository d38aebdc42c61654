// DataScript answers: a JSON line {schema, facts, rules, queries: [{text, inputs}]}, all of it EDN text,
// gives a JSON line of results: rows, or {error}. The argument is the directory that holds node_modules.
const path = require("path");
const d = require(path.resolve(process.argv[2], "node_modules", "datascript"));

// A query's function is handed real ClojureScript values, so a query reads EDN.
function edn(text) {
  let value;
  d.q("[:find ?x :in ?f :where [(?f " + text + ") ?x]]", (x) => { value = x; return 1; });
  return value;
}

function answer(db, rules, query) {
  try {
    return d.q(query.text, db, rules, ...query.inputs.map(edn));
  } catch (error) {
    return { error: String((error && error.message) || error) };
  }
}

require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const program = JSON.parse(line);
  const conn = d.create_conn(edn(program.schema));
  d.transact(conn, edn(program.facts));
  const db = d.db(conn);
  process.stdout.write(JSON.stringify(program.queries.map((query) => answer(db, program.rules, query))) + "\n");
});
