// SPDX-License-Identifier: Apache-2.0
/** BTF types as data, one shape per kind; ids index the type table, 0 is `void`. Names are '' where a type has none. */

export type TypeId = number;

export interface BtfMember {
  readonly name: string;
  readonly type: TypeId;
  readonly bitOffset: number;
  /** 0 when the member is not a bit-field. */
  readonly bitSize: number;
}
export interface BtfEnumValue {
  readonly name: string;
  readonly value: bigint;
}
export interface BtfSectionVariable {
  readonly type: TypeId;
  readonly offset: number;
  readonly size: number;
}

export interface BtfInt {
  readonly kind: 'int';
  readonly name: string;
  readonly size: number;
  readonly bits: number;
  readonly bitOffset: number;
  readonly encoding: 'none' | 'signed' | 'char' | 'bool';
}
export interface BtfArray {
  readonly kind: 'array';
  readonly element: TypeId;
  readonly index: TypeId;
  readonly count: number;
}
export interface BtfComposite {
  readonly kind: 'struct' | 'union';
  readonly name: string;
  readonly size: number;
  readonly members: readonly BtfMember[];
}
export interface BtfEnum {
  readonly kind: 'enum' | 'enum64';
  readonly name: string;
  readonly size: number;
  readonly signed: boolean;
  readonly values: readonly BtfEnumValue[];
}
/** Kinds that only wrap another type. */
export interface BtfModifier {
  readonly kind: 'ptr' | 'typedef' | 'volatile' | 'const' | 'restrict' | 'type_tag';
  readonly name: string;
  readonly type: TypeId;
}
export interface BtfFunctionPrototype {
  readonly kind: 'func_proto';
  readonly returns: TypeId;
  readonly parameters: readonly { readonly name: string; readonly type: TypeId }[];
}
/** `linkage`: 0 static, 1 global, 2 extern. */
export interface BtfNamed {
  readonly kind: 'func' | 'var';
  readonly name: string;
  readonly type: TypeId;
  readonly linkage: number;
}
export interface BtfDataSection {
  readonly kind: 'datasec';
  readonly name: string;
  readonly size: number;
  readonly variables: readonly BtfSectionVariable[];
}
export interface BtfDeclTag {
  readonly kind: 'decl_tag';
  readonly name: string;
  readonly type: TypeId;
  /** Member or parameter index, -1 = the whole declaration. */
  readonly component: number;
}

export type BtfType =
  | { readonly kind: 'void' }
  | BtfInt
  | BtfArray
  | BtfComposite
  | BtfEnum
  | BtfModifier
  | BtfFunctionPrototype
  | BtfNamed
  | BtfDataSection
  | BtfDeclTag
  | { readonly kind: 'fwd'; readonly name: string; readonly union: boolean }
  | { readonly kind: 'float'; readonly name: string; readonly size: number };
