import { z } from 'zod';
import { RuleItem } from './rule-schemas.ts';
import { SystemItem } from './system-schemas.ts';
import { Alarm, AssetItem, DeviceItem, SiteItem, WorkOrderItem } from './view-schemas.ts';

/**
 * Which fields a kind of item has, out of the schema that describes it, so that a mistyped name is told instead of answered
 * with nothing. Keys of records (metrics, points, alarms) differ from item to item: there every key is a field.
 */
export class ViewFields {
  readonly #shape: z.core.$ZodLooseShape;

  constructor(item: z.ZodObject) {
    this.#shape = item.shape;
  }

  /** @param path `group`, `group.key`, or a key of `props` */
  problemOfField(path: string): string | undefined {
    return this.problemOfPath(path) === undefined || this.#has(`props.${path}`) ? undefined : this.#unknown(path);
  }

  /** As `problemOfField`, for one that can be put in order: not a whole group. */
  problemOfSort(path: string): string | undefined {
    const problem = this.problemOfField(path);
    if (problem !== undefined || !isGroup(this.#shape[path])) return problem;
    return `${path} is a group; sort by one of its fields, as ${path}.…`;
  }

  /** @param path `group` or `group.key`: as the push takes them, without the short form */
  problemOfPath(path: string): string | undefined {
    return this.#has(path) ? undefined : this.#unknown(path);
  }

  #has(path: string): boolean {
    const dot = path.indexOf('.');
    if (dot < 0) return Object.hasOwn(this.#shape, path);
    const group = path.slice(0, dot);
    const key = path.slice(dot + 1);
    if (!Object.hasOwn(this.#shape, group)) return false;
    const inner = innermost(this.#shape[group]);
    if (inner instanceof z.ZodRecord) return key !== '';
    return inner instanceof z.ZodObject && Object.hasOwn(inner.shape, key);
  }

  #unknown(path: string): string {
    const { props } = this.#shape;
    const ofProps = props instanceof z.ZodObject ? `; of props there are ${Object.keys(props.shape).join(', ')}` : '';
    return `there is no field ${path.slice(0, 80)}; there are ${Object.keys(this.#shape).join(', ')}${ofProps}`;
  }
}

function isGroup(schema: unknown): boolean {
  return schema instanceof z.ZodRecord || schema instanceof z.ZodObject;
}

/** `shelved` of an alarm is an object or null. */
function innermost(schema: unknown): unknown {
  return schema instanceof z.ZodNullable || schema instanceof z.ZodOptional ? innermost(schema.unwrap()) : schema;
}

export const SITE_FIELDS = new ViewFields(SiteItem);
export const ASSET_FIELDS = new ViewFields(AssetItem);
export const DEVICE_FIELDS = new ViewFields(DeviceItem);
export const SYSTEM_FIELDS = new ViewFields(SystemItem);
export const WORK_ORDER_FIELDS = new ViewFields(WorkOrderItem);
export const ALARM_FIELDS = new ViewFields(Alarm);
export const RULE_FIELDS = new ViewFields(RuleItem);
