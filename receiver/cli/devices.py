"""``radome devices``: what there is to receive with."""

from __future__ import annotations

import os

import click


@click.command()
def command() -> None:
    """List the receivers that SoapySDR finds, as `radome live` takes them, and what else it takes."""
    from ..device import DeviceError
    from ..device.soapy import found

    os.environ.setdefault("SOAPY_SDR_LOG_LEVEL", "ERROR")
    try:
        tables = found()
    except DeviceError as error:
        print(error)
    else:
        for table in tables:
            named = {key: table[key] for key in ("driver", "serial", "remote", "remote:driver") if table.get(key)}
            words = ",".join(f"{key}={value}" for key, value in named.items())
            print(f"soapy:{words}\t{table.get('label', table.get('product', ''))}".rstrip())
        if not tables:
            print("SoapySDR finds no receiver; its modules come with: sudo apt install soapysdr-module-all")
    print("rtlsdr:0\tan RTL-SDR by pyrtlsdr, if that is installed")
    print("rtltcp://HOST:PORT\tan RTL-SDR behind rtl_tcp")
    print("tcp://HOST:PORT\tbare samples from a server; tcp://:PORT waits for one that connects")
    print("udp://[HOST]:PORT\tbare samples in datagrams")
    print("zmq:tcp://HOST:PORT\tbare samples from GNU Radio's ZMQ PUB Sink; zmq:pull:tcp://HOST:PORT from a PUSH Sink")
    print("-\tbare samples from standard input")
