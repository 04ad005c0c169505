// A client of the types generated from the served schema: sign in, list, open an order, release a hold on what was read.
import createClient from "openapi-fetch";
import type {components, paths} from "./schema.js";

const [url, username, password, wanted] = process.argv.slice(2) as [string, string, string, string];

function demand(holds: boolean, what: string): asserts holds {
    if (!holds) throw new Error(what);
}

const signed = await createClient<paths>({baseUrl: url}).POST("/api/v1/sign-in", {body: {username, password, device: "smoke"}});
demand(signed.data !== undefined, `not signed in: ${signed.response.status}`);
const tokens: components["schemas"]["Tokens"] = signed.data;
const api = createClient<paths>({baseUrl: url, headers: {Authorization: `Bearer ${tokens.access}`}});

const list = await api.GET("/api/v1/orders", {params: {query: {limit: 50}}});
demand(list.data !== undefined && list.data.items.length > 0, "no orders listed");
const found = await api.GET("/api/v1/orders", {params: {query: {q: wanted}}});
demand(found.data?.items[0]?.channel_number === wanted, "not found by its 19 digits");

const one = await api.GET("/api/v1/orders/{number}", {params: {path: {number: wanted}}});
demand(one.data !== undefined, `not opened: ${one.response.status}`);
const number: string = one.data.channel_number;
demand(typeof number === "string" && number === wanted && String(Number(number)) !== wanted, "the number did not stay a text");
const hold = one.data.holds[0];
demand(hold !== undefined, "it has no hold");
const tag = one.response.headers.get("ETag");
demand(tag !== null, "it has no ETag");

const path = {number: one.data.number, hold: hold.id};
const stale = await api.POST("/api/v1/orders/{number}/holds/{hold}/release", {
    params: {path, header: {"If-Match": '"old"'}}, body: {note: "smoke"},
});
demand(stale.response.status === 409 && stale.error !== undefined && "allowed" in stale.error, "an old version was taken");
// @ts-expect-error  the types demand If-Match
const blind = await api.POST("/api/v1/orders/{number}/holds/{hold}/release", {params: {path}, body: {note: "smoke"}});
demand(blind.response.status === 428, "a decision without a version was taken");
const done = await api.POST("/api/v1/orders/{number}/holds/{hold}/release", {
    params: {path, header: {"If-Match": tag}}, body: {note: "smoke"},
});
demand(done.data !== undefined && done.data.holds.every(each => each.id !== hold.id), `not released: ${done.response.status}`);
console.log(JSON.stringify({listed: list.data.items.length, number, released: hold.type, stale: 409, blind: 428}));
