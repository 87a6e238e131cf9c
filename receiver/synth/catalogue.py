"""Catalogue of parametrised CRC algorithms (reveng.sourceforge.io/crc-catalogue), once more, for the transmitter."""

from __future__ import annotations

_CATALOGUE = """
CRC-3/GSM 3 3 0 straight 7
CRC-3/ROHC 3 3 7 reflected 0
CRC-4/G-704 4 3 0 reflected 0
CRC-4/INTERLAKEN 4 3 f straight f
CRC-5/EPC-C1G2 5 9 9 straight 0
CRC-5/G-704 5 15 0 reflected 0
CRC-5/USB 5 5 1f reflected 1f
CRC-6/CDMA2000-A 6 27 3f straight 0
CRC-6/CDMA2000-B 6 7 3f straight 0
CRC-6/DARC 6 19 0 reflected 0
CRC-6/G-704 6 3 0 reflected 0
CRC-6/GSM 6 2f 0 straight 3f
CRC-7/MMC 7 9 0 straight 0
CRC-7/ROHC 7 4f 7f reflected 0
CRC-7/UMTS 7 45 0 straight 0
CRC-8/AUTOSAR 8 2f ff straight ff
CRC-8/BLUETOOTH 8 a7 0 reflected 0
CRC-8/CDMA2000 8 9b ff straight 0
CRC-8/DARC 8 39 0 reflected 0
CRC-8/DVB-S2 8 d5 0 straight 0
CRC-8/GSM-A 8 1d 0 straight 0
CRC-8/GSM-B 8 49 0 straight ff
CRC-8/HITAG 8 1d ff straight 0
CRC-8/I-432-1 8 7 0 straight 55
CRC-8/I-CODE 8 1d fd straight 0
CRC-8/LTE 8 9b 0 straight 0
CRC-8/MAXIM-DOW 8 31 0 reflected 0
CRC-8/MIFARE-MAD 8 1d c7 straight 0
CRC-8/NRSC-5 8 31 ff straight 0
CRC-8/OPENSAFETY 8 2f 0 straight 0
CRC-8/ROHC 8 7 ff reflected 0
CRC-8/SAE-J1850 8 1d ff straight ff
CRC-8/SMBUS 8 7 0 straight 0
CRC-8/TECH-3250 8 1d ff reflected 0
CRC-8/WCDMA 8 9b 0 reflected 0
CRC-10/ATM 10 233 0 straight 0
CRC-10/CDMA2000 10 3d9 3ff straight 0
CRC-10/GSM 10 175 0 straight 3ff
CRC-11/FLEXRAY 11 385 1a straight 0
CRC-11/UMTS 11 307 0 straight 0
CRC-12/CDMA2000 12 f13 fff straight 0
CRC-12/DECT 12 80f 0 straight 0
CRC-12/GSM 12 d31 0 straight fff
CRC-13/BBC 13 1cf5 0 straight 0
CRC-14/DARC 14 805 0 reflected 0
CRC-14/GSM 14 202d 0 straight 3fff
CRC-15/CAN 15 4599 0 straight 0
CRC-15/MPT1327 15 6815 0 straight 1
CRC-16/ARC 16 8005 0 reflected 0
CRC-16/CDMA2000 16 c867 ffff straight 0
CRC-16/CMS 16 8005 ffff straight 0
CRC-16/DDS-110 16 8005 800d straight 0
CRC-16/DECT-R 16 589 0 straight 1
CRC-16/DECT-X 16 589 0 straight 0
CRC-16/DNP 16 3d65 0 reflected ffff
CRC-16/EN-13757 16 3d65 0 straight ffff
CRC-16/GENIBUS 16 1021 ffff straight ffff
CRC-16/GSM 16 1021 0 straight ffff
CRC-16/IBM-3740 16 1021 ffff straight 0
CRC-16/IBM-SDLC 16 1021 ffff reflected ffff
CRC-16/ISO-IEC-14443-3-A 16 1021 c6c6 reflected 0
CRC-16/KERMIT 16 1021 0 reflected 0
CRC-16/LJ1200 16 6f63 0 straight 0
CRC-16/M17 16 5935 ffff straight 0
CRC-16/MAXIM-DOW 16 8005 0 reflected ffff
CRC-16/MCRF4XX 16 1021 ffff reflected 0
CRC-16/MODBUS 16 8005 ffff reflected 0
CRC-16/NRSC-5 16 80b ffff reflected 0
CRC-16/OPENSAFETY-A 16 5935 0 straight 0
CRC-16/OPENSAFETY-B 16 755b 0 straight 0
CRC-16/PROFIBUS 16 1dcf ffff straight ffff
CRC-16/RIELLO 16 1021 b2aa reflected 0
CRC-16/SPI-FUJITSU 16 1021 1d0f straight 0
CRC-16/T10-DIF 16 8bb7 0 straight 0
CRC-16/TELEDISK 16 a097 0 straight 0
CRC-16/TMS37157 16 1021 89ec reflected 0
CRC-16/UMTS 16 8005 0 straight 0
CRC-16/USB 16 8005 ffff reflected ffff
CRC-16/XMODEM 16 1021 0 straight 0
CRC-17/CAN-FD 17 1685b 0 straight 0
CRC-21/CAN-FD 21 102899 0 straight 0
CRC-24/BLE 24 65b 555555 reflected 0
CRC-24/FLEXRAY-A 24 5d6dcb fedcba straight 0
CRC-24/FLEXRAY-B 24 5d6dcb abcdef straight 0
CRC-24/INTERLAKEN 24 328b63 ffffff straight ffffff
CRC-24/LTE-A 24 864cfb 0 straight 0
CRC-24/LTE-B 24 800063 0 straight 0
CRC-24/OPENPGP 24 864cfb b704ce straight 0
CRC-24/OS-9 24 800063 ffffff straight ffffff
CRC-30/CDMA 30 2030b9c7 3fffffff straight 3fffffff
CRC-31/PHILIPS 31 4c11db7 7fffffff straight 7fffffff
CRC-32/AIXM 32 814141ab 0 straight 0
CRC-32/AUTOSAR 32 f4acfb13 ffffffff reflected ffffffff
CRC-32/BASE91-D 32 a833982b ffffffff reflected ffffffff
CRC-32/BZIP2 32 4c11db7 ffffffff straight ffffffff
CRC-32/CD-ROM-EDC 32 8001801b 0 reflected 0
CRC-32/CKSUM 32 4c11db7 0 straight ffffffff
CRC-32/ISCSI 32 1edc6f41 ffffffff reflected ffffffff
CRC-32/ISO-HDLC 32 4c11db7 ffffffff reflected ffffffff
CRC-32/JAMCRC 32 4c11db7 ffffffff reflected 0
CRC-32/MEF 32 741b8cd7 ffffffff reflected 0
CRC-32/MPEG-2 32 4c11db7 ffffffff straight 0
CRC-32/XFER 32 af 0 straight 0
CRC-40/GSM 40 4820009 0 straight ffffffffff
CRC-64/ECMA-182 64 42f0e1eba9ea3693 0 straight 0
CRC-64/GO-ISO 64 1b ffffffffffffffff reflected ffffffffffffffff
CRC-64/MS 64 259c84cba6426349 ffffffffffffffff reflected 0
CRC-64/NVME 64 ad93d23594c93659 ffffffffffffffff reflected ffffffffffffffff
CRC-64/REDIS 64 ad93d23594c935a9 0 reflected 0
CRC-64/WE 64 42f0e1eba9ea3693 ffffffffffffffff straight ffffffffffffffff
CRC-64/XZ 64 42f0e1eba9ea3693 ffffffffffffffff reflected ffffffffffffffff
"""
"""Name, width, polynomial, initial register, order of the bits, final sum; numbers but the width hexadecimal."""

CRCS = {
    name: (int(width), int(polynomial, 16), int(initial, 16), order == "reflected", int(final, 16))
    for name, width, polynomial, initial, order, final in map(str.split, _CATALOGUE.strip().splitlines())
}
"""Width, polynomial, initial register, reflected, final sum."""
