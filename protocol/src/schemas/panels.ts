import { Type, type Static } from 'typebox';
import { LIMITS } from '../limits.js';
import {
  CallerSchema,
  Cid,
  Instant,
  MspId,
  ObjectId,
  PageFields,
  Sha256,
  Text,
  TransactionId,
  closed,
} from './common.js';

const FieldName = Type.String({ pattern: '^[a-z][A-Za-z0-9]{0,39}$' });
const Decimal = Type.String({
  pattern: '^-?[0-9]{1,12}(\\.[0-9]{1,9})?$',
  description: 'a decimal, as text: no rounding',
});
export const LayoutId = Type.String({ pattern: '^[a-z0-9-]{1,40}$' });

const NumberRange = {
  unit: Text(20),
  /** Digits after the point that are kept. */
  scale: Type.Integer({ minimum: 0, maximum: 9 }),
  min: Decimal,
  max: Decimal,
};
const NumberColumn = closed({ column: FieldName, ...NumberRange });
const Edges = Type.Array(Decimal, { minItems: 2, maxItems: LIMITS.categories + 1 });
/** Exactly one of the two. */
const Categories = {
  edges: Type.Optional(Edges),
  categories: Type.Optional(Type.Array(Text(40), { minItems: 1, maxItems: LIMITS.categories })),
};

/** Kinds of fields, as in crypto `panel/fields`. A numeric field or a histogram reads the column of its own name. */
export const PanelFieldSchema = Type.Union([
  closed({ kind: Type.Literal('numeric'), name: FieldName, ...NumberRange }),
  closed({ kind: Type.Literal('histogram'), name: FieldName, unit: Text(20), ...Categories }),
  closed({ kind: Type.Literal('pair'), name: FieldName, x: NumberColumn, y: NumberColumn }),
  closed({
    kind: Type.Literal('grouped'),
    name: FieldName,
    unit: Text(20),
    by: Type.Array(closed({ column: FieldName, ...Categories }), { minItems: 1, maxItems: 2 }),
  }),
  closed({
    kind: Type.Literal('survival'),
    name: FieldName,
    unit: Text(20),
    edges: Edges,
    /** Column of the time to the event, or to when the patient was last seen without it. */
    time: FieldName,
    /** Column of the status, and what it holds. */
    event: closed({ column: FieldName, occurred: Text(40), censored: Text(40) }),
  }),
]);

/** What every row of a panel holds, and where: DESIGN of the row packing in docs/crypto/formats.md. */
export const PanelLayoutSchema = closed({
  id: LayoutId,
  version: Type.Integer({ minimum: 1, maximum: 1000 }),
  keyBits: Type.Integer({ minimum: 512, maximum: 4096 }),
  fields: Type.Array(PanelFieldSchema, { minItems: 1, maxItems: LIMITS.fieldsPerQuery }),
  maxRecords: Type.Integer({ minimum: 1, maximum: 1_000_000_000 }),
  statisticalBits: Type.Integer({ minimum: 40, maximum: 128 }),
});
export type PanelLayoutDocument = Static<typeof PanelLayoutSchema>;

/** A layout is immutable under its id and version. */
export const RegisterLayoutSchema = closed({ layout: PanelLayoutSchema });
export const LayoutQuerySchema = closed({
  layoutId: LayoutId,
  version: PanelLayoutSchema.properties.version,
});
export const RegisteredLayoutSchema = closed({
  layout: PanelLayoutSchema,
  digest: Sha256,
  registeredBy: MspId,
  registeredAt: Instant,
  txId: TransactionId,
});
export type RegisteredLayout = Static<typeof RegisteredLayoutSchema>;

/** One block of many rows' ciphertexts, one CID. Which patient a row is of stays with the hospital. */
const PanelFields = {
  panelId: ObjectId,
  layoutId: LayoutId,
  layoutVersion: PanelLayoutSchema.properties.version,
  keyId: Sha256,
  cid: Cid,
  rows: Type.Integer({ minimum: 1, maximum: LIMITS.panelRows }),
};
export const AnchorPanelSchema = closed(PanelFields);
export const PanelQuerySchema = closed({ panelId: ObjectId });
export const ListPanelsSchema = closed({
  layoutId: LayoutId,
  mspId: MspId,
  pageSize: PageFields.pageSize,
  bookmark: PageFields.bookmark,
});
export const PanelSchema = closed({
  ...PanelFields,
  ownerMspId: MspId,
  anchoredBy: CallerSchema,
  anchoredAt: Instant,
  txId: TransactionId,
});
export type Panel = Static<typeof PanelSchema>;
