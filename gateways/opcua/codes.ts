/** What only OPC UA knows; everything else is in `gateways/driver-codes.ts`. */
export const OPCUA_CODES = {
  opcua_endpoint_not_offered: 'The server does not offer this policy and mode',
  opcua_session_lost: 'The server has forgotten the session; a new one is made',
  opcua_subscription_lost: 'The server has forgotten the subscription; a new one is made',
  opcua_notifications_lost: 'The server could not send again what was missed; the values are read anew',
  opcua_server_refused: 'Anything else that the server refuses',
  opcua_item_not_monitored: 'The server gives no values of a node; it is asked again every 30 s',
  opcua_no_valid_nodes: 'The server gives no values of any point of the device',
  opcua_invalid_node_id: 'BAD: the node id cannot be read',
  opcua_unknown_namespace: 'BAD: the server does not have the namespace',
  opcua_no_answer: 'BAD: the server said nothing about the node',
  opcua_array_value: 'BAD: an array; points are single values',
  opcua_unsupported_data_type: 'BAD: a type that is no value of a point',
  opcua_overflow: 'SUSPECT: the server dropped values before this one',
  opcua_browse_failed: 'The server could not be browsed',
} as const;

export type ListedOpcUaCode = keyof typeof OPCUA_CODES;

/** A status of the server is a code as well: `opcua_BadSensorFailure`. */
export type OpcUaCode = ListedOpcUaCode | `opcua_${string}`;
