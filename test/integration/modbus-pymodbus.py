"""A Modbus server by pymodbus for the tests: port, then tcp or rtu (serial frames over TCP, for a pseudo-terminal).
Debian 12 has version 3.0, Debian 13 has 3.8: names and the start of the server differ."""
import asyncio
import sys
import types

import pymodbus

OLD = pymodbus.__version__.startswith("3.0.")
if OLD:
    # Only its serial server needs these, and it imports them always; Debian does not install them with it.
    serial_asyncio = types.ModuleType("serial_asyncio")
    serial_asyncio.create_serial_connection = None
    sys.modules.setdefault("serial", types.ModuleType("serial"))
    sys.modules.setdefault("serial_asyncio", serial_asyncio)

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext  # noqa: E402

if OLD:
    from pymodbus.server.async_io import ModbusTcpServer  # noqa: E402
    from pymodbus.transaction import ModbusRtuFramer as RTU, ModbusSocketFramer as SOCKET  # noqa: E402
else:
    from pymodbus.framer import FramerType  # noqa: E402
    from pymodbus.server import ModbusTcpServer  # noqa: E402

    RTU, SOCKET = FramerType.RTU, FramerType.SOCKET


def unit(offset):
    # Blocks count from 1: the address on the wire is one less.
    return ModbusSlaveContext(
        hr=ModbusSequentialDataBlock(1, [offset + i * 10 for i in range(200)]),
        ir=ModbusSequentialDataBlock(1, [offset + i * 100 for i in range(200)]),
        co=ModbusSequentialDataBlock(1, [i % 3 == 0 for i in range(200)]),
        di=ModbusSequentialDataBlock(1, [i % 2 == 0 for i in range(200)]),
    )


async def main():
    rtu = sys.argv[2] == "rtu"
    context = ModbusServerContext(slaves={1: unit(0), 2: unit(1)}, single=False)
    server = ModbusTcpServer(
        context,
        framer=RTU if rtu else SOCKET,
        address=("127.0.0.1", int(sys.argv[1])),
        # On a bus nobody answers for a unit that is not there.
        ignore_missing_slaves=rtu,
        **({"allow_reuse_address": True} if OLD else {}),
    )
    if OLD:
        task = asyncio.ensure_future(server.serve_forever())
        await server.serving
    else:
        await server.serve_forever(background=True)
        task = server.serving
    print("listening", flush=True)
    await task


asyncio.run(main())
