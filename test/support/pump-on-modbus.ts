/** A plant under test: a pump whose flow would come over Modbus from where nothing listens. */
export const PUMP_ON_MODBUS = `signalbox: 1
organization: { id: acme, name: Acme Water }
sites:
  - { id: works, name: Waterworks, timeZone: Europe/Berlin }
connections:
  - { id: plc-net, driver: modbus, tcp: { host: 127.0.0.1, port: 9 } }
devices:
  - id: plc
    name: Station PLC
    site: works
    connection: plc-net
    modbus: { unit: 1, pollMs: 1000 }
    points:
      - { name: flow, unit: m³/h, range: { min: 0, max: 300 }, modbus: { area: input, address: 0, type: float32 } }
assets:
  - id: pump-1
    name: Pump 1
    site: works
    metrics:
      - { name: flow, unit: m³/h, key: true }
    links:
      - { device: plc }
`;
