import type { components } from "../../generated/api";

type Schemas = components["schemas"];

export type Webhook = Schemas["WebhookView"];
export type WebhookRequest = Schemas["WebhookRequest"];
export type WebhookChange = Schemas["WebhookChange"];
export type EventKind = Schemas["EventKind"];
export type Delivery = Schemas["Delivery"];
export type Token = Schemas["TokenView"];
export type TokenRequest = Schemas["TokenRequest"];
