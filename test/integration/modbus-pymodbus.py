"""A Modbus server by pymodbus 3.0 for the tests: port, then tcp or rtu (serial frames over TCP, for a pseudo-terminal)."""
import asyncio
import sys
import types

# Only its serial server needs these, and it imports them always; Debian does not install them with it.
serial_asyncio = types.ModuleType("serial_asyncio")
serial_asyncio.create_serial_connection = None
sys.modules.setdefault("serial", types.ModuleType("serial"))
sys.modules.setdefault("serial_asyncio", serial_asyncio)

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext  # noqa: E402
from pymodbus.server.async_io import ModbusTcpServer  # noqa: E402
from pymodbus.transaction import ModbusRtuFramer, ModbusSocketFramer  # noqa: E402


def unit(offset):
    return ModbusSlaveContext(
        hr=ModbusSequentialDataBlock(0, [offset + i * 10 for i in range(200)]),
        ir=ModbusSequentialDataBlock(0, [offset + i * 100 for i in range(200)]),
        co=ModbusSequentialDataBlock(0, [i % 3 == 0 for i in range(200)]),
        di=ModbusSequentialDataBlock(0, [i % 2 == 0 for i in range(200)]),
        zero_mode=True,
    )


async def main():
    framer = ModbusRtuFramer if sys.argv[2] == "rtu" else ModbusSocketFramer
    context = ModbusServerContext(slaves={1: unit(0), 2: unit(1)}, single=False)
    server = ModbusTcpServer(
        context,
        framer=framer,
        address=("127.0.0.1", int(sys.argv[1])),
        allow_reuse_address=True,
        # On a bus nobody answers for a unit that is not there.
        ignore_missing_slaves=framer is ModbusRtuFramer,
    )
    task = asyncio.ensure_future(server.serve_forever())
    await server.serving
    print("listening", flush=True)
    await task


asyncio.run(main())
