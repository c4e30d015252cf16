import { OPCUACertificateManager } from 'node-opcua-certificate-manager';
import { setErrorLogger, setWarningLogger } from 'node-opcua-debug';
import { MessageSecurityMode, SecurityPolicy } from 'node-opcua-secure-channel';
import { OPCUAServer } from 'node-opcua-server';
import { StatusCodes } from 'node-opcua-status-code';
import { DataType, VariantArrayType } from 'node-opcua-variant';

export interface Instruments {
  readonly port: number;
  setLevel(value: number): void;
  close(): Promise<void>;
}

/** A server with the standard node set, and of each kind of variable that a person may find on one. */
export async function startInstruments({ uri, folder }: { uri: string; folder: string }): Promise<Instruments> {
  setWarningLogger(() => undefined);
  setErrorLogger(() => undefined);
  const server = new OPCUAServer({
    host: '127.0.0.1',
    port: 0,
    securityModes: [MessageSecurityMode.None],
    securityPolicies: [SecurityPolicy.None],
    serverCertificateManager: new OPCUACertificateManager({ rootFolder: folder, disableFileWatchers: true }),
  });
  await server.initialize();
  const { addressSpace } = server.engine;
  if (addressSpace === null) throw new Error('the server has no address space');
  const namespace = addressSpace.registerNamespace(uri);
  const addFolder = (name: string) =>
    namespace.addFolder(addressSpace.rootFolder.objects, { browseName: name, nodeId: `s=${name}` });
  const tank = addFolder('Tank');
  const at = (name: string) => ({ componentOf: tank, browseName: name, nodeId: `s=Tank.${name}`, ...READ });
  const metre = {
    displayName: 'm',
    description: 'metre',
    unitId: 5_067_858,
    namespaceUri: 'http://www.opcfoundation.org/UA/units/un/cefact',
  };
  const level = namespace.addAnalogDataItem({
    ...at('Level'),
    dataType: 'Float',
    engineeringUnitsRange: { low: 0, high: 10 },
    engineeringUnits: metre,
    value: { dataType: DataType.Float, value: 1.2 },
  });
  namespace.addVariable({
    ...at('Setpoint'),
    ...WRITE,
    dataType: 'Double',
    value: { dataType: DataType.Double, value: 80 },
  });
  namespace.addVariable({ ...at('Running'), dataType: 'Boolean', value: { dataType: DataType.Boolean, value: true } });
  namespace.addVariable({ ...at('Batch'), dataType: 'String', value: { dataType: DataType.String, value: 'B 17' } });
  namespace.addVariable({ ...at('Mode'), dataType: 'ServerState', value: { dataType: DataType.Int32, value: 2 } });
  namespace.addVariable({ ...at('Evil\u001b[2J'), dataType: 'Double', value: { dataType: DataType.Double, value: 1 } });
  namespace.addVariable({
    ...at('Profile'),
    dataType: 'Double',
    valueRank: 1,
    value: { dataType: DataType.Double, arrayType: VariantArrayType.Array, value: [1, 2, 3] },
  });
  const broken = namespace.addVariable({ ...at('Broken'), dataType: 'Double' });
  broken.setValueFromSource({ dataType: DataType.Double, value: 0 }, StatusCodes.BadSensorFailure);
  const sump = addFolder('Sump');
  // A way back up, as servers have them: the walk must end all the same.
  sump.addReference({ referenceType: 'Organizes', nodeId: tank });
  tank.addReference({ referenceType: 'Organizes', nodeId: sump });
  namespace.addVariable({
    ...at('Level'),
    componentOf: sump,
    nodeId: 's=Sump.Level',
    dataType: 'Double',
    value: { dataType: DataType.Double, value: 3 },
  });
  const many = addFolder('Many');
  for (let i = 0; i < 1200; i++)
    namespace.addVariable({
      componentOf: many,
      browseName: `N${i}`,
      nodeId: `s=Many.${i}`,
      dataType: 'Double',
      ...READ,
    });
  await server.start();
  const port = Number(new URL(server.getEndpointUrl().replace(/^opc\.tcp/, 'http')).port);
  return {
    port,
    setLevel: (value) => level.setValueFromSource({ dataType: DataType.Float, value }),
    async close() {
      await server.shutdown(0);
      server.dispose();
    },
  };
}

const READ = { accessLevel: 'CurrentRead', userAccessLevel: 'CurrentRead' } as const;
const WRITE = { accessLevel: 'CurrentRead | CurrentWrite', userAccessLevel: 'CurrentRead | CurrentWrite' } as const;
