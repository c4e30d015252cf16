import type { LinkCode, ReadingCode, WriteCode } from '../../gateways/driver-codes.ts';
import type { MODBUS_CODES } from '../../gateways/modbus/codes.ts';
import type { MqttCode } from '../../gateways/mqtt/codes.ts';
import type { ListedOpcUaCode } from '../../gateways/opcua/codes.ts';
import { words } from './format.ts';

/**
 * What people in front of the wall read in place of a code: the one place for it. A driver's list of codes says to whoever keeps
 * the plant what is behind each (`docs/reference/errors.md`); here stands what an operator has to know, as a part of a sentence.
 * The compiler misses a code that has no words.
 */
const DRIVERS: Readonly<
  Record<LinkCode | ReadingCode | WriteCode | MqttCode | keyof typeof MODBUS_CODES | ListedOpcUaCode, string>
> = {
  connected: 'connected',
  connecting: 'the first attempt is under way',
  link_back: 'not heard since its link is back',
  stopped: 'ended here',
  removed: 'no longer on the connection',
  connection_refused: 'the connection is refused',
  connection_failed: 'the connection cannot be made',
  connection_lost: 'the connection broke',
  host_not_found: 'its name cannot be resolved',
  host_unreachable: 'there is no route to it',
  timeout: 'no answer in time',
  not_connected: 'there was no link',
  protocol_error: 'what came is not of the protocol',
  not_authorized: 'user or password is refused',
  certificate_rejected: 'the certificate of the server is not trusted',
  own_certificate_rejected: 'the server does not trust our certificate',
  server_certificate_expires: 'the certificate of the server ends soon',
  own_certificate_expires: 'our certificate ends soon',
  secret_missing: 'a secret that the connection needs is not there',
  bad_settings: 'the connection cannot work as it is described',
  not_stored: 'readings could not be stored',
  queue_full: 'more waits for it than may',

  no_value: 'the device gave no value',
  not_finite: 'the device gave no number',
  wrong_type: 'not of the type of the point',
  precision_lost: 'too large to be shown exactly',
  retained: 'kept by the broker, of an unknown time',
  gateway_clock: 'timed by the clock of the node, which is off',
  source: 'the sender says so',
  bad_json: 'the message is not JSON',
  bad_payload: 'the message has another form than expected',
  payload_too_large: 'the message is too long',
  bad_status: 'the status is neither online nor offline',
  bad_time: 'the time in the message cannot be read',
  no_known_field: 'nothing in the message is a point',
  unit_mismatch: 'another unit than that of the point',
  unknown_device: 'no device of this name is on the connection',
  decommissioned: 'the device is out of use',
  unknown_point: 'the device has no such point',
  ambiguous_device: 'several devices could be meant',
  organization_mismatch: 'the message names another organization',
  site_mismatch: 'the message names another site',
  asset_mismatch: 'the device is not linked to the asset that the message names',

  no_driver: 'nobody drives the device now',
  not_writable: 'the point cannot be written',
  out_of_range: 'the value does not fit the point',
  deadline_passed: 'too late, it was not sent',
  authority_lost: 'the device has changed its node, it was not sent',
  epoch_stale: 'the order is from before a change of node, it was not sent',
  epoch_unknown: 'who wrote last is not known, it was not sent',
  read_back_failed: 'written, but it could not be read back',
  read_back_differs: 'written, but another value is read back',
  answer_lost: 'no answer came, but the device has the value',
  outcome_unknown: 'whether the device carried it out is not known',
  no_report: 'whether the device carried it out is not known',

  modbus_exception_01: 'the device does not know the request',
  modbus_exception_02: 'the device refuses the register',
  modbus_exception_03: 'the device refuses the value or the number of registers',
  modbus_exception_04: 'the device failed at the request',
  modbus_exception_05: 'the device carries it out later',
  modbus_exception_06: 'the device is busy',
  modbus_exception_08: 'the memory of the device has an error',
  modbus_exception_0A: 'the gateway has no path to the unit',
  modbus_exception_0B: 'the unit behind the gateway does not answer',
  modbus_unit_not_responding: 'the link is up, the unit does not answer',
  modbus_unit_silent: 'not asked again, since the unit does not answer',
  modbus_gateway_path_unavailable: 'the gateway has no path to the unit',
  modbus_exceeds_limit: 'longer than one request may be',
  modbus_invalid_address: 'an address that Modbus does not have',
  modbus_serial_not_found: 'there is no such serial port',
  modbus_serial_not_permitted: 'the serial port may not be opened',
  modbus_serial_unavailable: 'serial ports are not supported here',

  mqtt_last_will: 'its broker says that it is gone',
  mqtt_client_gone: 'its MQTT client disconnected',
  mqtt_no_clients: 'no device is connected to the embedded broker',
  mqtt_client_id_rejected: 'the broker refuses the client id',
  mqtt_broker_unavailable: 'the broker answers that it cannot',
  mqtt_refused: 'the broker refuses the connection',
  mqtt_session_taken_over: 'another client uses the same client id',
  mqtt_unsupported_version: 'the broker speaks another version of MQTT',
  mqtt_subscription_refused: 'the broker refuses a topic',
  mqtt_port_in_use: 'the embedded broker cannot listen, its port is taken',
  mqtt_unknown_topic: 'the topic is not one of the connection',
  mqtt_device_not_in_topic: 'the message names no device',

  opcua_endpoint_not_offered: 'the server does not offer this security',
  opcua_session_lost: 'the server has forgotten the session',
  opcua_subscription_lost: 'the server has forgotten the subscription',
  opcua_notifications_lost: 'the server could not send again what was missed',
  opcua_server_refused: 'the server refuses',
  opcua_item_not_monitored: 'the server gives no values of it',
  opcua_no_valid_nodes: 'the server gives no values of any point',
  opcua_invalid_node_id: 'its address on the server cannot be read',
  opcua_unknown_namespace: 'the server does not have its namespace',
  opcua_no_answer: 'the server said nothing about it',
  opcua_array_value: 'an array, not a single value',
  opcua_unsupported_data_type: 'a type that no point has',
  opcua_overflow: 'the server dropped values before this one',
  opcua_browse_failed: 'the server could not be browsed',
};

/** Codes of quality rules, of connectivity and of suppression, which the actors themselves give. */
const ACTORS: Readonly<Record<string, string>> = {
  stale: 'no new reading within twice its interval',
  frozen: 'arrives, but has not moved for too long',
  input: 'an input is not good',
  no_input: 'no input has a value',
  partial_input: 'some of its inputs are missing',
  range: 'outside of the possible range',
  rate: 'changed faster than it can',
  device_lost: 'its device is lost',
  no_device_time: 'came without a time of its own',
  future_time: 'dated in the future',
  data: 'readings arrive',
  silent: 'no readings arrive',
  last_will: 'its last will came',
  not_heard_yet: 'not heard yet',
};

const WORDS: Readonly<Record<string, string>> = { ...ACTORS, ...DRIVERS };

/** A code of a reason in words; what a server or a device made up itself is spelled out. */
export function reasonWords(code: string): string {
  return WORDS[code] ?? statusWords(code) ?? words(code);
}

/** `opcua_BadSensorFailure` -> `OPC UA: bad sensor failure`, `modbus_exception_7F` -> `Modbus exception 7F` */
function statusWords(code: string): string | undefined {
  const [, exception] = /^modbus_exception_(\w+)$/.exec(code) ?? [];
  if (exception !== undefined) return `Modbus exception ${exception}`;
  const [, status] = /^opcua_((?:Bad|Uncertain|Good)\w*)$/.exec(code) ?? [];
  return status === undefined ? undefined : `OPC UA: ${words(status).toLowerCase()}`;
}
