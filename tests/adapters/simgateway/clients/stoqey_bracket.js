// A bracket with @stoqey/ib. Prints what it saw of its orders as one JSON line.
// Usage: node stoqey_bracket.js PORT CLIENT_ID, with the library on NODE_PATH. Ends with status 1 when anything does not come in time.

const { EventName, IBApi } = require("@stoqey/ib");

const [port, clientId] = process.argv.slice(2).map(Number);
const ib = new IBApi({ host: "127.0.0.1", port, clientId });
const opened = new Map();
const statuses = new Map();
const stock = { symbol: "AAPL", secType: "STK", exchange: "SMART", currency: "USD" };
let first = 0;

setTimeout(() => {
  console.error("it never ended", JSON.stringify([...statuses]));
  process.exit(1);
}, 30_000).unref();

ib.on(EventName.openOrder, (id, contract, order) => {
  const terms = [order.orderType, order.tif, order.lmtPrice || 0, order.auxPrice || 0, order.totalQuantity];
  opened.set(id, [...terms, order.parentId, order.ocaGroup || "", order.ocaType]);
});

ib.on(EventName.orderStatus, (id, status) => {
  const seen = statuses.get(id) || [];
  if (seen.at(-1) !== status) statuses.set(id, [...seen, status]);
  if (statuses.get(first + 1)?.includes("Filled") && statuses.get(first + 2)?.includes("Cancelled")) {
    console.log(JSON.stringify({ opened: [...opened.values()], statuses: [...statuses.values()] }));
    ib.disconnect();
    process.exit(0);
  }
});

ib.once(EventName.nextValidId, (id) => {
  first = id;
  const sell = { action: "SELL", totalQuantity: 10, tif: "GTC", parentId: id, ocaGroup: `g${id}`, ocaType: 2 };
  ib.placeOrder(id, stock, { action: "BUY", totalQuantity: 10, tif: "DAY", orderType: "LMT", lmtPrice: 230, transmit: false });
  ib.placeOrder(id + 1, stock, { ...sell, orderType: "STP", auxPrice: 215, transmit: false });
  ib.placeOrder(id + 2, stock, { ...sell, orderType: "LMT", lmtPrice: 250, transmit: true });
});

ib.connect();
