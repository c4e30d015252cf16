/**
 * The words that drivers share for what can go wrong, so that one thing has one name whatever the protocol. They stand in
 * reports, connectivities, outcomes of writes, marks of readings and dead letters, and `docs/reference/errors.md` is made of
 * them. What only one protocol knows is listed beside its driver and begins with the name of the protocol.
 */

/** Why a link, or a device behind it, is as it is. */
export const LINK_CODES = {
  connected: 'It answers',
  connecting: 'The first attempt is under way',
  link_back: 'The link is back, the device has not been heard yet',
  stopped: 'We ended it',
  removed: 'The device is no longer on the connection',
  connection_refused: 'Nothing listens there, or a firewall refuses',
  connection_failed: 'The connection could not be made for another reason',
  connection_lost: 'The other side closed it, or it broke',
  host_not_found: 'The name cannot be resolved',
  host_unreachable: 'No route',
  timeout: 'No answer in time',
  not_connected: 'Asked while there was no link',
  protocol_error: 'What came is not of the protocol; the link is made anew',
  not_authorized: 'The other side refuses user and password, or what they may do',
  certificate_rejected: 'We do not trust the certificate of the server',
  own_certificate_rejected: 'The server does not trust ours',
  server_certificate_expires: 'Within `certificateWarningDays`',
  own_certificate_expires: 'Within `certificateWarningDays`',
  secret_missing: 'The secret that the connection names is not there',
  bad_settings: 'The connection cannot work as it is described',
  not_stored: 'The log could not take readings; sources that can send again are made to',
  queue_full: 'More waits for the link or the device than may',
} as const;

/** Why a reading is refused or doubted, beyond what the device actor itself finds; and why a message cannot be used. */
export const READING_CODES = {
  no_value: 'BAD: the device gave none',
  not_finite: 'BAD: NaN or infinite',
  wrong_type: 'BAD: not of the type of the point',
  precision_lost: 'UNCERTAIN: a 64-bit integer that a number cannot hold exactly',
  retained: 'UNCERTAIN: kept by the broker, and without a time of the device',
  gateway_clock: 'UNCERTAIN: timed by the clock of the node, which is off',
  source: 'The quality is that which the sender gave',
  bad_json: 'The payload is not JSON',
  bad_payload: 'The payload has another form than the connection says',
  payload_too_large: 'The message is longer than the connection takes; its body is not kept',
  bad_status: 'A status is `online` or `offline`',
  bad_time: 'The time in the payload cannot be read',
  no_known_field: 'No field of the payload is a point',
  unit_mismatch: 'The unit in the payload is not that of the point',
  unknown_device: 'No device of the connection has this name',
  decommissioned: 'The device is out of use; told once, then only counted',
  unknown_point: 'The device has no such point',
  ambiguous_device: 'Several devices could be meant',
  organization_mismatch: 'The message names another organization',
  site_mismatch: 'The message names another site than that of the device',
  asset_mismatch: 'The device is not linked to the asset that the message names',
} as const;

/** How a write to a device ended, beside the codes of links. */
export const WRITE_CODES = {
  no_driver: 'No driver runs for the device',
  unknown_device: 'The driver does not have the device',
  unknown_point: 'The device has no such point',
  not_writable: 'The point cannot be written, or is not on the allow-list',
  wrong_type: 'The value is not of the type that the device takes',
  out_of_range: 'The value does not fit the point or the type that the device takes',
  deadline_passed: 'Too late: not sent',
  authority_lost: 'The node does not own the device any more, or cannot tell: not sent',
  epoch_stale: 'The order comes from before a change of owner: not sent',
  epoch_unknown: 'Under which owner the device was written last cannot be read from disk, or kept there: not sent',
  read_back_failed: 'Written; reading it back failed',
  read_back_differs: 'Written; what is read back is another value',
  answer_lost: 'The answer did not come, but the device holds the value',
  outcome_unknown: 'The node ended while it was under way: the device may or may not have carried it out',
  no_report: 'The driver did not say how it ended: the device may or may not have carried it out',
} as const;

export type LinkCode = keyof typeof LINK_CODES;
export type ReadingCode = keyof typeof READING_CODES;
export type WriteCode = keyof typeof WRITE_CODES;
export type ProtocolCode = `modbus_${string}` | `opcua_${string}` | `mqtt_${string}`;

/** Every code that a driver may give. */
export type DriverCode = LinkCode | ReadingCode | WriteCode | ProtocolCode;
