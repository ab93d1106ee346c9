import { read, write, type ClientOptions } from "../request.ts";

const ACCOUNTS = 8;
const FIRST_BALANCE = 100;
const JSON_TYPE = { "Content-Type": "application/json" };

export async function openBank(options: ClientOptions): Promise<void> {
  for (let account = 0; account < ACCOUNTS; account += 1) {
    const put = `PUT /kv/bank/${account}`;
    while ((await write(options, "put", put, { body: String(FIRST_BALANCE) })).status !== 200) await Bun.sleep(50);
  }
}

/** Moves money between accounts in transactions, and counts it: nothing may get lost, whatever their outcomes were. */
export async function runBank(options: ClientOptions): Promise<void> {
  const { prng, tally, isOver } = options;
  while (!isOver()) {
    await Bun.sleep(prng.between(50, 150));
    const { status, fields } = await read(options, "list", "GET /kv/?prefix=bank/&consistent");
    if (status !== 200) continue;
    const entries = fields.entries ?? [];
    const total = entries.reduce((sum, { value }) => sum + Number(value), 0);
    if (entries.length !== ACCOUNTS || total !== ACCOUNTS * FIRST_BALANCE) {
      tally.violation(`the bank holds ${total} in ${entries.length} accounts`);
    }
    const [from, to] = [prng.pick(entries), prng.pick(entries)];
    if (from.key === to.key) continue;
    const amount = prng.between(1, 10);
    const operations = [
      { op: "check-index", key: from.key, index: from.modify_index },
      { op: "check-index", key: to.key, index: to.modify_index },
      { op: "set", key: from.key, value: String(Number(from.value) - amount) },
      { op: "set", key: to.key, value: String(Number(to.value) + amount) },
    ];
    await write(options, "txn", "POST /kv/txn", { body: JSON.stringify({ operations }), headers: JSON_TYPE });
  }
}
