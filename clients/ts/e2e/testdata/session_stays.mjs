// The same as session.mjs, but the session is not ended: its end could be lost with the conn.
import { run as runSession } from "./session.mjs";

export const run = (addr) => runSession(addr, false);
