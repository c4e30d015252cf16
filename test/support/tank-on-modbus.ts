/** A plant under test: a tank whose level and count come over Modbus from the meter at `PORT`; its level may be too high or too low. */
export const TANK_ON_MODBUS = `signalbox: 1
organization: { id: acme, name: Acme Water }
sites:
  - { id: works, name: Waterworks, timeZone: Europe/Berlin }
connections:
  - { id: bus, driver: modbus, tcp: { host: 127.0.0.1, port: PORT } }
devices:
  - id: meter
    name: Meter
    site: works
    connection: bus
    modbus: { unit: 1, pollMs: 100 }
    points:
      - { name: level, modbus: { area: holding, address: 0, type: uint16 } }
      - { name: count, modbus: { area: holding, address: 1, type: uint16 } }
assets:
  - id: tank
    name: Tank
    site: works
    metrics:
      - { name: level, unit: cm, key: true }
      - { name: count }
    links: [{ device: meter }]
    rules:
      - { id: high, name: About to overflow, metric: level, when: { above: 800 }, severity: CRITICAL }
      - { id: low, name: Runs dry, metric: level, when: { below: 5 }, severity: HIGH }
`;
