/** What only MQTT knows; everything else is in `gateways/driver-codes.ts`. */
export const MQTT_CODES = {
  mqtt_last_will: 'The broker says that the device is gone',
  mqtt_client_gone: 'The MQTT client that spoke for the device has left our broker',
  mqtt_no_clients: 'No client that speaks for a device is connected to our broker any more',
  mqtt_client_id_rejected: 'The broker refuses the client id',
  mqtt_broker_unavailable: 'The broker answers that it cannot',
  mqtt_refused: 'The broker refuses for another reason',
  mqtt_session_taken_over: 'Another client uses the same client id',
  mqtt_unsupported_version: 'The broker speaks another version of MQTT; the other one is tried',
  mqtt_subscription_refused: 'The broker refuses a topic',
  mqtt_port_in_use: 'The embedded broker cannot listen there',
  mqtt_unknown_topic: 'The topic fits no template of the connection',
  mqtt_device_not_in_topic: 'Neither topic nor payload names a device',
} as const;

export type MqttCode = keyof typeof MQTT_CODES;
