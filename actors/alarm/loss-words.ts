/**
 * Why a device or its link is lost, in the words of an alarm: what operators read, as its value and in its message. The code
 * stays in the connectivity of the device, for programs.
 */
const WORDS: Readonly<Record<string, string>> = {
  silent: 'nothing is heard from it',
  removed: 'it is no longer on the connection',
  connection_refused: 'the connection is refused',
  connection_failed: 'the connection cannot be made',
  connection_lost: 'the connection broke',
  host_not_found: 'its name cannot be resolved',
  host_unreachable: 'there is no route to it',
  timeout: 'no answer in time',
  not_connected: 'there is no link to it',
  protocol_error: 'what comes is not of the protocol',
  not_authorized: 'user or password is refused',
  certificate_rejected: 'the certificate of the server is not trusted',
  own_certificate_rejected: 'the server does not trust our certificate',
  secret_missing: 'a secret that the connection needs is not there',
  bad_settings: 'the connection cannot work as it is described',
  modbus_unit_not_responding: 'the link is up, the unit does not answer',
  modbus_gateway_path_unavailable: 'the gateway has no path to the unit',
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
  opcua_endpoint_not_offered: 'the server does not offer this security',
  opcua_session_lost: 'the server has forgotten the session',
  opcua_subscription_lost: 'the server has forgotten the subscription',
  opcua_server_refused: 'the server refuses',
  opcua_no_valid_nodes: 'the server gives no values of any point',
};

const PROTOCOLS: readonly (readonly [prefix: string, name: string])[] = [
  ['modbus_', 'Modbus: '],
  ['mqtt_', 'MQTT: '],
  ['opcua_', 'OPC UA: '],
];

/** @param reason stable code of a connectivity; one without words of its own (a status of an OPC UA server) is spelled out */
export function lossInWords(reason: string): string {
  const words = WORDS[reason];
  if (words !== undefined) return words;
  const [prefix, name] = PROTOCOLS.find(([begin]) => reason.startsWith(begin)) ?? ['', ''];
  return `${name}${reason.slice(prefix.length).replaceAll('_', ' ')}`;
}
