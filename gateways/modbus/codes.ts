/** What only Modbus knows; everything else is in `gateways/driver-codes.ts`. */
export const MODBUS_CODES = {
  modbus_exception_01: 'Illegal function: the device does not know it',
  modbus_exception_02: 'Illegal data address: the device refuses the register',
  modbus_exception_03: 'Illegal data value, or more registers than the device gives at once',
  modbus_exception_04: 'The device failed while it carried out the request',
  modbus_exception_05: 'Accepted, carried out later',
  modbus_exception_06: 'The device is busy',
  modbus_exception_08: 'Memory parity error of the device',
  modbus_exception_0A: 'The gateway has no path to the unit',
  modbus_exception_0B: 'The unit behind the gateway does not answer',
  modbus_unit_not_responding: 'The link is up, the unit does not answer',
  modbus_unit_silent: 'BAD: the unit was not asked again in this cycle, since it does not answer',
  modbus_gateway_path_unavailable: 'The gateway answers with exception 0A',
  modbus_exceeds_limit: 'BAD: the value is longer than one request may be',
  modbus_invalid_address: 'BAD: an address that Modbus does not have',
  modbus_serial_not_found: 'There is no such serial port',
  modbus_serial_not_permitted: 'The serial port may not be opened; is the user in the group `dialout`?',
  modbus_serial_unavailable: 'Serial ports are not supported on this system',
} as const;

/** Devices also send exceptions that the specification does not have. */
export type ModbusCode = keyof typeof MODBUS_CODES | `modbus_exception_${string}`;
