// A trading session with @stoqey/ib. Prints what it saw as one JSON line.
// Usage: node stoqey.js PORT CLIENT_ID, with the library on NODE_PATH. Ends with status 1 when anything does not come in time.

const { EventName, IBApi } = require("@stoqey/ib");

const DEADLINE_MS = 30_000;
const [port, clientId] = process.argv.slice(2).map(Number);

class Session {
  constructor() {
    this.ib = new IBApi({ host: "127.0.0.1", port, clientId });
    this.heard = Object.fromEntries(Object.values(EventName).map((name) => [name, []]));
    this.waiting = new Set();
    for (const name of Object.values(EventName)) {
      this.ib.on(name, (...told) => {
        this.heard[name].push(told);
        this.waiting.forEach((look) => look());
      });
    }
  }

  // The first true value of a condition; every message from the gateway is a reason to look again.
  until(what, test) {
    return new Promise((resolve, reject) => {
      const errors = () => JSON.stringify(this.heard.error.map(([error, code]) => [error.message, code]));
      const timer = setTimeout(() => reject(new Error(`no ${what}; errors: ${errors()}`)), DEADLINE_MS);
      const look = () => {
        const value = test();
        if (value) {
          clearTimeout(timer);
          this.waiting.delete(look);
          resolve(value);
        }
      };
      this.waiting.add(look);
      look();
    });
  }

  async connect() {
    this.ib.connect();
    await this.until("next valid id", () => this.heard.nextValidId.length);
    return this.heard.nextValidId[0][0];
  }

  async leave() {
    this.ib.disconnect();
    await this.until("disconnect", () => this.heard.disconnected.length);
  }

  has(orderId, status) {
    return this.heard.orderStatus.some(([id, told]) => id === orderId && told === status);
  }

  async history(reqId) {
    this.ib.reqExecutions(reqId, {});
    await this.until("executions", () => this.heard.execDetailsEnd.some(([id]) => id === reqId));
    this.ib.reqCompletedOrders(false);
    await this.until("completed orders", () => this.heard.completedOrdersEnd.length);
    const fills = this.heard.execDetails.filter(([id]) => id === reqId).map(([, , fill]) => fill);
    return [
      fills.map((fill) => [fill.side, fill.shares, fill.orderRef]),
      this.heard.completedOrder.map(([contract, order, state]) => [contract.symbol, order.orderRef, state.status]),
    ];
  }
}

const stock = (symbol) => ({ symbol, secType: "STK", exchange: "SMART", currency: "USD" });
const order = (action, totalQuantity, orderRef, lmtPrice) => ({
  action, totalQuantity, orderRef, lmtPrice, orderType: lmtPrice ? "LMT" : "MKT", tif: "DAY", transmit: true,
});

async function look(session) {
  const { ib, heard } = session;
  ib.reqAccountUpdates(true, "");
  await session.until("account", () => heard.accountDownloadEnd.length);
  ib.reqPositions();
  await session.until("positions", () => heard.positionEnd.length);
  ib.reqContractDetails(9002, stock("AAPL"));
  await session.until("contract details", () => heard.contractDetailsEnd.length);
  ib.reqContractDetails(9003, stock("NOSUCH"));
  await session.until("error 200", () => heard.error.some(([, code, reqId]) => code === 200 && reqId === 9003));
  const prices = (reqId) => [1, 2, 4].map((kind) => heard.tickPrice.find(([id, tick]) => id === reqId && tick === kind)?.[2]);
  ib.reqMktData(9004, stock("AAPL"), "", false, false);
  await session.until("quote", () => prices(9004).every(Boolean));
  ib.cancelMktData(9004);
  ib.reqMktData(9005, stock("MSFT"), "", true, false);
  await session.until("snapshot", () => heard.tickSnapshotEnd.length);
  return {
    version: ib.serverVersion,
    cash: heard.updateAccountValue.find(([key, , currency]) => key === "TotalCashBalance" && currency === "USD")[1],
    positions: Object.fromEntries(heard.position.map(([, contract, shares, cost]) => [contract.symbol, [shares, cost]])),
    con_id: heard.contractDetails[0][1].contract.conId,
    unknown: heard.contractDetails.length - 1,
    quote: prices(9004),
    snapshot: prices(9005),
  };
}

async function trade(session, first) {
  const { ib, heard } = session;
  ib.placeOrder(first, stock("AAPL"), order("BUY", 10, "buy"));
  await session.until("buy", () => session.has(first, "Filled") && heard.commissionReport.length === 1);
  ib.placeOrder(first + 1, stock("AAPL"), order("BUY", 5, "limit", 1.0));
  await session.until("working limit order", () => session.has(first + 1, "Submitted"));
  ib.cancelOrder(first + 1);
  await session.until("cancel", () => session.has(first + 1, "Cancelled"));
  ib.placeOrder(first + 2, stock("AAPL"), order("SELL", 10, "sell"));
  await session.until("sell", () => session.has(first + 2, "Filled") && heard.commissionReport.length === 2);
  const last = (orderId) => heard.orderStatus.filter(([id]) => id === orderId).at(-1)[1];
  return {
    statuses: [first, first + 1, first + 2].map(last),
    commissions: heard.commissionReport.map(([report]) => report.commission),
  };
}

async function main() {
  const session = new Session();
  const first = await session.connect();
  const seen = { ...(await look(session)), ...(await trade(session, first)), history: await session.history(9006) };
  await session.leave();
  const again = new Session();
  await again.connect();
  seen.after_reconnect = await again.history(9007);
  await again.leave();
  console.log(JSON.stringify(seen));
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
