import { z } from 'zod';
import { Asset, AssetProfile, HealthThresholds, Link, Metric } from './schema/asset.ts';
import { Place, Range } from './schema/base.ts';
import { Device, DeviceProfile, Point } from './schema/device.ts';
import { ModbusConnection, ModbusDevice, ModbusPoint } from './schema/modbus.ts';
import { MqttConnection, MqttDevice, MqttPoint } from './schema/mqtt.ts';
import { OpcUaConnection, OpcUaDevice, OpcUaPoint } from './schema/opcua.ts';
import { Condition, Rule } from './schema/rule.ts';
import { Site, Topology } from './schema/topology.ts';
import { ChecklistItem, WorkOrderTemplate } from './schema/work-order-template.ts';

/** The part of JSON Schema that our schemas come out as. */
export interface JsonSchema {
  $schema?: string;
  $id?: string;
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  title?: string;
  description?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  default?: unknown;
  pattern?: string;
  format?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  propertyNames?: JsonSchema;
  items?: JsonSchema;
  prefixItems?: JsonSchema[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
}

/** Objects with a section of their own in the reference, in its order. */
export const NAMED_SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  Site,
  Asset,
  AssetProfile,
  Metric,
  Link,
  HealthThresholds,
  Rule,
  Condition,
  WorkOrderTemplate,
  ChecklistItem,
  Device,
  DeviceProfile,
  Point,
  ModbusConnection,
  ModbusDevice,
  ModbusPoint,
  OpcUaConnection,
  OpcUaDevice,
  OpcUaPoint,
  MqttConnection,
  MqttDevice,
  MqttPoint,
  Place,
  Range,
};

/** JSON Schema of the topology file as its author writes it, for editors: `docs/reference/topology.schema.json`. */
export function topologyJsonSchema(): JsonSchema {
  for (const [id, schema] of Object.entries(NAMED_SCHEMAS)) {
    if (z.globalRegistry.get(schema)?.id === undefined) {
      z.globalRegistry.add(schema, { ...z.globalRegistry.get(schema), id });
    }
  }
  const schema: JsonSchema = JSON.parse(JSON.stringify(z.toJSONSchema(Topology, { io: 'input', cycles: 'ref' })));
  for (const [name, definition] of Object.entries(schema.$defs ?? {})) {
    delete Object.assign(definition, { title: name }).$id;
    if (name.endsWith('Connection')) allowEnvironment(definition);
  }
  return { ...schema, title: 'Signalbox topology file' };
}

/** Text of `docs/reference/topology.schema.json`. */
export function topologyJsonSchemaText(): string {
  return `${JSON.stringify(topologyJsonSchema(), null, 2)}\n`;
}

/** In a connection, a reference to the environment may stand where a number or a text of a certain form is expected. */
function allowEnvironment(schema: JsonSchema): void {
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    if (property.type === 'integer' || property.type === 'number') {
      const { description, default: fallback, ...rest } = property;
      schema.properties = {
        ...schema.properties,
        [key]: {
          ...(description !== undefined && { description }),
          ...(fallback !== undefined && { default: fallback }),
          anyOf: [rest, { type: 'string', pattern: '^\\$\\{env:' }],
        },
      };
    } else {
      allowEnvironment(property);
    }
  }
}
